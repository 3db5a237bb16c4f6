//! What cannot start where it has no way to the internet.
//!
//! Decides which services of AWS tasks and instances need to come up, and so which endpoints must be there in place of a way to
//! the internet. Must not know how subnets are chosen.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::place::{Place, quoted};
use super::{ground, subnets, vpc_endpoint};
use crate::address::{Address, Kind};
use crate::config::shape::{ServiceTable, StackFile, SubnetGroup, Subnets};
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

/// Why there is no way to the internet.
#[derive(Clone, Copy)]
enum Lack {
    /// Private subnets have no NAT gateway.
    Gateway,
    /// The internet gateway of public subnets serves nothing without a public address ("Internet gateways" of the VPC guide).
    Address,
}

impl Lack {
    /// The key that says so.
    const fn key(self) -> &'static str {
        match self {
            Self::Gateway => "subnets",
            Self::Address => "public_ip",
        }
    }

    /// The same in words.
    const fn words(self) -> &'static str {
        match self {
            Self::Gateway => "private subnets without a NAT gateway",
            Self::Address => "public subnets without a public address",
        }
    }

    /// What mends it.
    const fn help(self) -> &'static str {
        match self {
            Self::Gateway => "`[network] nat = \"one\"` is a way to the internet, billed by the hour",
            Self::Address => {
                "leave `public_ip` out: from public subnets a public address is the way to the internet"
            }
        }
    }
}

/// Reports what could not start where it is.
pub(super) fn check(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.service {
        // Images and logs of tasks on instances are their instance's to fetch and send.
        if !ground::instances(file, table).is_empty() {
            continue;
        }
        if let Some(lack) = lack(file, &table.subnets, table.public_ip) {
            let mut needs = Needs::default();
            needs.of_service(lowering, table);
            report(lowering, &Place::of("service", name), "its tasks", &needs, lack);
        }
    }
    for (name, cluster) in &file.cluster {
        for block in ground::blocks(cluster) {
            let Some(lack) = lack(file, &block.table.subnets, block.table.public_ip) else { continue };
            let mut needs = Needs::default();
            needs.services.extend(AGENT);
            let lands = |service: &&ServiceTable| {
                let blocks = ground::instances(file, service);
                service.cluster == *name && blocks.iter().any(|other| other.name == block.name)
            };
            for service in file.service.values().filter(lands) {
                needs.of_service(lowering, service);
            }
            report(lowering, &block.place(name), "its instances and their tasks", &needs, lack);
        }
    }
}

/// Why nothing in these subnets reaches the internet, if that is known.
fn lack(file: &StackFile, subnets: &Subnets, public_ip: Option<bool>) -> Option<Lack> {
    match subnets::own_group(file, subnets)? {
        SubnetGroup::Private => {
            (file.network.nat.is_none() && file.network.private.is_wanted()).then_some(Lack::Gateway)
        }
        SubnetGroup::Public => (public_ip == Some(false)).then_some(Lack::Address),
    }
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

fn report(lowering: &mut Lowering<'_>, place: &Place, who: &str, needs: &Needs, lack: Lack) {
    let missing: Vec<&str> =
        needs.services.iter().copied().filter(|service| !vpc_endpoint::is_there(lowering, service)).collect();
    let place = place.at(lack.key());
    if !needs.images.is_empty() {
        let images = quoted(&needs.images);
        let instead = match lack {
            Lack::Gateway => "; or `subnets = \"public\"`",
            Lack::Address => "",
        };
        lowering
            .report(&place, format!("{who} could not pull {images}: {}", lack.words()))
            .help(lack.help())
            .help(format!("or keep the images in an `[ecr.x]`, which endpoints lead to{instead}"));
    } else if !missing.is_empty() {
        let services = quoted(&missing);
        lowering
            .report(&place, format!("{who} would not reach {services}: {}", lack.words()))
            .help(lack.help())
            .help(format!("or add these to `[network] endpoints`: {services}"));
    }
}
