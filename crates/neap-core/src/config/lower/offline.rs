//! What cannot start in private subnets that have no NAT gateway.
//!
//! Decides which services of AWS tasks and instances need to come up, and so which endpoints must be there in place of a way to
//! the internet. Must not know how subnets are chosen.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::place::{Place, quoted};
use super::{ground, subnets, vpc_endpoint};
use crate::address::{Address, Kind};
use crate::config::shape::{ServiceTable, StackFile, Subnets};
use crate::kinds::{Container, Resource};

/// What the agent on an instance asks ("Amazon ECS interface VPC endpoints").
const AGENT: [&str; 3] = ["ecs", "ecs-agent", "ecs-telemetry"];
/// By what images are pulled from ECR, whose layers are in S3.
const IMAGES: [&str; 3] = ["ecr.api", "ecr.dkr", "s3"];

/// What something needs to come up.
#[derive(Default)]
struct Needs {
    /// Short names of services of AWS.
    services: BTreeSet<&'static str>,
    /// Images that only the internet has.
    images: BTreeSet<String>,
}

/// Reports what could not start where it is.
pub(super) fn check(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.service {
        if ground::instances(file, table).is_empty() && is_cut_off(file, &table.subnets) {
            let mut needs = Needs::default();
            needs.of_service(lowering, table);
            report(lowering, &Place::of("service", name).at("subnets"), "its tasks", &needs);
        }
    }
    for (name, cluster) in &file.cluster {
        let blocks = ground::blocks(cluster).into_iter();
        for block in blocks.filter(|block| is_cut_off(file, &block.table.subnets)) {
            let mut needs = Needs::default();
            needs.services.extend(AGENT);
            let lands = |service: &&ServiceTable| {
                let blocks = ground::instances(file, service);
                service.cluster == *name && blocks.iter().any(|other| other.name == block.name)
            };
            for service in file.service.values().filter(lands) {
                needs.of_service(lowering, service);
            }
            let place = block.place(name).at("subnets");
            report(lowering, &place, "its instances and their tasks", &needs);
        }
    }
}

/// Whether nothing in these subnets reaches the internet.
fn is_cut_off(file: &StackFile, subnets: &Subnets) -> bool {
    file.network.nat.is_none() && file.network.private.is_wanted() && subnets::are_private(file, subnets)
}

impl Needs {
    fn of_service(&mut self, lowering: &Lowering<'_>, table: &ServiceTable) {
        let task = lowering.resources.get(&Address::new(Kind::Task, &table.task));
        if let Some(Resource::Task(task)) = task.map(|task| &task.resource) {
            task.containers.values().for_each(|container| self.of_container(container));
        }
        if table.exec {
            self.services.insert("ssmmessages");
        }
    }

    fn of_container(&mut self, container: &Container) {
        if container.image.contains("${ecr.") || container.image.contains(".dkr.ecr.") {
            self.services.extend(IMAGES);
        } else if !container.image.contains("${") {
            self.images.insert(container.image.clone());
        }
        let logs = container.logs.as_ref();
        if logs.is_some_and(|logs| logs.driver == "awslogs") {
            self.services.insert("logs");
        }
        let options = logs.into_iter().flat_map(|logs| logs.secret_options.values());
        for secret in container.secrets.values().chain(options) {
            let of_ssm = secret.split(':').nth(2) == Some("ssm");
            self.services.insert(if of_ssm { "ssm" } else { "secretsmanager" });
        }
    }
}

fn report(lowering: &mut Lowering<'_>, place: &Place, who: &str, needs: &Needs) {
    let missing: Vec<&str> =
        needs.services.iter().copied().filter(|service| !vpc_endpoint::is_there(lowering, service)).collect();
    if !needs.images.is_empty() {
        let images = quoted(&needs.images);
        lowering
            .report(place, format!("{who} could not pull {images}: private subnets without a NAT gateway"))
            .help("`[network] nat = \"one\"` is a way to the internet, billed by the hour")
            .help("or keep the images in an `[ecr.x]`, which endpoints lead to; or `subnets = \"public\"`");
    } else if !missing.is_empty() {
        let services = quoted(&missing);
        lowering
            .report(place, format!("{who} would not reach {services}: private subnets without a NAT gateway"))
            .help("`[network] nat = \"one\"` is a way to the internet, billed by the hour")
            .help(format!("or add these to `[network] endpoints`: {services}"));
    }
}
