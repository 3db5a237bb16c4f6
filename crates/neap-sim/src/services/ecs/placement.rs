//! Where a service's tasks run, and what keeps them from starting although the service was accepted.

use neap_core::kinds::{Ecr, LogGroup, Role, SecurityGroup, Service, Task};

use super::INVALID;
use crate::error::Answer;
use crate::record::State;
use crate::rules;
use crate::world::World;

/// How many subnets and security groups a service can name.
const SUBNETS: usize = 16;
const SECURITY_GROUPS: usize = 5;

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
        let found = world.subnet(subnet).map(|(vpc, _)| vpc.id.clone());
        rules::require(found.is_some(), INVALID, || {
            format!(
                "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist"
            )
        })?;
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

/// Why the service's tasks cannot start, in the words of ECS, if they cannot.
pub(super) fn obstacle(world: &World, service: &Service) -> Option<String> {
    let (_, task) = world.get::<Task>(&service.task)?;
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
