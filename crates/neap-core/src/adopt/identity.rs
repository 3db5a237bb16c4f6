//! What people call something live: an ARN, an id or a name, and which of a kind's fields that tells.
//!
//! Decides how such a text is read. Must not know whether anything of the kind exists.

use crate::address::{Address, Kind};
use crate::desired::Desired;
use crate::kinds::Resource;
use crate::live::LiveResource;
use crate::network;

/// What someone calls a live resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The whole ARN, if it was one; without the star that listings of log groups end in.
    arn: Option<String>,
    by: By,
}

/// How a live resource is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    /// By the name that its fields hold.
    Name(String),
    /// By an id that no field holds.
    Id(String),
    /// By where it stands in its load balancer; its ARN can only confirm that.
    Position,
}

impl Identity {
    /// Reads `text` as what AWS calls a resource of `kind`.
    ///
    /// # Errors
    ///
    /// Fails with what the text should have been, as a fragment that follows it.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, String> {
        if text.starts_with("arn:") {
            let arn = text.trim_end_matches(":*").to_owned();
            let by = of_arn(kind, &arn).ok_or_else(|| no_arn(kind))?;
            return Ok(Self { arn: Some(arn), by });
        }
        let by = match kind {
            Kind::Listener | Kind::Rule | Kind::ClusterCapacity | Kind::Certificate => {
                return Err(no_arn(kind));
            }
            Kind::Cloudfront | Kind::ScalableTarget => By::Id(text.to_owned()),
            Kind::SecurityGroup if text.starts_with("sg-") => By::Id(text.to_owned()),
            Kind::Namespace if text.starts_with("ns-") => By::Id(text.to_owned()),
            Kind::DiscoveryService if text.starts_with("srv-") => By::Id(text.to_owned()),
            kind if network::is_part(kind) => By::Id(text.to_owned()),
            Kind::Task => By::Name(family(text).to_owned()),
            _ => By::Name(text.to_owned()),
        };
        Ok(Self { arn: None, by })
    }

    /// `desired` in which `address` means what has this identity.
    pub(super) fn sought(&self, desired: &Desired, address: &Address) -> Desired {
        match &self.by {
            By::Name(name) => renamed(desired, address, name),
            By::Id(id) => {
                let mut sought = desired.clone();
                sought.known_as.insert(address.clone(), id.clone());
                sought
            }
            By::Position => desired.clone(),
        }
    }

    /// Whether `live` is what has this identity: names tell less than ARNs.
    pub(super) fn is_of(&self, live: &LiveResource) -> bool {
        let arn = live.outputs.get("arn");
        match (&self.arn, arn, &self.by) {
            (_, _, By::Id(id)) => *id == live.id,
            (Some(wanted), Some(arn), _) => wanted == arn,
            // A role that was made a moment ago has none.
            (Some(_), None, _) | (None, _, By::Position) => false,
            (None, _, By::Name(name)) => name.eq_ignore_ascii_case(live.resource.aws_name()),
        }
    }
}

/// `desired` with another name for the resource at `address`, as if the user had chosen it.
pub(super) fn renamed(desired: &Desired, address: &Address, name: &str) -> Desired {
    let mut renamed = desired.clone();
    let Some(wanted) = renamed.resources.get_mut(address) else { return renamed };
    let kind = wanted.resource.kind();
    let mut fields = wanted.resource.fields();
    if let Some(member) = fields.get_mut(name_field(kind)) {
        *member = name.into();
    }
    wanted.resource = Resource::from_fields(kind, fields).expect("a name may be any string");
    wanted.delete_first = true;
    renamed
}

/// The field that holds the name of a resource of `kind`.
pub const fn name_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Task => "family",
        Kind::BucketPolicy | Kind::BucketFiles => "bucket",
        _ => "name",
    }
}

fn no_arn(kind: Kind) -> String {
    format!("is not the ARN of something of kind `{kind}`")
}

/// A task definition's name without its revision.
fn family(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((family, revision)) if revision.parse::<u64>().is_ok() => family,
        _ => text,
    }
}

