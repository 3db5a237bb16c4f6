//! AWS's own count of calls: what it takes before it answers that there are too many.
//!
//! Decides which call is one too many. Must not know how clients pace themselves: the figures are written down here a second
//! time, from the same pages (reference section 1.4), so that a mistake in either place shows.
//!
//! Only what AWS publishes is enforced. The limits of IAM, CloudFront, ECR, STS and Secrets Manager are not known, and what is
//! not known cannot be pretended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::Rejection;
use crate::fault::throttled;
use crate::world::World;

/// A call's weight, and the unit of all sums here: a millionth of it.
const CALL: u64 = 1_000_000;

/// A limit: a name, how many calls it allows at once, and how many more in a thousand seconds, which is how many
/// millionths of one come back in each millisecond.
type Allowance = (&'static str, u64, u64);

/// How much is left of each allowance that was used, by region and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Buckets(BTreeMap<String, Left>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    millionths: u64,
    at: Millis,
}

/// AWS's refusal of one call too many. A call that is refused is not counted.
pub(crate) fn refusal(world: &mut World, operation: &str) -> Option<Rejection> {
    let (place, now) = (world.place.clone(), world.now);
    let allowances = allowances(operation);
    let key = |allowance: &Allowance| match allowance.0 {
        // A bucket for each API.
        "" => format!("{place}/{operation}"),
        name => format!("{place}/{name}"),
    };
    let buckets = &mut world.buckets.0;
    let mut left = Vec::new();
    for allowance in allowances {
        let (_, burst, rate) = allowance;
        let full = burst * CALL;
        let before = buckets.get(&key(&allowance)).map_or(full, |before| {
            before.millionths.saturating_add(now.saturating_sub(before.at).saturating_mul(rate)).min(full)
        });
        let Some(millionths) = before.checked_sub(CALL) else { return Some(throttled(operation)) };
        left.push((key(&allowance), Left { millionths, at: now }));
    }
    buckets.extend(left);
    None
}

/// What limits an operation.
fn allowances(operation: &str) -> Vec<Allowance> {
    let Some((service, action)) = operation.split_once(':') else { return Vec::new() };
    let reads = action.starts_with("Describe") || action.starts_with("List") || action.starts_with("Get");
    match service {
        "ecs" => ecs(action),
        "elasticloadbalancing" => {
            let category = match action {
                "CreateLoadBalancer" | "SetSubnets" => ("elb create", 10, 200),
                "RegisterTargets" | "DeregisterTargets" => ("elb targets", 20, 4_000),
                _ if reads => ("elb describe", 40, 10_000),
                _ => ("elb mutate", 20, 3_000),
            };
            vec![("elb account", 40, 10_000), category]
        }
        "ec2" => vec![match action {
            "CreateTags" | "DeleteTags" => ("", 100, 10_000),
            "DescribeSecurityGroups" | "DescribeNetworkInterfaces" => ("", 50, 10_000),
            _ if reads => ("", 100, 20_000),
            _ => ("", 50, 5_000),
        }],
        "logs" => vec![("", 10, 10_000)],
        "cloudwatch" => vec![("", 9, 9_000)],
        "ssm" if action.starts_with("GetParameter") => vec![("ssm get", 40, 40_000)],
        "ssm" if action == "PutParameter" => vec![("ssm put", 3, 3_000)],
        "tag" => vec![("tag", 15, 15_000)],
        _ => Vec::new(),
    }
}

fn ecs(action: &str) -> Vec<Allowance> {
    let noun = |words: &[&str]| words.iter().any(|word| action.contains(word));
    let reads = action.starts_with("Describe") || action.starts_with("List");
    let allowance = if action == "DeleteTaskDefinitions" {
        ("ecs td delete", 5, 1_000)
    } else if matches!(action, "TagResource" | "UntagResource") {
        ("ecs tag", 20, 10_000)
    } else if noun(&["TaskDefinition"]) {
        if reads { ("ecs td read", 50, 20_000) } else { ("ecs td modify", 20, 1_000) }
    } else if noun(&["Cluster"]) {
        if reads { ("ecs cluster read", 50, 20_000) } else { ("ecs cluster modify", 20, 1_000) }
    } else if noun(&["ServiceDeployment", "ServiceRevision"]) {
        ("ecs deployment read", 50, 20_000)
    } else if noun(&["Service"]) {
        if reads { ("ecs service read", 100, 20_000) } else { ("ecs service modify", 50, 5_000) }
    } else {
        return Vec::new();
    };
    vec![allowance]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls in a row are taken after so many milliseconds.
    fn taken(world: &mut World, operation: &str, after: Millis) -> usize {
        world.advance(world.now + after);
        (0..200).take_while(|_| refusal(world, operation).is_none()).count()
    }

    #[test]
    fn a_burst_is_taken_and_then_the_rate() {
        let mut world = World::default();
        for (operation, burst, after_ten_seconds) in [
            ("ecs:RegisterTaskDefinition", 20, 10),
            ("ecs:DeleteTaskDefinitions", 5, 5),
            ("ecs:CreateService", 50, 50),
            ("elasticloadbalancing:CreateLoadBalancer", 10, 2),
            ("ec2:CreateSecurityGroup", 50, 50),
            ("logs:CreateLogGroup", 10, 10),
        ] {
            assert_eq!(taken(&mut world, operation, 0), burst, "{operation}");
            assert_eq!(taken(&mut world, operation, 10_000), after_ten_seconds, "{operation}");
        }
    }

    #[test]
    fn all_calls_about_load_balancers_count_together() {
        let mut world = World::default();
        assert_eq!(taken(&mut world, "elasticloadbalancing:DescribeTags", 0), 40);
        assert_eq!(taken(&mut world, "elasticloadbalancing:CreateTargetGroup", 0), 0);
        // Ten come back in a second, and what was refused before has not been counted.
        assert_eq!(taken(&mut world, "elasticloadbalancing:CreateTargetGroup", 1000), 10);
    }

    #[test]
    fn registering_and_deregistering_share_a_bucket_and_ec2_has_one_for_each_call() {
        let mut world = World::default();
        assert_eq!(taken(&mut world, "ecs:RegisterTaskDefinition", 0), 20);
        assert_eq!(taken(&mut world, "ecs:DeregisterTaskDefinition", 0), 0);
        assert_eq!(taken(&mut world, "ec2:CreateSecurityGroup", 0), 50);
        assert_eq!(taken(&mut world, "ec2:DeleteSecurityGroup", 0), 50);
    }

    #[test]
    fn another_region_has_buckets_of_its_own() {
        let mut world = World::default();
        assert_eq!(taken(&mut world, "ecs:CreateCluster", 0), 20);
        world.enter("eu-west-1");
        assert_eq!(taken(&mut world, "ecs:CreateCluster", 0), 20);
    }

    #[test]
    fn the_refusal_is_in_the_words_of_the_service() {
        let mut world = World::default();
        for (operation, code) in [
            ("ecs:CreateCluster", "ThrottlingException"),
            ("elasticloadbalancing:CreateRule", "Throttling"),
            ("ec2:CreateTags", "RequestLimitExceeded"),
        ] {
            taken(&mut world, operation, 0);
            assert_eq!(refusal(&mut world, operation).map(|refusal| refusal.code), Some(code.into()));
        }
    }
}
