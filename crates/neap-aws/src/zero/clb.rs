//! Classic load balancers, by the older API: their listeners are a part of them.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancing::types as sdk;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, Thing};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

/// The most entries that a page holds.
const PAGE: i32 = 400;
/// The most names whose tags one call tells.
const TAGGED: usize = 20;

type TagsByName = BTreeMap<String, BTreeMap<String, String>>;

pub(super) async fn look(aws: &Aws) -> Part {
    let mut part = Part::default();
    let pages = aws.clb.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
    let listed = pages.try_collect().await.map_err(failed("elasticloadbalancing:DescribeLoadBalancers"));
    let balancers: Vec<sdk::LoadBalancerDescription> = part.take(listed);
    let names: Vec<String> = balancers.iter().filter_map(|it| it.load_balancer_name.clone()).collect();
    let batches: Vec<&[String]> = names.chunks(TAGGED).collect();
    let mut all = TagsByName::new();
    for answer in each(&batches, async |batch| tags_of(aws, batch).await).await {
        all.extend(part.take(answer));
    }
    part.seen.extend(balancers.iter().map(|it| balancer(it, &mut all)));
    part
}

fn balancer(balancer: &sdk::LoadBalancerDescription, tags: &mut TagsByName) -> Seen {
    let name = balancer.load_balancer_name().unwrap_or_default();
    let mut seen = Seen::new(Thing::ClassicLoadBalancer, name, name);
    let shown = balancer.listener_descriptions().iter().filter_map(|it| it.listener());
    let certificates = shown.filter_map(|listener| listener.ssl_certificate_id.clone());
    seen.uses = balancer.security_groups().iter().cloned().chain(certificates).collect();
    seen.tags = tags.remove(name).unwrap_or_default();
    seen.usage = vec![Usage::of(Charge::Clb, 1.0)];
    seen
}

/// The tags of a batch. One that has just gone fails the call for all of them, so then each is asked for alone.
async fn tags_of(aws: &Aws, names: &[String]) -> Result<TagsByName, CallError> {
    match describe_tags(aws, names).await {
        Err(error) if error.kind == ErrorKind::NotFound => {}
        answer => return answer,
    }
    let mut all = TagsByName::new();
    for name in names {
        match describe_tags(aws, std::slice::from_ref(name)).await {
            Ok(tags) => all.extend(tags),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

async fn describe_tags(aws: &Aws, names: &[String]) -> Result<TagsByName, CallError> {
    let answer = aws.clb.describe_tags().set_load_balancer_names(Some(names.to_vec())).send().await;
    let answer = answer.map_err(failed("elasticloadbalancing:DescribeTags"))?;
    let described = answer.tag_descriptions().iter().map(|it| {
        let pairs = it.tags().iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()));
        (it.load_balancer_name().unwrap_or_default().to_owned(), tags(pairs))
    });
    Ok(described.collect())
}
