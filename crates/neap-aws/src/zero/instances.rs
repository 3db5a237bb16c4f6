//! Auto scaling groups, their instances, and the launch templates of those.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;
use neap_core::desired::TAG_STACK;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Owner, Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, is_tagged, tags};
use crate::client::Aws;
use crate::error::failed;

/// The tag by which AWS says which group an instance is in.
const GROUP: &str = "aws:autoscaling:groupName";

/// The groups: their instances keep a cluster from going. With them, the ids of the instances in the stack's own.
pub(super) async fn groups(aws: &Aws, scope: &StackScope) -> (Part, BTreeSet<String>) {
    let (mut part, mut own) = (Part::default(), BTreeSet::new());
    let pages = aws.scaling.describe_auto_scaling_groups().into_paginator().page_size(100).items().send();
    let listed: Result<Vec<aws_sdk_autoscaling::types::AutoScalingGroup>, CallError> =
        pages.try_collect().await.map_err(failed("autoscaling:DescribeAutoScalingGroups"));
    for group in part.take(listed) {
        let name = group.auto_scaling_group_name().unwrap_or_default();
        let mut seen = Seen::new(Thing::AutoScalingGroup, name, name);
        let pairs = group.tags().iter();
        seen.tags = tags(pairs.map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())));
        seen.going = group.status().map(str::to_ascii_lowercase);
        seen.stored.items = group.instances().len() as u64;
        if is_tagged(scope, &seen.tags) {
            own.extend(group.instances().iter().filter_map(|it| it.instance_id()).map(str::to_owned));
        }
        part.seen.push(seen);
    }
    (part, own)
}

/// The instances that are tagged as the stack's, and all launch templates.
pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let templates = aws.ec2.describe_launch_templates().into_paginator().page_size(200).items().send();
    let templates: Result<Vec<sdk::LaunchTemplate>, CallError> =
        templates.try_collect().await.map_err(failed("ec2:DescribeLaunchTemplates"));
    for template in part.take(templates) {
        let (id, name) = (template.launch_template_id(), template.launch_template_name());
        let seen = Seen::new(Thing::LaunchTemplate, id.unwrap_or_default(), name.unwrap_or_default());
        part.seen.push(Seen { tags: pairs(template.tags()), ..seen });
    }
    let tag = sdk::Filter::builder().name(format!("tag:{TAG_STACK}")).values(&scope.stack).build();
    let pages = aws.ec2.describe_instances().filters(tag).into_paginator().items().send();
    let reservations: Result<Vec<sdk::Reservation>, CallError> =
        pages.try_collect().await.map_err(failed("ec2:DescribeInstances"));
    let reservations = part.take(reservations);
    let instances = reservations.iter().flat_map(sdk::Reservation::instances);
    part.seen.extend(instances.filter_map(instance));
    part
}

fn pairs(list: &[sdk::Tag]) -> std::collections::BTreeMap<String, String> {
    tags(list.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
}

/// An instance that is not terminated; one that is stays visible for an hour.
fn instance(instance: &sdk::Instance) -> Option<Seen> {
    use sdk::InstanceStateName::{ShuttingDown, Terminated};
    let state = instance.state().and_then(|state| state.name());
    if state == Some(&Terminated) {
        return None;
    }
    let mut seen = Seen::new(Thing::Instance, instance.instance_id().unwrap_or_default(), "");
    seen.tags = pairs(instance.tags());
    seen.going = (state == Some(&ShuttingDown)).then(|| "shutting down".to_owned());
    let group = instance.tags().iter().find(|tag| tag.key() == Some(GROUP)).and_then(sdk::Tag::value);
    seen.owner = group.map(|name| Owner { thing: Thing::AutoScalingGroup, name: name.to_owned() });
    seen.uses = instance.security_groups().iter().filter_map(|it| it.group_id()).map(str::to_owned).collect();
    if let Some(kind) = instance.instance_type() {
        seen.usage = vec![Usage::of(Charge::Instance(kind.as_str().to_owned()), 1.0)];
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(state: sdk::InstanceStateName) -> Option<Seen> {
        let tag = sdk::Tag::builder().key(GROUP).value("course-cluster-main").build();
        let state = sdk::InstanceState::builder().name(state).build();
        let shown = sdk::Instance::builder().instance_id("i-1").instance_type(sdk::InstanceType::T3Micro);
        instance(&shown.tags(tag).state(state).build())
    }

    #[test]
    fn an_instance_names_its_group_and_costs_what_its_type_does() {
        let seen = shown(sdk::InstanceStateName::Running).expect("an instance");
        let owner = Owner { thing: Thing::AutoScalingGroup, name: "course-cluster-main".into() };
        assert_eq!((seen.owner, seen.going), (Some(owner), None));
        assert_eq!(seen.usage, [Usage::of(Charge::Instance("t3.micro".into()), 1.0)]);
        assert!(seen.tags.is_empty(), "AWS's own tag says nothing about whose it is");
    }

    #[test]
    fn what_is_terminated_is_gone_and_what_shuts_down_is_going() {
        assert_eq!(shown(sdk::InstanceStateName::Terminated), None);
        let going = shown(sdk::InstanceStateName::ShuttingDown).expect("an instance").going;
        assert_eq!(going.as_deref(), Some("shutting down"));
    }
}
