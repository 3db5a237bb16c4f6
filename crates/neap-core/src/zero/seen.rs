//! What a reader sees, as AWS shows it: facts without a judgement.
//!
//! Decides the shape of those facts. Must not know whose anything is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Kind;
use crate::live::ReadFailure;
use crate::pricing::Usage;

/// Something that a stack can leave: its kinds, and what AWS makes for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A load balancer, but for a classic one.
    LoadBalancer,
    /// A classic load balancer.
    ClassicLoadBalancer,
    /// A listener of one.
    Listener,
    /// A rule of a listener.
    ListenerRule,
    /// A target group.
    TargetGroup,
    /// An ECS cluster.
    Cluster,
    /// An ECS service.
    Service,
    /// A scalable target of Application Auto Scaling, with what scales it.
    ScalableTarget,
    /// An ECS task that runs.
    Task,
    /// A revision of a task definition, whether it is active or not.
    TaskDefinition,
    /// A capacity provider that somebody made.
    CapacityProvider,
    /// An ECR repository.
    Repository,
    /// A CloudWatch log group.
    LogGroup,
    /// An IAM role.
    Role,
    /// An IAM instance profile.
    InstanceProfile,
    /// An EC2 launch template.
    LaunchTemplate,
    /// An EC2 auto scaling group.
    AutoScalingGroup,
    /// An EC2 instance that is not terminated.
    Instance,
    /// A VPC.
    Vpc,
    /// An internet gateway.
    InternetGateway,
    /// An Elastic IP address.
    ElasticIp,
    /// A NAT gateway.
    NatGateway,
    /// A route table.
    RouteTable,
    /// A subnet.
    Subnet,
    /// An endpoint of a VPC.
    VpcEndpoint,
    /// A security group.
    SecurityGroup,
    /// A single rule of a security group.
    SecurityGroupRule,
    /// A network interface.
    NetworkInterface,
    /// A CloudFront distribution.
    Distribution,
    /// A CloudWatch alarm that scaling made, or that drives it.
    Alarm,
    /// An SSM parameter.
    Parameter,
    /// An object in an S3 bucket.
    Object,
    /// An S3 bucket, with its policy.
    Bucket,
    /// A CloudFront origin access control.
    OriginAccessControl,
    /// A certificate of AWS Certificate Manager, in the region or in CloudFront's.
    Certificate,
    /// A CloudFront function.
    Function,
    /// A name in a public hosted zone that is marked as somebody's.
    Record,
    /// A namespace of Cloud Map, with its hosted zone.
    Namespace,
    /// A service of Cloud Map.
    DiscoveryService,
}

impl Thing {
    /// Everything that is looked for.
    pub const ALL: [Self; 39] = [
        Self::LoadBalancer,
        Self::ClassicLoadBalancer,
        Self::Listener,
        Self::ListenerRule,
        Self::TargetGroup,
        Self::Cluster,
        Self::Service,
        Self::ScalableTarget,
        Self::Task,
        Self::TaskDefinition,
        Self::CapacityProvider,
        Self::Repository,
        Self::LogGroup,
        Self::Role,
        Self::InstanceProfile,
        Self::LaunchTemplate,
        Self::AutoScalingGroup,
        Self::Instance,
        Self::Vpc,
        Self::InternetGateway,
        Self::ElasticIp,
        Self::NatGateway,
        Self::RouteTable,
        Self::Subnet,
        Self::VpcEndpoint,
        Self::SecurityGroup,
        Self::SecurityGroupRule,
        Self::NetworkInterface,
        Self::Distribution,
        Self::Alarm,
        Self::Parameter,
        Self::Object,
        Self::Bucket,
        Self::OriginAccessControl,
        Self::Certificate,
        Self::Function,
        Self::Record,
        Self::Namespace,
        Self::DiscoveryService,
    ];

