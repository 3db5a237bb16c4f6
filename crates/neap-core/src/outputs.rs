//! Outputs of resources: which each kind has, and which of them follow from account, region and name alone.
//!
//! Decides the names that `${kind.name.output}` may use, and computes what AWS would assign predictably, so
//! that few values are known only after an apply. Must not know how resources are read.

use crate::address::Kind;
use crate::kinds::Resource;
use crate::live::{Environment, Outputs};

/// The names of the outputs of `kind`; the first is the one that `${kind.name}` means.
pub const fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::LogGroup => &["name", "arn"],
        Kind::Role
        | Kind::InstanceProfile
        | Kind::Cluster
        | Kind::AutoScalingGroup
        | Kind::CapacityProvider
        | Kind::Function => &["arn", "name"],
        Kind::LaunchTemplate => &["id", "version", "name"],
        Kind::ClusterCapacity => &["cluster"],
        Kind::Ecr => &["uri", "arn", "name"],
        Kind::ElasticIp => &["id", "public_ip"],
        Kind::Vpc
        | Kind::InternetGateway
        | Kind::NatGateway
        | Kind::RouteTable
        | Kind::Subnet
        | Kind::VpcEndpoint
        | Kind::SecurityGroup
        | Kind::OriginAccessControl => &["id"],
        Kind::TargetGroup => &["arn", "name", "full_name"],
        Kind::Alb | Kind::Nlb => &["dns_name", "arn", "zone_id", "full_name"],
        Kind::Clb => &["dns_name", "name", "arn", "zone_id"],
        Kind::Listener | Kind::Rule | Kind::ScalableTarget => &["arn"],
        Kind::Task => &["arn", "family"],
        Kind::Service => &["name", "arn"],
        Kind::Cloudfront => &["domain_name", "id", "arn"],
        Kind::Bucket => &["name", "arn", "domain_name"],
        Kind::BucketPolicy | Kind::BucketFiles => &["bucket"],
        Kind::Certificate => &["arn"],
        Kind::Domain => &["name", "zone_id"],
        Kind::Namespace | Kind::DiscoveryService => &["arn", "id", "name"],
    }
}

/// The output that `${kind.name}` means.
pub const fn default_name(kind: Kind) -> &'static str {
    names(kind)[0]
}

