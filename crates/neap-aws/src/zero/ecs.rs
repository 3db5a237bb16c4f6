//! Clusters, the services and tasks in them, and capacity providers.

use aws_sdk_ecs::types as sdk;
use neap_core::pricing::Usage;
use neap_core::zero::{Depth, Owner, Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, is_tagged, tags};
use crate::client::Aws;
use crate::error::failed;

/// The most clusters or tasks that one call describes.
const CLUSTERS: usize = 100;
/// The most services that one call describes.
const SERVICES: usize = 10;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let arns = part.take(cluster_arns(aws).await);
    let batches: Vec<&[String]> = arns.chunks(CLUSTERS).collect();
    for answer in each(&batches, async |batch| clusters(aws, batch).await).await {
        let found = part.take(answer);
        part.seen.extend(found);
    }
    let everything = scope.depth == Depth::Everything;
    // Others run their own things in theirs, and only the proof needs to know that none of it is the stack's.
    let own = part.candidates(scope, Thing::Cluster);
    let all: Vec<String> = part.seen.iter().map(|cluster| cluster.id.clone()).collect();
    let visited = if everything { all } else { own.clone() };
    for services in each(&visited, async |cluster| services(aws, cluster).await).await {
        part.merge(services);
    }
    let runs_own = |cluster: &String| {
        let (_, name) = cluster.rsplit_once('/').unwrap_or(("", cluster));
        let inside = |seen: &Seen| seen.within.as_deref() == Some(cluster) && is_tagged(scope, &seen.tags);
        own.contains(cluster) || scope.clusters.contains(name) || part.seen.iter().any(inside)
    };
    let with_tasks: Vec<String> = visited.iter().filter(|cluster| runs_own(cluster)).cloned().collect();
    for tasks in each(&with_tasks, async |cluster| tasks(aws, cluster).await).await {
        part.merge(tasks);
    }
    if everything {
        let providers = part.take(capacity_providers(aws).await);
        part.seen.extend(providers);
    }
    part
}

fn tags_of(list: &[sdk::Tag]) -> std::collections::BTreeMap<String, String> {
    tags(list.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
}

/// AWS's word for a status that means that something is going.
fn going(status: Option<&str>) -> Option<String> {
    let status = status?;
    matches!(status, "DEPROVISIONING" | "DRAINING" | "DELETE_IN_PROGRESS")
        .then(|| status.to_ascii_lowercase().replace('_', " "))
}

async fn cluster_arns(aws: &Aws) -> Result<Vec<String>, CallError> {
    let pages = aws.ecs.list_clusters().into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListClusters"))
}

/// Clusters that are there. One that is gone stays visible as inactive for a while.
async fn clusters(aws: &Aws, arns: &[String]) -> Result<Vec<Seen>, CallError> {
    let call = aws.ecs.describe_clusters().set_clusters(Some(arns.to_vec()));
    let answer =
        call.include(sdk::ClusterField::Tags).send().await.map_err(failed("ecs:DescribeClusters"))?;
    let there = answer.clusters().iter().filter(|cluster| cluster.status() != Some("INACTIVE"));
    let seen = there.map(|cluster| {
        let arn = cluster.cluster_arn().unwrap_or_default();
        let mut seen = Seen::new(Thing::Cluster, arn, cluster.cluster_name().unwrap_or_default());
        seen.tags = tags_of(cluster.tags());
        seen.going = going(cluster.status());
        let instances = cluster.registered_container_instances_count();
        seen.stored.items = u64::try_from(instances).unwrap_or_default();
        seen
    });
    Ok(seen.collect())
}

async fn services(aws: &Aws, cluster: &str) -> Part {
    let mut part = Part::default();
    let pages = aws.ecs.list_services().cluster(cluster).max_results(100).into_paginator().items().send();
    let arns: Result<Vec<String>, CallError> =
        pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListServices"));
    let arns = part.take(arns);
    let batches: Vec<&[String]> = arns.chunks(SERVICES).collect();
    for answer in each(&batches, async |batch| describe_services(aws, cluster, batch).await).await {
        let found = part.take(answer);
        part.seen.extend(found);
    }
    part
}

async fn describe_services(aws: &Aws, cluster: &str, arns: &[String]) -> Result<Vec<Seen>, CallError> {
    let call = aws.ecs.describe_services().cluster(cluster).set_services(Some(arns.to_vec()));
    let answer =
        call.include(sdk::ServiceField::Tags).send().await.map_err(failed("ecs:DescribeServices"))?;
    let there = answer.services().iter().filter(|service| service.status() != Some("INACTIVE"));
    let seen = there.map(|service| {
        let arn = service.service_arn().unwrap_or_default();
        let mut seen = Seen::new(Thing::Service, arn, service.service_name().unwrap_or_default());
        seen.tags = tags_of(service.tags());
        seen.going = going(service.status());
        seen.within = Some(cluster.to_owned());
        let network = service.network_configuration().and_then(|it| it.awsvpc_configuration());
        seen.uses = network.map(|it| it.security_groups().iter().cloned().collect()).unwrap_or_default();
        seen
    });
    Ok(seen.collect())
}

/// The tasks of a cluster that run, and those that are told to stop and have not yet.
async fn tasks(aws: &Aws, cluster: &str) -> Part {
    let mut part = Part::default();
    let mut arns: Vec<String> = Vec::new();
    for status in [sdk::DesiredStatus::Running, sdk::DesiredStatus::Stopped] {
        let call = aws.ecs.list_tasks().cluster(cluster).desired_status(status);
        let pages = call.into_paginator().items().send();
        let listed: Result<Vec<String>, CallError> =
            pages.collect::<Result<_, _>>().await.map_err(failed("ecs:ListTasks"));
        arns.extend(part.take(listed));
    }
    arns.sort();
    arns.dedup();
    let batches: Vec<&[String]> = arns.chunks(CLUSTERS).collect();
    for answer in each(&batches, async |batch| describe_tasks(aws, cluster, batch).await).await {
        let found = part.take(answer);
        part.seen.extend(found);
    }
    part
}

async fn describe_tasks(aws: &Aws, cluster: &str, arns: &[String]) -> Result<Vec<Seen>, CallError> {
    let call = aws.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec()));
    let answer = call.include(sdk::TaskField::Tags).send().await.map_err(failed("ecs:DescribeTasks"))?;
    let there =
        answer.tasks().iter().filter(|task| !matches!(task.last_status(), Some("STOPPED" | "DELETED")));
    Ok(there.map(|task| seen_task(cluster, task)).collect())
}