    /// What a resource of `kind` is here.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::LogGroup => Self::LogGroup,
            Kind::Role => Self::Role,
            Kind::Ecr => Self::Repository,
            Kind::InstanceProfile => Self::InstanceProfile,
            Kind::LaunchTemplate => Self::LaunchTemplate,
            Kind::AutoScalingGroup => Self::AutoScalingGroup,
            Kind::CapacityProvider => Self::CapacityProvider,
            // A part of it that nothing lists by itself.
            Kind::Cluster | Kind::ClusterCapacity => Self::Cluster,
            Kind::Vpc => Self::Vpc,
            Kind::InternetGateway => Self::InternetGateway,
            Kind::ElasticIp => Self::ElasticIp,
            Kind::NatGateway => Self::NatGateway,
            Kind::RouteTable => Self::RouteTable,
            Kind::Subnet => Self::Subnet,
            Kind::VpcEndpoint => Self::VpcEndpoint,
            Kind::SecurityGroup => Self::SecurityGroup,
            Kind::TargetGroup => Self::TargetGroup,
            Kind::Alb | Kind::Nlb => Self::LoadBalancer,
            Kind::Clb => Self::ClassicLoadBalancer,
            Kind::Listener => Self::Listener,
            Kind::Rule => Self::ListenerRule,
            Kind::Task => Self::TaskDefinition,
            Kind::Service => Self::Service,
            Kind::ScalableTarget => Self::ScalableTarget,
            Kind::Cloudfront => Self::Distribution,
            // Policy and files go with their bucket.
            Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles => Self::Bucket,
            Kind::OriginAccessControl => Self::OriginAccessControl,
            Kind::Certificate => Self::Certificate,
            Kind::Function => Self::Function,
            Kind::Domain => Self::Record,
            Kind::Namespace => Self::Namespace,
            Kind::DiscoveryService => Self::DiscoveryService,
        }
    }

    /// The words for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load balancer",
            Self::ClassicLoadBalancer => "classic load balancer",
            Self::Listener => "listener",
            Self::ListenerRule => "listener rule",
            Self::TargetGroup => "target group",
            Self::Cluster => "cluster",
            Self::Service => "service",
            Self::ScalableTarget => "scalable target",
            Self::Task => "task",
            Self::TaskDefinition => "task definition",
            Self::CapacityProvider => "capacity provider",
            Self::Repository => "repository",
            Self::LogGroup => "log group",
            Self::Role => "role",
            Self::InstanceProfile => "instance profile",
            Self::LaunchTemplate => "launch template",
            Self::AutoScalingGroup => "auto scaling group",
            Self::Instance => "instance",
            Self::Vpc => "VPC",
            Self::InternetGateway => "internet gateway",
            Self::ElasticIp => "elastic IP address",
            Self::NatGateway => "NAT gateway",
            Self::RouteTable => "route table",
            Self::Subnet => "subnet",
            Self::VpcEndpoint => "VPC endpoint",
            Self::SecurityGroup => "security group",
            Self::SecurityGroupRule => "security group rule",
            Self::NetworkInterface => "network interface",
            Self::Distribution => "distribution",
            Self::Alarm => "alarm",
            Self::Parameter => "parameter",
            Self::Object => "object",
            Self::Bucket => "bucket",
            Self::OriginAccessControl => "origin access control",
            Self::Certificate => "certificate",
            Self::Function => "function",
            Self::Record => "record",
            Self::Namespace => "namespace",
            Self::DiscoveryService => "discovery service",
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// What AWS made something for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// What it is.
    pub thing: Thing,
    /// Its name.
    pub name: String,
}

/// What something holds that goes with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// How many: the images of a repository, the instances of a group or a cluster, the versions of a bucket's objects.
    pub items: u64,
    /// Their size.
    pub bytes: u64,
}

/// One thing that a listing showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// What it is.
    pub thing: Thing,
    /// What AWS knows it by: the ARN, or the id where EC2 has no other; the name of a log group, repository or
    /// parameter; the `s3://` of an object.
    pub id: String,
    /// The name that somebody gave it; the comment of a distribution, the description of a network interface or an origin
    /// access control.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// AWS's word for it while AWS is deleting it: `draining`.
    pub going: Option<String>,
    /// The id of what it cannot be without: a listener's load balancer, a service's cluster, a subnet's VPC, a discovery
    /// service's namespace.
    pub within: Option<String>,
    /// Ids of what it refers to, which cannot go before it: security groups, target groups.
    pub uses: BTreeSet<String>,
    /// What it is for: a service that a target or an alarm scales is named with its cluster, `main/api`; a group of instances by its
    /// name.
    pub owner: Option<Owner>,
    /// What it holds.
    pub stored: Stored,
    /// Whether AWS refuses to delete it until that is turned off.
    pub protected: bool,
    /// What AWS charges for it.
    pub usage: Vec<Usage>,
}

impl Seen {
    /// Something of which nothing more is known yet.
    pub fn new(thing: Thing, id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            thing,
            id: id.into(),
            name: name.into(),
            tags: BTreeMap::new(),
            going: None,
            within: None,
            uses: BTreeSet::new(),
            owner: None,
            stored: Stored::default(),
            protected: false,
            usage: Vec::new(),
        }
    }

    /// What it is and what it is called: `repository shop-api`.
    pub fn title(&self) -> String {
        title(self.thing, &self.id, &self.name)
    }
}

/// What something is and what it is called: by its id where that says more than its name, cut to what tells it apart.
pub(super) fn title(thing: Thing, id: &str, name: &str) -> String {
    let after = |mark: &str| id.split_once(mark).map_or(id, |(_, rest)| rest);
    match thing {
        Thing::NetworkInterface | Thing::Distribution | Thing::OriginAccessControl => format!("{thing} {id}"),
        Thing::TaskDefinition => format!("{thing} {}", after(":task-definition/")),
        Thing::Task => format!("{thing} {}", after(":task/")),
        Thing::Listener => format!("{thing} {}", after(":listener/app/")),
        Thing::ListenerRule => format!("{thing} {}", after(":listener-rule/app/")),
        _ if name.is_empty() => format!("{thing} {id}"),
        Thing::Vpc
        | Thing::InternetGateway
        | Thing::ElasticIp
        | Thing::NatGateway
        | Thing::RouteTable
        | Thing::Subnet
        | Thing::VpcEndpoint
        | Thing::SecurityGroup => format!("{thing} {id} ({name})"),
        _ => format!("{thing} {name}"),
    }
}

/// What the index of tags names and no listing showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The ARN.
    pub arn: String,
    /// Whether the service that it belongs to was asked and does not have it. The index shows for hours what is deleted.
    pub is_ghost: bool,
}

/// Everything that a reader saw of an account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Remains {
    /// The account that was looked at.
    pub account: String,
    /// The region that was looked at.
    pub region: String,
    /// What the services list that may concern the stack.
    pub seen: Vec<Seen>,
    /// What the index of tags names as the stack's. It proves nothing either way.
    pub hints: Vec<Hint>,
    /// Listings that failed, because of which there may be more.
    pub unread: Vec<ReadFailure>,
}