/// The outputs of `resource` that follow from account, region and name. The rest is AWS's to assign.
///
/// A service's ARN holds its cluster's name, so it is missing while the cluster is still a reference.
pub fn computed(resource: &Resource, environment: &Environment) -> Outputs {
    let arn = |service: &str, rest: String| {
        let Environment { account, region, partition, .. } = environment;
        format!("arn:{partition}:{service}:{region}:{account}:{rest}")
    };
    let name = resource.aws_name();
    let mut outputs = Vec::new();
    match resource {
        Resource::Ecr(_) => {
            outputs.push(("uri", repository_uri(name, environment)));
            outputs.push(("arn", arn("ecr", format!("repository/{name}"))));
            outputs.push(("name", name.to_owned()));
        }
        Resource::Cluster(_) => {
            outputs.push(("arn", arn("ecs", format!("cluster/{name}"))));
            outputs.push(("name", name.to_owned()));
        }
        Resource::LogGroup(_) => {
            outputs.push(("arn", arn("logs", format!("log-group:{name}"))));
            outputs.push(("name", name.to_owned()));
        }
        Resource::Role(role) => {
            // IAM is global: its ARNs name no region.
            let Environment { account, partition, .. } = environment;
            outputs.push(("arn", format!("arn:{partition}:iam::{account}:role{}{name}", role.path)));
            outputs.push(("name", name.to_owned()));
        }
        Resource::InstanceProfile(profile) => {
            let Environment { account, partition, .. } = environment;
            let path = &profile.path;
            outputs.push(("arn", format!("arn:{partition}:iam::{account}:instance-profile{path}{name}")));
            outputs.push(("name", name.to_owned()));
        }
        Resource::Function(_) => {
            let Environment { account, partition, .. } = environment;
            outputs.push(("arn", format!("arn:{partition}:cloudfront::{account}:function/{name}")));
            outputs.push(("name", name.to_owned()));
        }
        Resource::CapacityProvider(_) => {
            outputs.push(("arn", arn("ecs", format!("capacity-provider/{name}"))));
            outputs.push(("name", name.to_owned()));
        }
        Resource::ClusterCapacity(capacity) => outputs.push(("cluster", capacity.cluster.clone())),
        // Unlike those of the other load balancers its ARN holds no id.
        Resource::Clb(_) => {
            outputs.push(("arn", arn("elasticloadbalancing", format!("loadbalancer/{name}"))));
            outputs.push(("name", name.to_owned()));
        }
        Resource::Service(service) => {
            outputs.push(("name", name.to_owned()));
            if let Some((_, cluster)) = service.cluster.rsplit_once(":cluster/") {
                outputs.push(("arn", arn("ecs", format!("service/{cluster}/{name}"))));
            }
        }
        // The ARN of a group holds an id that AWS gives it.
        Resource::TargetGroup(_)
        | Resource::LaunchTemplate(_)
        | Resource::AutoScalingGroup(_)
        | Resource::Namespace(_)
        | Resource::DiscoveryService(_) => {
            outputs.push(("name", name.to_owned()));
        }
        Resource::Task(_) => outputs.push(("family", name.to_owned())),
        Resource::Bucket(_) => {
            // Names of buckets are unique in all of S3, so their ARNs hold neither region nor account.
            let Environment { region, partition, .. } = environment;
            outputs.push(("name", name.to_owned()));
            outputs.push(("arn", format!("arn:{partition}:s3:::{name}")));
            outputs.push(("domain_name", format!("{name}.s3.{region}.{}", domain(partition))));
        }
        Resource::BucketPolicy(_) | Resource::BucketFiles(_) => outputs.push(("bucket", name.to_owned())),
        Resource::Domain(domain) => {
            outputs.push(("name", name.to_owned()));
            outputs.push(("zone_id", domain.zone.clone()));
        }
        Resource::Vpc(_)
        | Resource::InternetGateway(_)
        | Resource::ElasticIp(_)
        | Resource::NatGateway(_)
        | Resource::RouteTable(_)
        | Resource::Subnet(_)
        | Resource::VpcEndpoint(_)
        | Resource::SecurityGroup(_)
        | Resource::OriginAccessControl(_)
        | Resource::Certificate(_)
        | Resource::Alb(_)
        | Resource::Nlb(_)
        | Resource::Listener(_)
        | Resource::Rule(_)
        | Resource::ScalableTarget(_)
        | Resource::Cloudfront(_) => {}
    }
    outputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn repository_uri(name: &str, environment: &Environment) -> String {
    let Environment { account, region, partition, .. } = environment;
    format!("{account}.dkr.ecr.{region}.{}/{name}", domain(partition))
}

fn domain(partition: &str) -> &'static str {
    if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(partition: &str) -> Environment {
        Environment {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: partition.into(),
            vpc: None,
            subnets: Vec::new(),
            subnets_private: false,
            secrets: BTreeMap::new(),
            images: BTreeMap::new(),
            named: [].into(),
            cloudfront_origins: None,
            zones: BTreeMap::new(),
            private_zones: [].into(),
            certificates: BTreeMap::new(),
            availability_zones: Vec::new(),
            taken_buckets: [].into(),
        }
    }

    fn check(kind: Kind, expected: &[(&str, &str)]) {
        let outputs = computed(&Resource::example(kind), &environment("aws"));
        let expected: Outputs =
            expected.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        assert_eq!(outputs, expected, "{kind}");
    }

    #[test]
    fn arns_and_addresses_follow_from_account_region_and_name() {
        check(
            Kind::Ecr,
            &[
                ("uri", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/course-api"),
                ("arn", "arn:aws:ecr:eu-west-1:123456789012:repository/course-api"),
                ("name", "course-api"),
            ],
        );
        check(
            Kind::Cluster,
            &[("arn", "arn:aws:ecs:eu-west-1:123456789012:cluster/course-main"), ("name", "course-main")],
        );
        check(
            Kind::LogGroup,
            &[
                ("arn", "arn:aws:logs:eu-west-1:123456789012:log-group:/neap/course/api"),
                ("name", "/neap/course/api"),
            ],
        );
        check(
            Kind::Role,
            &[
                ("arn", "arn:aws:iam::123456789012:role/neap/course/course-api-task"),
                ("name", "course-api-task"),
            ],
        );
        check(
            Kind::Service,
            &[
                ("arn", "arn:aws:ecs:eu-west-1:123456789012:service/course-main/course-api"),
                ("name", "course-api"),
            ],
        );
        check(
            Kind::Bucket,
            &[
                ("name", "course-web-123456789012"),
                ("arn", "arn:aws:s3:::course-web-123456789012"),
                ("domain_name", "course-web-123456789012.s3.eu-west-1.amazonaws.com"),
            ],
        );
        check(Kind::TargetGroup, &[("name", "course-api-0123abcd")]);
        check(Kind::Task, &[("family", "course-api")]);
        check(Kind::Alb, &[]);
    }

    #[test]
    fn a_service_has_no_arn_while_its_cluster_is_a_reference() {
        let Resource::Service(mut service) = Resource::example(Kind::Service) else { unreachable!() };
        service.cluster = "${cluster.main.arn}".into();
        let outputs = computed(&service.into(), &environment("aws"));
        assert_eq!(outputs.keys().collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn repositories_in_china_end_in_cn() {
        let outputs = computed(&Resource::example(Kind::Ecr), &environment("aws-cn"));
        assert_eq!(outputs["uri"], "123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn/course-api");
    }

    #[test]
    fn whatever_is_computed_is_an_output_of_its_kind() {
        for kind in Kind::ALL {
            for name in computed(&Resource::example(kind), &environment("aws")).keys() {
                assert!(names(kind).contains(&name.as_str()), "{kind} has no output `{name}`");
            }
            assert_eq!(default_name(kind), names(kind)[0]);
        }
    }
}
