//! Where a service's tasks run, and what keeps them from starting although the service was accepted.

use std::collections::BTreeSet;

use neap_core::instances;
use neap_core::kinds::{
    AutoScalingGroup, CapacityProvider, Container, Ecr, LaunchTemplate, LogGroup, RESERVED_PORTS, Role,
    SecurityGroup, Service, Task,
};

use super::INVALID;
use crate::clock::Millis;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::services::auto_scaling;
use crate::world::World;

/// How many subnets and security groups a service can name.
const SUBNETS: usize = 16;
const SECURITY_GROUPS: usize = 5;

/// The groups of instances that a service runs on; none if it runs on Fargate. A daemon runs on all of its cluster, and any
/// other on those of the providers that its strategy names.
fn groups<'world>(
    world: &'world World,
    service: &Service,
) -> Option<Vec<(&'world Record, &'world AutoScalingGroup, &'world LaunchTemplate)>> {
    let on_instances =
        service.is_daemon() || service.capacity.keys().any(|provider| !provider.starts_with("FARGATE"));
    if !on_instances {
        return None;
    }
    let mut groups = auto_scaling::of_cluster(world, &service.cluster);
    if !service.is_daemon() {
        let mut providers: BTreeSet<&str> = BTreeSet::new();
        for (_, provider) in world.all::<CapacityProvider>() {
            let share = service.capacity.get(&provider.name);
            if share.is_some_and(|share| share.weight > 0 || share.base > 0) {
                providers.insert(&provider.auto_scaling_group);
            }
        }
        groups.retain(|(record, ..)| providers.contains(record.arn.as_str()));
    }
    Some(groups)
}

/// How many tasks a service has: a daemon one on each instance.
pub(super) fn tasks(world: &World, service: &Service) -> u32 {
    service.count.unwrap_or_else(|| {
        groups(world, service).unwrap_or_default().iter().map(|(_, group, _)| group.desired).sum()
    })
}

/// When the instances that a service runs on have started, if they are about to.
pub(super) fn instances_start(world: &World, service: &Service) -> Millis {
    let settles = |record: &Record| match record.state {
        State::Settling { until, .. } if !auto_scaling::is_stuck(record) => until,
        _ => 0,
    };
    let groups = groups(world, service).unwrap_or_default();
    groups.iter().map(|(record, ..)| settles(record)).max().unwrap_or(0)
}

/// Whether a task takes ports of its instance, which no other then has.
fn takes_ports(task: &Task) -> bool {
    let mut ports = task.containers.values().flat_map(|container| &container.ports);
    match task.network_mode.as_str() {
        "host" => ports.next().is_some(),
        "bridge" => ports.any(|port| port.host_port > 0),
        _ => false,
    }
}

/// How many tasks of a service run at once at the least, while it is deployed if it `replaces` others.
fn at_once(service: &Service, count: u32, replaces: bool) -> u64 {
    let (count, minimum) = (u64::from(count), u64::from(service.minimum_healthy_percent));
    let stay = (count * minimum).div_ceil(100);
    count + u64::from(replaces && stay >= count)
}

/// Why no instance takes a task, in the words of ECS.
fn unplaceable(world: &World, service: &Service, task: &Task, replaces: bool) -> Option<String> {
    let groups = groups(world, service)?;
    let kept = |container: &Container| container.memory_reservation.or(container.memory).unwrap_or(0);
    let memory = task.memory.unwrap_or_else(|| task.containers.values().map(kept).sum());
    let unable = "was unable to place a task because no container instance met all of its requirements.";
    let is_empty = |record: &Record, group: &AutoScalingGroup| {
        group.max == 0
            || (auto_scaling::is_stuck(record) && auto_scaling::n_instances(world, &record.arn) == 0)
    };
    if groups.iter().all(|(record, group, _)| is_empty(record, group)) {
        return Some(format!("{unable} Reason: No Container Instances were found in your cluster."));
    }
    let instances: u64 = groups.iter().map(|(_, group, _)| u64::from(group.max)).sum();
    let is_crowded =
        takes_ports(task) && service.count.is_some_and(|count| at_once(service, count, replaces) > instances);
    let is_reserved = |container: &Container| {
        let mut ports = container.ports.iter().filter(|port| port.protocol == "tcp");
        ports.any(|port| RESERVED_PORTS.contains(&port.host_port))
    };
    let asks_reserved = task.network_mode != "awsvpc" && task.containers.values().any(is_reserved);
    if is_crowded || asks_reserved {
        let closest =
            "The closest matching container-instance is already using a port required by your task.";
        return Some(format!("{unable} {closest}"));
    }
    let fits = |template: &LaunchTemplate| {
        instances::task_memory_mib(&template.instance_type).is_none_or(|most| memory <= most)
    };
    // ECS chooses the provider by its share, and does not look whether the task would fit on another's instances.
    (!groups.iter().all(|(.., template)| fits(template))).then(|| {
        format!("{unable} The closest matching container-instance has insufficient memory available.")
    })
}

