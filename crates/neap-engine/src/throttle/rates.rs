//! How many requests AWS takes: which operations share a bucket, its burst and its rate.
//!
//! Decides the table. Must not know who sends what.
//!
//! Where the figures come from (reference section 1.4):
//!
//! - **ECS**, **Elastic Load Balancing**, **EC2**: AWS's own pages on request throttling, which give bucket and refill
//!   for each category. Those of ECS and load balancing hold for an account in a region; EC2 has one bucket for each
//!   API. Calls that AWS makes on its own (ECS to a load balancer) have buckets of their own.
//! - **CloudWatch Logs**, **Parameter Store**, **ACM**, **Route 53**, **the tagging API**: their quotas, which give calls
//!   a second and no burst; a burst of one second is assumed.
//! - **S3's objects**: its guide, which gives requests a second for each prefix; a burst of one second is assumed.
//! - **IAM**, **Auto Scaling**, **Application Auto Scaling**, **Cloud Map**, **CloudFront**, **ECR**, **STS**, **Secrets Manager**, **S3's buckets**, and whatever is not
//!   listed: nothing is published. The figures here are guesses on the safe side. AWS's refusals correct them, since a
//!   refusal empties the bucket.

use std::borrow::Cow;
use std::time::Duration;

/// One of AWS's buckets that a request is counted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The bucket's name.
    pub bucket: Cow<'static, str>,
    /// How many requests it takes at once.
    pub burst: u32,
    /// How long it takes until there is room for one more.
    pub interval: Duration,
}

impl Limit {
    /// A bucket that takes `burst` requests at once and `rate` in a second.
    fn new(bucket: impl Into<Cow<'static, str>>, burst: u32, rate: u64) -> Self {
        // Rounded up: rather too slow than too fast.
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(rate.max(1)));
        Self { bucket: bucket.into(), burst, interval }
    }

    /// The least time that so many requests need.
    pub fn least_time(&self, requests: u32) -> Duration {
        self.interval * requests.saturating_sub(self.burst)
    }
}

/// The buckets that a request of `operation` (`ecs:CreateService`) is counted in, the narrowest first.
pub fn limits(operation: &str) -> Vec<Limit> {
    let (service, action) = operation.split_once(':').unwrap_or(("", operation));
    let one = match service {
        "elasticloadbalancing" => {
            // Besides the category, all actions together.
            return vec![balancing(action), Limit::new("elasticloadbalancing", 40, 10)];
        }
        "ecs" => ecs(action),
        "ec2" => ec2(operation, action),
        // "CloudWatch service quotas": DescribeAlarms 9 a second.
        "cloudwatch" => Limit::new(operation.to_owned(), 9, 9),
        "logs" => Limit::new(operation.to_owned(), 10, 10),
        "ssm" => parameters(action),
        "acm" => certificates(operation, action),
        "route53" => Limit::new("route53", 5, 5),
        "tag" => Limit::new("tag", 15, 15),
        "autoscaling" => by_effect(["autoscaling read", "autoscaling change"], action, [(20, 10), (10, 5)]),
        "servicediscovery" => {
            by_effect(["servicediscovery read", "servicediscovery change"], action, [(20, 10), (10, 5)])
        }
        "application-autoscaling" => by_effect(
            ["application-autoscaling read", "application-autoscaling change"],
            action,
            [(20, 10), (10, 5)],
        ),
        "iam" => by_effect(["iam read", "iam change"], action, [(20, 10), (10, 5)]),
        "ecr" => by_effect(["ecr read", "ecr change"], action, [(20, 10), (10, 5)]),
        "cloudfront" => by_effect(["cloudfront read", "cloudfront change"], action, [(10, 5), (5, 2)]),
        "s3" if objects(action).is_some() => return objects(action).into_iter().collect(),
        "sts" | "secretsmanager" | "s3" => Limit::new(service.to_owned(), 50, 50),
        _ => Limit::new(service.to_owned(), 5, 2),
    };
    vec![one]
}

/// What is done with objects, as both the SDK and permissions name it. S3 takes so many requests a second for each prefix of a
/// bucket ("Best practices design patterns: optimizing Amazon S3 performance").
fn objects(action: &str) -> Option<Limit> {
    match action {
        "PutObject"
        | "CreateMultipartUpload"
        | "UploadPart"
        | "CompleteMultipartUpload"
        | "AbortMultipartUpload"
        | "DeleteObject"
        | "DeleteObjects" => Some(Limit::new("s3 object change", 3500, 3500)),
        "GetObject" | "HeadObject" | "ListObjectsV2" => Some(Limit::new("s3 object read", 5500, 5500)),
        _ => None,
    }
}

