//! Names of resources: what kind a resource is and how it is addressed in a stack.
//!
//! Decides which kinds exist and how an address reads (`alb.public.listener.http.rule.10`).
//! Must not know what a resource contains or how AWS names it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A kind of AWS resource that a plan can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A CloudWatch Logs log group.
    LogGroup,
    /// An IAM role with its policies.
    Role,
    /// An IAM instance profile.
    InstanceProfile,
    /// An ECR repository.
    Ecr,
    /// An ECS cluster with Fargate's capacity providers.
    Cluster,
    /// A virtual private cloud.
    Vpc,
    /// What leads from a VPC to the internet.
    InternetGateway,
    /// An Elastic IP address.
    ElasticIp,
    /// What lets private subnets reach the internet.
    NatGateway,
    /// A route table of a VPC.
    RouteTable,
    /// A subnet of a VPC, in one availability zone.
    Subnet,
    /// A way from a VPC to a service of AWS.
    VpcEndpoint,
    /// An EC2 security group with its rules.
    SecurityGroup,
    /// An EC2 launch template.
    LaunchTemplate,
    /// An EC2 auto scaling group.
    AutoScalingGroup,
    /// An ECS capacity provider on an auto scaling group.
    CapacityProvider,
    /// The capacity providers of the stack's own in a cluster.
    ClusterCapacity,
    /// An ELBv2 target group.
    TargetGroup,
    /// An application load balancer.
    Alb,
    /// A network load balancer.
    Nlb,
    /// A classic load balancer.
    Clb,
    /// A listener of a load balancer.
    Listener,
    /// A rule of a listener.
    Rule,
    /// An ECS task definition family.
    Task,
    /// An ECS service.
    Service,
    /// A scalable target of Application Auto Scaling, with what scales it.
    ScalableTarget,
    /// A CloudFront distribution.
    Cloudfront,
    /// An S3 bucket.
    Bucket,
    /// The policy of a bucket.
    BucketPolicy,
    /// The files of a folder in a bucket.
    BucketFiles,
    /// A CloudFront origin access control.
    OriginAccessControl,
    /// A certificate of AWS Certificate Manager.
    Certificate,
    /// A CloudFront function.
    Function,
    /// A name in Route 53 that leads to a distribution or a load balancer.
    Domain,
    /// A namespace of Cloud Map, in which services are found by name.
    Namespace,
    /// A service of Cloud Map: the name under which the tasks of an ECS service are found.
    DiscoveryService,
}

impl Kind {
    /// Every kind, in the order in which plans list them when nothing else decides.
    pub const ALL: [Self; 36] = [
        Self::LogGroup,
        Self::Role,
        Self::InstanceProfile,
        Self::Ecr,
        Self::Cluster,
        Self::Vpc,
        Self::InternetGateway,
        Self::ElasticIp,
        Self::NatGateway,
        Self::RouteTable,
        Self::Subnet,
        Self::VpcEndpoint,
        Self::SecurityGroup,
        Self::LaunchTemplate,
        Self::AutoScalingGroup,
        Self::CapacityProvider,
        Self::ClusterCapacity,
        Self::Certificate,
        Self::Namespace,
        Self::DiscoveryService,
        Self::TargetGroup,
        Self::Alb,
        Self::Nlb,
        Self::Clb,
        Self::Listener,
        Self::Rule,
        Self::Task,
        Self::Service,
        Self::ScalableTarget,
        Self::Bucket,
        Self::OriginAccessControl,
        Self::Function,
        Self::Cloudfront,
        Self::BucketPolicy,
        Self::BucketFiles,
        Self::Domain,
    ];

    /// The kind's name in addresses and in the stack file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogGroup => "log_group",
            Self::Role => "role",
            Self::InstanceProfile => "instance_profile",
            Self::Ecr => "ecr",
            Self::Cluster => "cluster",
            Self::Vpc => "vpc",
            Self::InternetGateway => "internet_gateway",
            Self::ElasticIp => "elastic_ip",
            Self::NatGateway => "nat_gateway",
            Self::RouteTable => "route_table",
            Self::Subnet => "subnet",
            Self::VpcEndpoint => "vpc_endpoint",
            Self::SecurityGroup => "security_group",
            Self::LaunchTemplate => "launch_template",
            Self::AutoScalingGroup => "auto_scaling_group",
            Self::CapacityProvider => "capacity_provider",
            Self::ClusterCapacity => "cluster_capacity",
            Self::TargetGroup => "target_group",
            Self::Alb => "alb",
            Self::Nlb => "nlb",
            Self::Clb => "clb",
            Self::Listener => "listener",
            Self::Rule => "rule",
            Self::Task => "task",
            Self::Service => "service",
            Self::ScalableTarget => "scalable_target",
            Self::Cloudfront => "cloudfront",
            Self::Bucket => "bucket",
            Self::BucketPolicy => "bucket_policy",
            Self::BucketFiles => "bucket_files",
            Self::OriginAccessControl => "origin_access_control",
            Self::Certificate => "certificate",
            Self::Function => "function",
            Self::Domain => "domain",
            Self::Namespace => "namespace",
            Self::DiscoveryService => "discovery_service",
        }
    }

    /// Whether it takes traffic and hands it to target groups.
    pub const fn is_balancer(self) -> bool {
        matches!(self, Self::Alb | Self::Nlb)
    }

    /// Whether AWS takes tags on resources of this kind. Of the others, something in their fields tells whose they are.
    pub const fn takes_tags(self) -> bool {
        !matches!(
            self,
            Self::ClusterCapacity
                | Self::BucketPolicy
                | Self::BucketFiles
                | Self::OriginAccessControl
                | Self::Domain
        )
    }

    /// Whether resources of this kind say by a tag which region their stack is in: AWS has them once for all regions. (Of functions, which
    /// are nothing without their distribution, and of what takes no tags it is not told.)
    pub const fn is_marked_with_region(self) -> bool {
        matches!(self, Self::Role | Self::InstanceProfile | Self::Cloudfront)
    }

    /// The kind named `text` as a table of the stack file, if there is one.
    pub fn from_table(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .filter(|kind| !matches!(kind, Self::Listener | Self::Rule))
            .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The place of one resource in a stack, as users write and read it.
///
/// Listeners and rules live inside their load balancer: `alb.public.listener.http`,
/// `alb.public.listener.http.rule.10` and `nlb.mqtt.listener.tls`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    kind: Kind,
    /// The kind of the table that it stands in: its own, unless it lives inside another.
    table: Kind,
    /// The names along the path, outermost first.
    names: Vec<String>,
}