/// Refuses a network that tasks cannot have.
pub(super) fn network(world: &World, desired: &Service, task: &Task) -> Answer<()> {
    if task.network_mode != "awsvpc" {
        let none = desired.subnets.is_empty() && desired.security_groups.is_empty();
        return rules::require(none, INVALID, || {
            "Network Configuration is not valid for the given networkMode of this task definition.".to_owned()
        });
    }
    rules::require(!desired.subnets.is_empty(), INVALID, || {
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.".to_owned()
    })?;
    let few = desired.subnets.len() <= SUBNETS && desired.security_groups.len() <= SECURITY_GROUPS;
    rules::require(few, INVALID, || {
        format!("a service can name {SUBNETS} subnets and {SECURITY_GROUPS} security groups")
    })?;
    let mut vpc = None;
    for subnet in &desired.subnets {
        let found = world.subnet(subnet).map(|(vpc, _)| vpc.to_owned());
        let message = format!(
            "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist"
        );
        if found.is_none() && world.made_subnet(subnet) {
            return Err(Rejection::not_yet(INVALID, message));
        }
        rules::require(found.is_some(), INVALID, || message)?;
        vpc = vpc.or(found);
    }
    for id in &desired.security_groups {
        let arn = world.place().arn("ec2", &format!("security-group/{id}"));
        let message = format!("Error retrieving security group information for [{id}]: it does not exist");
        let (_, group) = world.referred::<SecurityGroup>(&arn, INVALID, &message)?;
        rules::require(vpc.as_ref() == Some(&group.vpc), INVALID, || {
            format!("The security group {id} and the subnets must be in the same VPC")
        })?;
    }
    Ok(())
}

/// Why the service's tasks cannot start, in the words of ECS, if they cannot; `replaces` says whether others run that they replace.
pub(super) fn obstacle(world: &World, service: &Service, replaces: bool) -> Option<String> {
    let (_, task) = world.get::<Task>(&service.task)?;
    if let Some(reason) = unplaceable(world, service, task, replaces) {
        return Some(reason);
    }
    let mut roles = [&task.execution_role, &task.task_role].into_iter().flatten();
    if let Some(role) = roles.find(|arn| !is_assumable(world, arn)) {
        return Some(format!(
            "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the \
             role being passed has the proper trust relationship and permissions"
        ));
    }
    task.containers.values().find_map(|container| {
        let missing_image = missing_repository(world, &container.image);
        let options = container.logs.as_ref().filter(|logs| logs.driver == "awslogs").map(|logs| &logs.options);
        let group = options.and_then(|options| options.get("awslogs-group"));
        let creates = options.is_some_and(|options| options.contains_key("awslogs-create-group"));
        let missing_group = group.filter(|group| !creates && !has_log_group(world, group));
        missing_image.or_else(|| {
            missing_group.map(|group| {
                format!(
                    "ResourceInitializationError: failed to validate logger args: failed to create Cloudwatch log \
                     stream: ResourceNotFoundException: The specified log group does not exist: {group}"
                )
            })
        })
    })
}

/// Whether ECS can assume a role: it exists, and IAM has told everybody so.
fn is_assumable(world: &World, arn: &str) -> bool {
    world.get::<Role>(arn).is_some_and(|(record, _)| record.state == State::Ready) && world.knows(arn)
}

fn has_log_group(world: &World, name: &str) -> bool {
    world.all::<LogGroup>().any(|(_, group)| group.name == name)
}

/// Why an image of this account's registry cannot be pulled. Images themselves are taken for granted.
fn missing_repository(world: &World, image: &str) -> Option<String> {
    let place = world.place();
    let registry = format!("{}.dkr.ecr.{}.{}/", place.account, place.region, place.domain());
    let name = image.strip_prefix(&registry)?;
    let end = name.find(['@', ':']).unwrap_or(name.len());
    let name = &name[..end];
    let exists = world.all::<Ecr>().any(|(_, repository)| repository.name == name);
    (!exists).then(|| {
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
             {image}: name unknown: the repository with name '{name}' does not exist in the registry"
        )
    })
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::{KindOf, PortMapping};

    use super::*;

    #[test]
    fn one_task_alone_has_a_port_of_an_instance() {
        let with = |mode: &str, host_port: u16| {
            let mut task = Task { network_mode: mode.to_owned(), ..Task::example() };
            for container in task.containers.values_mut() {
                container.ports = [PortMapping {
                    container_port: 80,
                    host_port,
                    protocol: "tcp".into(),
                    name: None,
                    app_protocol: None,
                }]
                .into();
            }
            takes_ports(&task)
        };
        assert!(with("bridge", 80) && with("host", 0));
        assert!(!with("bridge", 0) && !with("awsvpc", 80));
    }

    #[test]
    fn a_deployment_needs_room_for_one_more_unless_one_may_stop_first() {
        let service = |minimum_healthy_percent| Service { minimum_healthy_percent, ..Service::example() };
        assert_eq!(at_once(&service(100), 2, true), 3);
        assert_eq!(at_once(&service(100), 2, false), 2);
        assert_eq!(at_once(&service(51), 2, true), 3, "what must stay is rounded up");
        assert_eq!(at_once(&service(50), 2, true), 2);
    }
}