fn seen_task(cluster: &str, task: &sdk::Task) -> Seen {
    let mut seen = Seen::new(Thing::Task, task.task_arn().unwrap_or_default(), "");
    seen.tags = tags_of(task.tags());
    seen.within = Some(cluster.to_owned());
    let service = task.group().and_then(|group| group.strip_prefix("service:"));
    seen.owner = service.map(|name| Owner { thing: Thing::Service, name: name.to_owned() });
    if task.desired_status() == Some("STOPPED") {
        seen.going = Some(task.last_status().unwrap_or("stopping").to_ascii_lowercase());
    }
    seen.usage = usage(task);
    seen
}

/// What a task costs: nothing of its own on instances, which bill themselves. Its public address is its interface's.
fn usage(task: &sdk::Task) -> Vec<Usage> {
    let by_provider = task.capacity_provider_name().is_some_and(|name| name.starts_with("FARGATE"));
    let on_fargate = by_provider || task.launch_type() == Some(&sdk::LaunchType::Fargate);
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
    let is_arm = |it: &sdk::Attribute| it.name() == "ecs.cpu-architecture" && it.value() == Some("arm64");
    match (number(task.cpu()), number(task.memory())) {
        (Some(cpu), Some(memory)) if on_fargate => {
            Usage::fargate(cpu, memory, task.attributes().iter().any(is_arm)).to_vec()
        }
        _ => Vec::new(),
    }
}

/// Capacity providers that somebody made. The SDK has no pages for them.
async fn capacity_providers(aws: &Aws) -> Result<Vec<Seen>, CallError> {
    const OPERATION: &str = "ecs:DescribeCapacityProviders";
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let call = aws.ecs.describe_capacity_providers().include(sdk::CapacityProviderField::Tags);
        let answer = call.set_next_token(next).send().await.map_err(failed(OPERATION))?;
        for provider in answer.capacity_providers() {
            let name = provider.name().unwrap_or_default();
            let is_gone = provider.status() == Some(&sdk::CapacityProviderStatus::Inactive);
            if !is_gone && !name.starts_with("FARGATE") {
                let arn = provider.capacity_provider_arn().unwrap_or_default();
                let tags = tags_of(provider.tags());
                let group = provider.auto_scaling_group_provider().map(|it| it.auto_scaling_group_arn());
                // Groups are known by their names.
                let group = group.and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name.to_owned());
                let uses = group.into_iter().collect();
                all.push(Seen { tags, uses, ..Seen::new(Thing::CapacityProvider, arn, name) });
            }
        }
        next = answer.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use neap_core::pricing::{Charge, cost};

    use super::*;

    fn task() -> sdk::builders::TaskBuilder {
        sdk::Task::builder().task_arn("arn:task/main/1").cpu("256").memory("512").last_status("RUNNING")
    }

    #[test]
    fn a_task_on_fargate_costs_what_its_size_does_and_one_on_an_instance_nothing() {
        let on_fargate = seen_task("main", &task().capacity_provider_name("FARGATE_SPOT").build());
        assert_eq!(on_fargate.usage, Usage::fargate(256, 512, false));
        let arm = sdk::Attribute::builder().name("ecs.cpu-architecture").value("arm64").build();
        let arm = task().launch_type(sdk::LaunchType::Fargate).attributes(arm.expect("an attribute")).build();
        assert_eq!(seen_task("main", &arm).usage[0].charge, Charge::FargateArmCpu);
        assert!(cost(&seen_task("main", &arm).usage, "us-east-1").is_some());
        let on_instance = task().launch_type(sdk::LaunchType::Ec2).build();
        assert_eq!(seen_task("main", &on_instance).usage, []);
    }

    #[test]
    fn a_task_names_its_service_and_says_when_it_is_stopping() {
        let seen = seen_task("main", &task().group("service:shop-api").desired_status("RUNNING").build());
        assert_eq!(seen.owner, Some(Owner { thing: Thing::Service, name: "shop-api".into() }));
        assert_eq!(seen.going, None);
        let stopping =
            task().group("family:shop-api").desired_status("STOPPED").last_status("DEPROVISIONING");
        let stopping = seen_task("main", &stopping.build());
        assert_eq!((stopping.owner, stopping.going.as_deref()), (None, Some("deprovisioning")));
    }

    #[test]
    fn only_what_is_on_its_way_out_is_going() {
        assert_eq!(going(Some("ACTIVE")), None);
        assert_eq!(going(Some("PROVISIONING")), None);
        assert_eq!(going(Some("DRAINING")).as_deref(), Some("draining"));
        assert_eq!(going(Some("DELETE_IN_PROGRESS")).as_deref(), Some("delete in progress"));
    }
}