/// A text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not an address; addresses read like `service.api` or `alb.public.listener.http`")]
pub struct AddressError(pub String);

impl Address {
    /// The address of a resource that stands in its own table, `[kind.name]`.
    pub fn new(kind: Kind, name: &str) -> Self {
        Self { kind, table: kind, names: vec![name.to_owned()] }
    }

    /// The address of a listener of the application load balancer `alb`.
    pub fn listener(alb: &str, listener: &str) -> Self {
        let names = vec![alb.to_owned(), listener.to_owned()];
        Self { kind: Kind::Listener, table: Kind::Alb, names }
    }

    /// The address of a listener of the network load balancer `nlb`.
    pub fn nlb_listener(nlb: &str, listener: &str) -> Self {
        Self { table: Kind::Nlb, ..Self::listener(nlb, listener) }
    }

    /// The address of the rule with `priority` on a listener of the load balancer `alb`.
    pub fn rule(alb: &str, listener: &str, priority: u32) -> Self {
        let names = vec![alb.to_owned(), listener.to_owned(), priority.to_string()];
        Self { kind: Kind::Rule, table: Kind::Alb, names }
    }

    /// What kind of resource stands here.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The kind of the table in the stack file that it stands in: for a listener or a rule, its load balancer's.
    pub const fn table(&self) -> Kind {
        self.table
    }

    /// The resource's own name: the last one of its path.
    pub fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The names along the path, outermost first; one unless the resource lives inside another.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The resource that this one lives inside: a rule's listener, a listener's load balancer.
    pub fn parent(&self) -> Option<Self> {
        let kind = match self.kind {
            Kind::Rule => Kind::Listener,
            Kind::Listener => self.table,
            _ => return None,
        };
        let names = self.names[..self.names.len() - 1].to_vec();
        Some(Self { kind, table: self.table, names })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [self.table.as_str(), "listener", "rule"];
        for (index, (kind, name)) in kinds.iter().zip(&self.names).enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(formatter, "{dot}{kind}.{name}")?;
        }
        Ok(())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError(text.to_owned());
        let parts: Vec<&str> = text.split('.').collect();
        if !parts.iter().all(|part| has_characters_of_a_name(part)) {
            return Err(error());
        }
        match parts.as_slice() {
            ["alb", alb, "listener", listener] => Ok(Self::listener(alb, listener)),
            ["alb", alb, "listener", listener, "rule", priority] => {
                let priority = priority.parse().map_err(|_| error())?;
                Ok(Self::rule(alb, listener, priority))
            }
            ["nlb", nlb, "listener", listener] => Ok(Self::nlb_listener(nlb, listener)),
            [kind, name] => Kind::from_table(kind).map(|kind| Self::new(kind, name)).ok_or_else(error),
            _ => Err(error()),
        }
    }
}

/// Whether a user may give this name to a resource: lower-case letters, digits, `-` and `_`, at most 40.
pub fn is_name(text: &str) -> bool {
    text.len() <= 40 && has_characters_of_a_name(text)
}

/// Whether `text` is made of what names are made of. What a resource implies is named after it and a few words more
/// (`role.task-api-execution`), and after a block of instances too, so an address may hold a longer name than users give.
fn has_characters_of_a_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !text.is_empty() && text.chars().all(allowed)
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_written() {
        for text in [
            "ecr.api",
            "alb.public",
            "alb.public.listener.http",
            "alb.a.listener.b.rule.10",
            "nlb.a.listener.b",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "ecr", "listener.http", "nothing.api", "ecr.A", "alb.a.listener.b.rule.x", "ecr.a.b"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rule_lives_in_its_listener_and_that_in_its_load_balancer() {
        let rule = Address::rule("public", "http", 10);
        let listener = rule.parent().expect("a rule has a parent");
        assert_eq!(listener, Address::listener("public", "http"));
        assert_eq!(listener.parent(), Some(Address::new(Kind::Alb, "public")));
        assert_eq!(Address::nlb_listener("mqtt", "tls").parent(), Some(Address::new(Kind::Nlb, "mqtt")));
        assert_eq!(Address::new(Kind::Ecr, "api").parent(), None);
    }
}
