//! From a stack file's tables to the resources that they ask for.
//!
//! Decides defaults, names, tags, implied resources and what is a mistake although every key has the right type.
//! Must not know the text that the tables came from, nor what is live.

mod alb;
mod alb_action;
mod alb_rule;
mod blue_green;
mod bucket;
mod capacity;
mod certificate;
mod classic;
mod clb;
mod cloudfront;
mod cloudfront_origin;
mod connect;
mod container;
mod context;
mod deployment;
mod discovery;
mod domain;
mod fargate;
mod files;
mod firelens;
mod fit;
mod function;
mod ground;
mod groups;
mod instance_scaling;
mod instances;
mod lock;
mod namespace;
mod network;
mod nlb;
mod offline;
mod peers;
mod place;
mod reach;
mod references;
mod registry;
mod role;
mod routes;
mod scaling;
mod schedule;
mod secret;
mod service;
mod stack;
mod step;
mod subnets;
mod tags;
mod target_group;
mod task;
#[cfg(test)]
mod tests;
mod tls;
mod viewer;
mod volume;
mod vpc;
mod vpc_blocks;
mod vpc_endpoint;
mod whole;

use std::collections::BTreeMap;

use super::shape::StackFile;
use super::{LocalFiles, Mistake};
use crate::desired::Desired;
use crate::files::Folder;
use context::Lowering;

/// What `file` asks for, as the stack called `stack`; `region` goes before the file's own. `folders` is what stands in the
/// folders that it names, and `files` the files, if anybody has looked: otherwise nothing is known of them.
///
/// # Errors
///
/// Fails with every mistake in the file.
pub fn lower(
    file: &StackFile,
    stack: &str,
    region: Option<&str>,
    folders: Option<&BTreeMap<String, Folder>>,
    files: Option<&LocalFiles>,
) -> Result<Desired, Vec<Mistake>> {
    let region = region.or(file.stack.region.as_deref());
    let mut lowering = Lowering::new(file, stack, region, folders, files);
    stack::check(&mut lowering);
    vpc::lower(&mut lowering);
    // Declared groups, roles and log groups go first: they take the place of implied ones.
    registry::lower(&mut lowering);
    role::lower(&mut lowering);
    groups::lower(&mut lowering);
    certificate::lower(&mut lowering);
    target_group::lower(&mut lowering);
    alb::lower(&mut lowering);
    nlb::lower(&mut lowering);
    clb::lower(&mut lowering);
    alb_action::check_groups(&mut lowering);
    task::lower(&mut lowering);
    namespace::lower(&mut lowering);
    service::lower(&mut lowering);
    namespace::check_names(&mut lowering);
    step::check_names(&mut lowering);
    bucket::lower(&mut lowering);
    // Who reaches instances follows from the services on them.
    instances::lower(&mut lowering);
    offline::check(&mut lowering);
    function::lower(&mut lowering);
    cloudfront::lower(&mut lowering);
    domain::lower(&mut lowering);
    bucket::imply_policies(&mut lowering);
    files::imply(&mut lowering);
    let mut outputs = stack::outputs(&mut lowering);
    vpc::settle(&mut lowering, &mut outputs);
    whole::check(&mut lowering);
    let network = lowering.network();
    let lock = lock::place(&mut lowering);
    let resources = lowering.finish()?;
    Ok(Desired {
        stack: stack.to_owned(),
        region: region.map(str::to_owned),
        account: file.stack.account.clone(),
        lock,
        network,
        resources,
        outputs,
        known_as: BTreeMap::new(),
    })
}