fn ecs(action: &str) -> Limit {
    match action {
        "CreateCluster"
        | "DeleteCluster"
        | "UpdateCluster"
        | "UpdateClusterSettings"
        | "PutClusterCapacityProviders" => Limit::new("ecs cluster change", 20, 1),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => {
            Limit::new("ecs task definition change", 20, 1)
        }
        "DeleteTaskDefinitions" => Limit::new("ecs task definition deletion", 5, 1),
        "CreateCapacityProvider" | "UpdateCapacityProvider" | "DeleteCapacityProvider" => {
            Limit::new("ecs capacity provider change", 10, 1)
        }
        "CreateService" | "UpdateService" | "DeleteService" => Limit::new("ecs service change", 50, 5),
        "TagResource" | "UntagResource" => Limit::new("ecs tag change", 20, 10),
        "DescribeServices" | "ListServices" => Limit::new("ecs service read", 100, 20),
        "ListTasks" | "DescribeTasks" | "ListContainerInstances" | "DescribeContainerInstances" => {
            Limit::new("ecs cluster resource read", 100, 20)
        }
        "DescribeClusters" | "ListClusters" => Limit::new("ecs cluster read", 50, 20),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            Limit::new("ecs task definition read", 50, 20)
        }
        "DescribeCapacityProviders" => Limit::new("ecs capacity provider read", 50, 20),
        "ListTagsForResource" => Limit::new("ecs tag read", 50, 20),
        "ListServiceDeployments" | "DescribeServiceDeployments" | "DescribeServiceRevisions" => {
            Limit::new("ecs deployment read", 50, 20)
        }
        // Nothing that neap calls today; as slow as the slowest category.
        _ => Limit::new("ecs", 5, 1),
    }
}

fn balancing(action: &str) -> Limit {
    match action {
        "CreateLoadBalancer" | "SetSubnets" => {
            Limit { interval: Duration::from_secs(5), ..Limit::new("elasticloadbalancing placement", 10, 1) }
        }
        "RegisterTargets" | "DeregisterTargets" => Limit::new("elasticloadbalancing targets", 20, 4),
        _ if is_read(action) => Limit::new("elasticloadbalancing read", 40, 10),
        _ => Limit::new("elasticloadbalancing change", 20, 3),
    }
}

/// Each API has a bucket of its own.
fn ec2(operation: &str, action: &str) -> Limit {
    let (burst, rate) = match action {
        "CreateTags" | "DeleteTags" => (100, 10),
        "CreateLaunchTemplateVersion" | "ModifyLaunchTemplate" => (100, 5),
        "CreateDefaultVpc" | "CreateDefaultSubnet" => (1, 1),
        // Twice as much with filters or pages; the safe side is half.
        "DescribeSecurityGroups" | "DescribeNetworkInterfaces" => (50, 10),
        _ if is_read(action) => (100, 20),
        _ => (50, 5),
    };
    Limit::new(operation.to_owned(), burst, rate)
}

fn parameters(action: &str) -> Limit {
    match action {
        "PutParameter"
        | "DeleteParameter"
        | "DeleteParameters"
        | "AddTagsToResource"
        | "RemoveTagsFromResource" => Limit::new("ssm change", 3, 3),
        _ => Limit::new("ssm read", 40, 40),
    }
}

fn certificates(operation: &str, action: &str) -> Limit {
    let rate = match action {
        "DescribeCertificate" | "DeleteCertificate" => 10,
        "ListCertificates" => 8,
        _ => 5,
    };
    Limit::new(operation.to_owned(), rate, u64::from(rate))
}