/// What an ARN says of a resource of `kind`; nothing if it is another kind's.
fn of_arn(kind: Kind, arn: &str) -> Option<By> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, _region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let inside = |wanted: &str, prefix: &str| resource.strip_prefix(prefix).filter(|_| service == wanted);
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let first = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let elb = "elasticloadbalancing";
    let by = match kind {
        Kind::LogGroup => By::Name(inside("logs", "log-group:")?.to_owned()),
        Kind::Role => By::Name(last(inside("iam", "role/")?)),
        Kind::Ecr => By::Name(inside("ecr", "repository/")?.to_owned()),
        Kind::Cluster => By::Name(inside("ecs", "cluster/")?.to_owned()),
        Kind::InstanceProfile => By::Name(last(inside("iam", "instance-profile/")?)),
        Kind::LaunchTemplate | Kind::ClusterCapacity => return None,
        Kind::AutoScalingGroup => By::Name(
            inside("autoscaling", "autoScalingGroup:")?.rsplit_once(":autoScalingGroupName/")?.1.to_owned(),
        ),
        Kind::CapacityProvider => By::Name(inside("ecs", "capacity-provider/")?.to_owned()),
        Kind::Vpc => By::Id(inside("ec2", "vpc/")?.to_owned()),
        Kind::InternetGateway => By::Id(inside("ec2", "internet-gateway/")?.to_owned()),
        Kind::ElasticIp => By::Id(inside("ec2", "elastic-ip/")?.to_owned()),
        Kind::NatGateway => By::Id(inside("ec2", "natgateway/")?.to_owned()),
        Kind::VpcEndpoint => By::Id(inside("ec2", "vpc-endpoint/")?.to_owned()),
        Kind::RouteTable => By::Id(inside("ec2", "route-table/")?.to_owned()),
        Kind::Subnet => By::Id(inside("ec2", "subnet/")?.to_owned()),
        Kind::SecurityGroup => By::Id(inside("ec2", "security-group/")?.to_owned()),
        Kind::TargetGroup => By::Name(first(inside(elb, "targetgroup/")?)),
        Kind::Alb => By::Name(first(inside(elb, "loadbalancer/app/")?)),
        Kind::Nlb => By::Name(first(inside(elb, "loadbalancer/net/")?)),
        // The others' ARNs hold their type and an id.
        Kind::Clb => By::Name(inside(elb, "loadbalancer/").filter(|name| !name.contains('/'))?.to_owned()),
        Kind::Listener => {
            inside(elb, "listener/app/").or_else(|| inside(elb, "listener/net/")).map(|_| By::Position)?
        }
        Kind::Rule => inside(elb, "listener-rule/app/").map(|_| By::Position)?,
        Kind::Task => By::Name(family(inside("ecs", "task-definition/")?).to_owned()),
        Kind::Service => By::Name(last(inside("ecs", "service/")?)),
        // It is known by the service that it scales.
        Kind::ScalableTarget => {
            inside("application-autoscaling", "scalable-target/").map(|_| By::Position)?
        }
        Kind::Cloudfront => By::Id(inside("cloudfront", "distribution/")?.to_owned()),
        Kind::Bucket | Kind::BucketPolicy => By::Name(inside("s3", "")?.to_owned()),
        // It is known by its whole ARN.
        Kind::Certificate => inside("acm", "certificate/").map(|_| By::Id(arn.to_owned()))?,
        Kind::Function => By::Name(inside("cloudfront", "function/")?.to_owned()),
        Kind::Namespace => By::Id(inside("servicediscovery", "namespace/")?.to_owned()),
        Kind::DiscoveryService => By::Id(inside("servicediscovery", "service/")?.to_owned()),
        // They take no tags, so they are never adopted.
        Kind::OriginAccessControl | Kind::BucketFiles | Kind::Domain => return None,
    };
    Some(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expected: &By) {
        let identity = Identity::parse(kind, text).expect("an identity");
        assert_eq!(&identity.by, expected, "{kind} {text}");
    }

    fn refuse(kind: Kind, text: &str, expected: &str) {
        assert_eq!(Identity::parse(kind, text), Err(expected.to_owned()), "{kind} {text}");
    }

    fn name(text: &str) -> By {
        By::Name(text.to_owned())
    }

    #[test]
    fn an_arn_tells_the_name_or_the_id() {
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:123456789012:{rest}");
        let elb = |rest: &str| arn("elasticloadbalancing", rest);
        check(Kind::LogGroup, &arn("logs", "log-group:/my/own:*"), &name("/my/own"));
        check(Kind::Role, "arn:aws:iam::123456789012:role/neap/course/api", &name("api"));
        check(Kind::Ecr, &arn("ecr", "repository/team/api"), &name("team/api"));
        check(Kind::Cluster, &arn("ecs", "cluster/main"), &name("main"));
        check(Kind::SecurityGroup, &arn("ec2", "security-group/sg-1"), &By::Id("sg-1".into()));
        check(Kind::TargetGroup, &elb("targetgroup/api/0123"), &name("api"));
        check(Kind::Alb, &elb("loadbalancer/app/public/0123"), &name("public"));
        check(Kind::Listener, &elb("listener/app/public/0123/4567"), &By::Position);
        check(Kind::Nlb, &elb("loadbalancer/net/mqtt/0123"), &name("mqtt"));
        check(Kind::Clb, &elb("loadbalancer/old"), &name("old"));
        check(Kind::Listener, &elb("listener/net/mqtt/0123/4567"), &By::Position);
        check(Kind::Rule, &elb("listener-rule/app/public/0123/4567/89ab"), &By::Position);
        check(Kind::Task, &arn("ecs", "task-definition/api:7"), &name("api"));
        check(Kind::Service, &arn("ecs", "service/main/api"), &name("api"));
        check(Kind::Service, &arn("ecs", "service/api"), &name("api"));
        check(Kind::Namespace, &arn("servicediscovery", "namespace/ns-1"), &By::Id("ns-1".into()));
        check(Kind::DiscoveryService, &arn("servicediscovery", "service/srv-1"), &By::Id("srv-1".into()));
        check(Kind::ScalableTarget, &arn("application-autoscaling", "scalable-target/0ec5"), &By::Position);
        check(Kind::Cloudfront, "arn:aws:cloudfront::123456789012:distribution/E1", &By::Id("E1".into()));
        check(Kind::Function, "arn:aws:cloudfront::123456789012:function/course-spa", &name("course-spa"));
    }

    #[test]
    fn a_certificate_is_known_by_its_whole_arn() {
        let arn = "arn:aws:acm:us-east-1:123456789012:certificate/0123";
        check(Kind::Certificate, arn, &By::Id(arn.into()));
        refuse(Kind::Certificate, "example.com", "is not the ARN of something of kind `certificate`");
    }

    #[test]
    fn what_is_no_arn_is_a_name_or_an_id() {
        check(Kind::Ecr, "team/api", &name("team/api"));
        check(Kind::Task, "api:7", &name("api"));
        check(Kind::Task, "api", &name("api"));
        check(Kind::SecurityGroup, "sg-1", &By::Id("sg-1".into()));
        check(Kind::SecurityGroup, "web", &name("web"));
        check(Kind::Namespace, "ns-1", &By::Id("ns-1".into()));
        check(Kind::Namespace, "shop.internal", &name("shop.internal"));
        check(Kind::Cloudfront, "E1", &By::Id("E1".into()));
        check(Kind::ScalableTarget, "service/main/api", &By::Id("service/main/api".into()));
    }

    #[test]
    fn an_arn_of_something_else_is_refused() {
        refuse(
            Kind::Ecr,
            "arn:aws:ecs:eu-west-1:1:cluster/main",
            "is not the ARN of something of kind `ecr`",
        );
        refuse(
            Kind::Alb,
            "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/a/1",
            "is not the ARN of something of kind `alb`",
        );
        refuse(
            Kind::Clb,
            "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/a/1",
            "is not the ARN of something of kind `clb`",
        );
        refuse(Kind::Listener, "http", "is not the ARN of something of kind `listener`");
        refuse(Kind::Role, "arn:aws", "is not the ARN of something of kind `role`");
    }
}
