//! Alarms that move the number of a service's tasks or of instances: those that target tracking makes, and those of step
//! scaling.
//!
//! Decides from its action what an alarm is for. One listing shows them all: each names a scaling policy as its action.

use aws_sdk_cloudwatch::types::MetricAlarm;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Owner, Seen, Thing};
use neap_engine::cloud::CallError;

use super::Part;
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws) -> Part {
    let mut part = Part::default();
    for alarm in part.take(list(aws).await) {
        let name = alarm.alarm_name().unwrap_or_default();
        let mut seen = Seen::new(Thing::Alarm, alarm.alarm_arn().unwrap_or(name), name);
        seen.owner = alarm.alarm_actions().iter().find_map(|action| scaled(action));
        seen.usage = vec![Usage::of(Charge::Alarm, 1.0)];
        part.seen.push(seen);
    }
    part
}

async fn list(aws: &Aws) -> Result<Vec<MetricAlarm>, CallError> {
    const OPERATION: &str = "cloudwatch:DescribeAlarms";
    let identity = aws.identity().await?;
    let (partition, account) = (&identity.partition, &identity.account);
    let policies = format!("arn:{partition}:autoscaling:{}:{account}:scalingPolicy:", aws.region);
    let pages = aws.alarms.describe_alarms().action_prefix(policies).into_paginator().send();
    let pages: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(failed(OPERATION))?;
    Ok(pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default()).collect())
}

/// The service, with its cluster, or the group of instances that a scaling policy is for. Its ARN says so, as PutScalingPolicy of
/// Application Auto Scaling and of EC2 Auto Scaling document:
/// `arn:aws:autoscaling:REGION:ACCOUNT:scalingPolicy:UUID:resource/ecs/service/CLUSTER/SERVICE:policyName/NAME` and
/// `arn:aws:autoscaling:REGION:ACCOUNT:scalingPolicy:UUID:autoScalingGroupName/GROUP:policyName/NAME`.
fn scaled(policy: &str) -> Option<Owner> {
    let marks =
        [(":resource/ecs/service/", Thing::Service), (":autoScalingGroupName/", Thing::AutoScalingGroup)];
    marks.into_iter().find_map(|(mark, thing)| {
        let (_, rest) = policy.split_once(mark)?;
        let (name, _) = rest.split_once(':')?;
        Some(Owner { thing, name: name.to_owned() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: &str, expected: Option<&str>) {
        let policy = format!("arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:6d8972f3:{rest}");
        assert_eq!(scaled(&policy).map(|owner| owner.name).as_deref(), expected, "{rest}");
    }

    #[test]
    fn a_policys_arn_names_the_service_that_it_scales() {
        check("resource/ecs/service/shop-main/shop-api:policyName/cpu75", Some("shop-main/shop-api"));
        check(
            "resource/ecs/service/shop-main/shop-api:policyName/cpu75:createdBy/1-2",
            Some("shop-main/shop-api"),
        );
    }

    #[test]
    fn a_policy_of_a_group_of_instances_names_that() {
        check("autoScalingGroupName/workers:policyName/out", Some("workers"));
        let policy =
            "arn:aws:autoscaling:eu-west-1:1:scalingPolicy:6d89:autoScalingGroupName/workers:policyName/out";
        assert_eq!(scaled(policy).map(|owner| owner.thing), Some(Thing::AutoScalingGroup));
    }

    #[test]
    fn policies_of_other_services_name_none() {
        check("resource/dynamodb/table/orders:policyName/read", None);
    }
}