/// A bucket for what reads and one for what changes.
fn by_effect(buckets: [&'static str; 2], action: &str, figures: [(u32, u64); 2]) -> Limit {
    let effect = usize::from(!is_read(action));
    let (burst, rate) = figures[effect];
    Limit::new(buckets[effect], burst, rate)
}

fn is_read(action: &str) -> bool {
    ["Describe", "Get", "List", "BatchGet"].iter().any(|verb| action.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operation: &str, expected: &[(&str, u32, u64)]) {
        let found: Vec<(String, u32, u64)> = limits(operation)
            .into_iter()
            .map(|limit| {
                let milliseconds = u64::try_from(limit.interval.as_millis()).expect("a small number");
                (limit.bucket.to_string(), limit.burst, milliseconds)
            })
            .collect();
        let expected: Vec<(String, u32, u64)> = expected
            .iter()
            .map(|(bucket, burst, interval)| ((*bucket).to_owned(), *burst, *interval))
            .collect();
        assert_eq!(found, expected, "{operation}");
    }

    /// Reference section 1.4, row by row; the last figure is the interval in milliseconds.
    #[test]
    fn published_figures_are_those_of_the_reference() {
        for (operation, bucket, burst, interval) in [
            ("ecs:CreateCluster", "ecs cluster change", 20, 1000),
            ("ecs:PutClusterCapacityProviders", "ecs cluster change", 20, 1000),
            ("ecs:RegisterTaskDefinition", "ecs task definition change", 20, 1000),
            ("ecs:DeregisterTaskDefinition", "ecs task definition change", 20, 1000),
            ("ecs:DeleteTaskDefinitions", "ecs task definition deletion", 5, 1000),
            ("ecs:CreateCapacityProvider", "ecs capacity provider change", 10, 1000),
            ("ecs:UpdateService", "ecs service change", 50, 200),
            ("ecs:DescribeServices", "ecs service read", 100, 50),
            ("ecs:DescribeClusters", "ecs cluster read", 50, 50),
            ("ecs:DescribeTaskDefinition", "ecs task definition read", 50, 50),
            ("ecs:DescribeServiceDeployments", "ecs deployment read", 50, 50),
            ("ecs:TagResource", "ecs tag change", 20, 100),
            ("ecs:DescribeTasks", "ecs cluster resource read", 100, 50),
            ("ec2:DescribeVpcs", "ec2:DescribeVpcs", 100, 50),
            ("ec2:CreateSecurityGroup", "ec2:CreateSecurityGroup", 50, 200),
            ("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", 50, 200),
            ("ec2:CreateTags", "ec2:CreateTags", 100, 100),
            ("ec2:ModifyLaunchTemplate", "ec2:ModifyLaunchTemplate", 100, 200),
            ("ec2:CreateDefaultVpc", "ec2:CreateDefaultVpc", 1, 1000),
            ("ec2:DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaces", 50, 100),
            ("logs:CreateLogGroup", "logs:CreateLogGroup", 10, 100),
            ("cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarms", 9, 111),
            ("route53:ChangeResourceRecordSets", "route53", 5, 200),
            ("acm:RequestCertificate", "acm:RequestCertificate", 5, 200),
            ("acm:ListCertificates", "acm:ListCertificates", 8, 125),
            ("tag:GetResources", "tag", 15, 66),
            ("s3:PutObject", "s3 object change", 3500, 0),
            ("s3:HeadObject", "s3 object read", 5500, 0),
            ("s3:PutBucketPolicy", "s3", 50, 20),
        ] {
            check(operation, &[(bucket, burst, interval)]);
        }
    }

    #[test]
    fn calls_about_load_balancers_count_in_their_category_and_in_the_account() {
        let account = ("elasticloadbalancing", 40, 100);
        for (action, category) in [
            ("CreateLoadBalancer", ("elasticloadbalancing placement", 10, 5000)),
            ("SetSubnets", ("elasticloadbalancing placement", 10, 5000)),
            ("CreateRule", ("elasticloadbalancing change", 20, 333)),
            ("RegisterTargets", ("elasticloadbalancing targets", 20, 250)),
            ("DescribeTags", ("elasticloadbalancing read", 40, 100)),
        ] {
            check(&format!("elasticloadbalancing:{action}"), &[category, account]);
        }
    }

    #[test]
    fn what_nothing_is_known_of_gets_a_narrow_bucket() {
        check("appmesh:CreateMesh", &[("appmesh", 5, 500)]);
        check("ecs:DiscoverPollEndpoint", &[("ecs", 5, 1000)]);
    }

    #[test]
    fn the_least_time_is_what_the_rate_makes_of_calls_beyond_the_burst() {
        let [limit] = &limits("ecs:CreateCluster")[..] else { panic!("one bucket") };
        assert_eq!(limit.least_time(20), Duration::ZERO);
        assert_eq!(limit.least_time(65), Duration::from_secs(45));
    }
}
