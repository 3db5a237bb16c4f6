//! The table: for each kind the calls that are made for it, when, and on what.
//!
//! Decides nothing by itself. Where an action stands with [`On::Any`], the Service Authorization Reference lists no resource
//! type for it. Where a tag is asked for, it lists `aws:ResourceTag` or `aws:RequestTag` for the action or its resource type;
//! calls that change tags have no such condition, since AWS asks for them while a resource is made, too. An action that is
//! only part of another call (`AddTags` of a create with tags) stands beside it.

use super::Purpose;
use crate::address::Kind;

/// When a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// While reading, and while waiting for what was made or deleted.
    Read,
    /// To see what is in the way of a destroy, and to prove that it left nothing.
    Prove,
    /// To create or change.
    Make,
    /// To delete.
    Delete,
    /// For both.
    Both,
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// AWS limits this action to no resources.
    Any,
    /// All resources of the kind: a listing, or a look at what may be the stack's own under any name.
    Every,
    /// The stack's own resources of the kind.
    Own,
    /// The stack's own resources of another kind, which this kind is part of.
    Of(Kind),
    /// The stack's own load balancers, of both kinds.
    Balancers,
    /// The listeners of the stack's own network load balancers.
    NetworkListeners,
    /// Roles by name, wherever they are: AWS does not know the path of one that is not there.
    Named,
    /// Roles that tasks are given.
    Passed,
    /// The stack's own roles, which its instances are given.
    PassedToInstances,
    /// The stack's own roles, which ECS is given to shift traffic and to ask hooks; nothing where no service needs that.
    PassedToEcs,
    /// The services that are deployed blue/green, and their deployments.
    Shifted,
    Rollouts,
    /// What a group starts instances from and with: all of it, whoever owns it.
    Launched,
    /// The parameters in which AWS names the images that it recommends.
    Images,
    /// The hosted zones of the account: only a reading tells which.
    Zones,
    /// The hosted zones of the account, where the stack has namespaces with DNS.
    PrivateZones,
    /// Hosted zones that are yet to be made, where the stack has namespaces with DNS.
    NewZones,
    /// Changes of records, by ids that Route 53 gives.
    RecordChanges,
    /// The VPC.
    Vpc,
    /// Roles that AWS's services make for themselves.
    ServiceLinked,
    /// The Secrets Manager secrets that the stack names.
    Secrets,
    /// Nothing in particular, but only where tasks name SSM parameters.
    Parameters,
    /// Nothing in particular, but only where the stack names security groups by their ids.
    OthersGroups,
    /// Nothing in particular, but only where the stack names Elastic IP addresses by their ids.
    OthersAddresses,
    /// The SSM parameter that is the stack's lock, if that is where the stack keeps it.
    Lock,
    /// The object that is the stack's lock, if the stack keeps it in a bucket.
    LockObject,
    /// The bucket of that object.
    LockBucket,
    /// The objects in the stack's buckets.
    Objects,
    /// The KMS keys that the stack names for its resources of the kind.
    Keys,
    /// The alarms of the stack's steps, and those that target tracking keeps under names of AWS's own.
    Alarms,
    /// The distributions that answer with the stack's files, if there are such.
    Sites,
}

/// What else must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Nothing.
    None,
    /// The request tags what it makes as the stack's own.
    Requested,
    /// The resource is tagged as the stack's own.
    Tagged,
    /// A role is handed to tasks only.
    ToTasks,
    /// A role is handed to instances only.
    ToInstances,
    /// A role is handed to ECS itself only.
    ToEcs,
    /// A tag is added by this call that creates.
    OnCreate(&'static str),
    /// A service-linked role is for this service.
    OfService(&'static str),
    /// The policy that is attached is one that the stack names.
    Policies,
}

/// One action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    pub(super) action: &'static str,
    pub(super) when: Use,
    pub(super) on: On,
    pub(super) guard: Guard,
}

impl Right {
    pub(super) const fn only_reads(self) -> bool {
        matches!(self.when, Use::Read | Use::Prove)
    }

    pub(super) fn used_for(self, purpose: Purpose) -> bool {
        match (purpose, self.when) {
            (Purpose::All, _) | (_, Use::Read) => true,
            (Purpose::Apply, when) => when != Use::Prove,
            (Purpose::Destroy, when) => matches!(when, Use::Prove | Use::Delete | Use::Both),
            (Purpose::Plan, _) => false,
        }
    }
}

const fn read(action: &'static str, on: On) -> Right {
    Right { action, when: Use::Read, on, guard: Guard::None }
}

const fn prove(action: &'static str, on: On) -> Right {
    Right { action, when: Use::Prove, on, guard: Guard::None }
}

const fn make(action: &'static str, on: On, guard: Guard) -> Right {
    Right { action, when: Use::Make, on, guard }
}

const fn delete(action: &'static str, on: On, guard: Guard) -> Right {
    Right { action, when: Use::Delete, on, guard }
}

const fn both(action: &'static str, on: On, guard: Guard) -> Right {
    Right { action, when: Use::Both, on, guard }
}

use Guard::{OfService, OnCreate, Policies, Requested, Tagged, ToInstances, ToTasks};
use On::{Any, Every, Named, Own, Passed};

/// What every stack needs.
pub(super) const COMMON: &[Right] = &[
    read("sts:GetCallerIdentity", Any),
    read("tag:GetResources", Any),
    read("ec2:DescribeTags", Any),
    read("ec2:DescribeVpcs", Any),
    read("ec2:DescribeSubnets", Any),
    read("ec2:DescribeRouteTables", Any),
    read("ec2:DescribeManagedPrefixLists", Any),
    read("ec2:DescribeSecurityGroups", On::OthersGroups),
    read("ec2:DescribeAddresses", On::OthersAddresses),
    read("secretsmanager:DescribeSecret", On::Secrets),
    read("ssm:DescribeParameters", On::Parameters),
    both("s3:DeleteObject", On::LockObject, Guard::None),
    both("s3:GetObject", On::LockObject, Guard::None),
    // Without it S3 answers a look at an object that is not there as if the look were denied.
    both("s3:ListBucket", On::LockBucket, Guard::None),
    both("s3:PutObject", On::LockObject, Guard::None),
    both("ssm:AddTagsToResource", On::Lock, Guard::None),
    both("ssm:DeleteParameter", On::Lock, Guard::None),
    both("ssm:GetParameter", On::Lock, Guard::None),
    both("ssm:GetParameterHistory", On::Lock, Guard::None),
    both("ssm:PutParameter", On::Lock, Guard::None),
    prove("ssm:DescribeParameters", Any),
];

/// What a stack needs for its resources of `kind`.
pub(super) const fn of_kind(kind: Kind) -> &'static [Right] {
    match kind {
        Kind::LogGroup => LOG_GROUP,
        Kind::Role => ROLE,
        Kind::InstanceProfile => INSTANCE_PROFILE,
        Kind::LaunchTemplate => LAUNCH_TEMPLATE,
        Kind::AutoScalingGroup => AUTO_SCALING_GROUP,
        Kind::CapacityProvider => CAPACITY_PROVIDER,
        Kind::ClusterCapacity => CLUSTER_CAPACITY,
        Kind::Ecr => ECR,
        Kind::Cluster => CLUSTER,
        Kind::Vpc => VPC,
        Kind::InternetGateway => INTERNET_GATEWAY,
        Kind::ElasticIp => ELASTIC_IP,
        Kind::NatGateway => NAT_GATEWAY,
        Kind::RouteTable => ROUTE_TABLE,
        Kind::Subnet => SUBNET,
        Kind::VpcEndpoint => VPC_ENDPOINT,
        Kind::SecurityGroup => SECURITY_GROUP,
        Kind::TargetGroup => TARGET_GROUP,
        Kind::Alb | Kind::Nlb => BALANCER,
        Kind::Clb => CLASSIC_BALANCER,
        Kind::Listener => LISTENER,
        Kind::Rule => RULE,
        Kind::Task => TASK,
        Kind::Service => SERVICE,
        Kind::ScalableTarget => SCALABLE_TARGET,
        Kind::Cloudfront => CLOUDFRONT,
        Kind::Bucket => BUCKET,
        Kind::BucketPolicy => BUCKET_POLICY,
        Kind::BucketFiles => BUCKET_FILES,
        Kind::OriginAccessControl => ORIGIN_ACCESS_CONTROL,
        Kind::Certificate => CERTIFICATE,
        Kind::Function => FUNCTION,
        Kind::Domain => DOMAIN,
        Kind::Namespace => NAMESPACE,
        Kind::DiscoveryService => DISCOVERY_SERVICE,
    }
}

/// Every action in the table.
pub fn actions() -> impl Iterator<Item = &'static str> {
    let of_kinds = Kind::ALL.into_iter().flat_map(of_kind);
    COMMON.iter().chain(of_kinds).map(|right| right.action)
}

const LOG_GROUP: &[Right] = &[
    read("logs:DescribeLogGroups", Any),
    read("logs:ListTagsForResource", Every),
    make("logs:CreateLogGroup", Own, Guard::None),
    make("logs:TagResource", Own, Guard::None),
    make("logs:UntagResource", Own, Guard::None),
    make("logs:PutRetentionPolicy", Own, Guard::None),
    make("logs:DeleteRetentionPolicy", Own, Guard::None),
    make("logs:AssociateKmsKey", Own, Guard::None),
    make("logs:DisassociateKmsKey", Own, Guard::None),
    delete("logs:DeleteLogGroup", Own, Guard::None),
];

const ROLE: &[Right] = &[
    read("iam:ListRoles", Any),
    read("iam:GetRole", Named),
    read("iam:ListAttachedRolePolicies", Named),
    read("iam:ListRolePolicies", Named),
    read("iam:GetRolePolicy", Named),
    prove("iam:ListRoleTags", Named),
    make("iam:CreateRole", Own, Guard::None),
    make("iam:TagRole", Own, Guard::None),
    make("iam:UntagRole", Own, Guard::None),
    make("iam:UpdateAssumeRolePolicy", Own, Guard::None),
    make("iam:UpdateRole", Own, Guard::None),
    make("iam:PutRolePolicy", Own, Guard::None),
    make("iam:AttachRolePolicy", Own, Policies),
    both("iam:DetachRolePolicy", Own, Guard::None),
    both("iam:DeleteRolePolicy", Own, Guard::None),
    delete("iam:DeleteRole", Own, Guard::None),
];

const ECR: &[Right] = &[
    read("ecr:DescribeRepositories", Every),
    read("ecr:ListTagsForResource", Every),
    read("ecr:GetLifecyclePolicy", Every),
    // What is in one that would be deleted, and what a destroy takes with it.
    read("ecr:DescribeImages", Every),
    make("ecr:CreateRepository", Own, Requested),
    make("ecr:TagResource", Own, Guard::None),
    make("ecr:UntagResource", Own, Guard::None),
    make("ecr:PutImageTagMutability", Own, Tagged),
    make("ecr:PutImageScanningConfiguration", Own, Tagged),
    make("ecr:PutLifecyclePolicy", Own, Tagged),
    make("ecr:DeleteLifecyclePolicy", Own, Tagged),
    delete("ecr:DeleteRepository", Own, Tagged),
    // ECR looks at the key and gives itself grants on it, which end with the repository ("Encryption at rest", required permissions).
    make("kms:DescribeKey", On::Keys, Guard::None),
    make("kms:CreateGrant", On::Keys, Guard::None),
    delete("kms:RetireGrant", On::Keys, Guard::None),
];

const CLUSTER: &[Right] = &[
    read("ecs:ListClusters", Any),
    read("ecs:DescribeClusters", Every),
    make("ecs:CreateCluster", Own, Requested),
    make("ecs:TagResource", Own, Guard::None),
    make("ecs:UntagResource", Own, Guard::None),
    make("ecs:UpdateCluster", Own, Tagged),
    make("ecs:PutClusterCapacityProviders", Own, Tagged),
    delete("ecs:DeleteCluster", Own, Tagged),
    make("iam:CreateServiceLinkedRole", On::ServiceLinked, OfService("ecs.amazonaws.com")),
];

const INSTANCE_PROFILE: &[Right] = &[
    read("iam:ListInstanceProfiles", Any),
    read("iam:GetInstanceProfile", Every),
    prove("iam:ListInstanceProfileTags", Every),
    make("iam:CreateInstanceProfile", Own, Guard::None),
    make("iam:TagInstanceProfile", Own, Guard::None),
    make("iam:UntagInstanceProfile", Own, Guard::None),
    make("iam:AddRoleToInstanceProfile", Own, Guard::None),
    // What AddRoleToInstanceProfile hands over.
    make("iam:PassRole", On::PassedToInstances, ToInstances),
    both("iam:RemoveRoleFromInstanceProfile", Own, Guard::None),
    delete("iam:DeleteInstanceProfile", Own, Guard::None),
];

const LAUNCH_TEMPLATE: &[Right] = &[
    read("ec2:DescribeLaunchTemplates", Any),
    read("ec2:DescribeLaunchTemplateVersions", Any),
    read("ssm:GetParameters", On::Images),
    read("ec2:DescribeInstanceTypeOfferings", Any),
    read("ec2:DescribeImages", Any),
    read("ec2:DescribeKeyPairs", Any),
    make("ec2:CreateLaunchTemplate", Own, Requested),
    make("ec2:CreateLaunchTemplateVersion", Own, Tagged),
    make("ec2:CreateTags", Own, OnCreate("CreateLaunchTemplate")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    delete("ec2:DeleteLaunchTemplate", Own, Tagged),
];

const AUTO_SCALING_GROUP: &[Right] = &[
    read("autoscaling:DescribeAutoScalingGroups", Any),
    read("autoscaling:DescribeInstanceRefreshes", Any),
    read("autoscaling:DescribePolicies", Any),
    read("autoscaling:DescribeScalingActivities", Any),
    read("ec2:DescribeInstances", Any),
    prove("cloudwatch:DescribeAlarms", Any),
    make("autoscaling:CreateAutoScalingGroup", Own, Requested),
    make("autoscaling:UpdateAutoScalingGroup", Own, Tagged),
    make("autoscaling:CreateOrUpdateTags", Own, Guard::None),
    make("autoscaling:DeleteTags", Own, Guard::None),
    make("autoscaling:StartInstanceRefresh", Own, Tagged),
    make("autoscaling:CancelInstanceRefresh", Own, Tagged),
    make("autoscaling:SetInstanceProtection", Own, Tagged),
    make("autoscaling:PutScalingPolicy", Own, Tagged),
    make("autoscaling:DeletePolicy", Own, Tagged),
    // A group with a launch template is only made by who may launch from it.
    make("ec2:RunInstances", On::Launched, Guard::None),
    make("ec2:CreateTags", On::Launched, OnCreate("RunInstances")),
    delete("autoscaling:DeleteAutoScalingGroup", Own, Tagged),
    make("iam:CreateServiceLinkedRole", On::ServiceLinked, OfService("autoscaling.amazonaws.com")),
];

const CAPACITY_PROVIDER: &[Right] = &[
    read("ecs:DescribeCapacityProviders", Any),
    make("ecs:CreateCapacityProvider", Own, Requested),
    make("ecs:TagResource", Own, Guard::None),
    make("ecs:UntagResource", Own, Guard::None),
    make("ecs:UpdateCapacityProvider", Own, Tagged),
    delete("ecs:DeleteCapacityProvider", Own, Tagged),
];

const CLUSTER_CAPACITY: &[Right] = &[both("ecs:PutClusterCapacityProviders", On::Of(Kind::Cluster), Tagged)];

const VPC: &[Right] = &[
    read("ec2:DescribeVpcAttribute", Any),
    make("ec2:CreateVpc", Own, Requested),
    make("ec2:CreateTags", Own, OnCreate("CreateVpc")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    make("ec2:ModifyVpcAttribute", Own, Tagged),
    delete("ec2:DeleteVpc", Own, Tagged),
];

const INTERNET_GATEWAY: &[Right] = &[
    read("ec2:DescribeInternetGateways", Any),
    make("ec2:CreateInternetGateway", Own, Requested),
    make("ec2:CreateTags", Own, OnCreate("CreateInternetGateway")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    make("ec2:AttachInternetGateway", Own, Tagged),
    make("ec2:AttachInternetGateway", On::Of(Kind::Vpc), Tagged),
    delete("ec2:DetachInternetGateway", Own, Tagged),
    delete("ec2:DetachInternetGateway", On::Of(Kind::Vpc), Tagged),
    delete("ec2:DeleteInternetGateway", Own, Tagged),
];

const ELASTIC_IP: &[Right] = &[
    read("ec2:DescribeAddresses", Any),
    make("ec2:AllocateAddress", Own, Requested),
    make("ec2:CreateTags", Own, OnCreate("AllocateAddress")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    delete("ec2:ReleaseAddress", Own, Tagged),
];

const NAT_GATEWAY: &[Right] = &[
    read("ec2:DescribeNatGateways", Any),
    make("ec2:CreateNatGateway", Own, Requested),
    make("ec2:CreateNatGateway", On::Of(Kind::ElasticIp), Tagged),
    make("ec2:CreateNatGateway", On::Of(Kind::Subnet), Tagged),
    make("ec2:CreateTags", Own, OnCreate("CreateNatGateway")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    delete("ec2:DeleteNatGateway", Own, Tagged),
];

// The private name of a service is a hosted zone of AWS's, which CreateVpcEndpoint gives to the VPC.
const VPC_ENDPOINT: &[Right] = &[
    read("ec2:DescribeVpcEndpoints", Any),
    read("ec2:DescribeVpcEndpointServices", Any),
    make("ec2:CreateVpcEndpoint", Own, Requested),
    make("ec2:CreateVpcEndpoint", On::Of(Kind::Vpc), Tagged),
    make("ec2:CreateVpcEndpoint", On::Of(Kind::RouteTable), Tagged),
    make("ec2:CreateVpcEndpoint", On::Of(Kind::Subnet), Tagged),
    make("ec2:CreateVpcEndpoint", On::Of(Kind::SecurityGroup), Tagged),
    make("route53:AssociateVPCWithHostedZone", On::Zones, Guard::None),
    make("ec2:CreateTags", Own, OnCreate("CreateVpcEndpoint")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    make("ec2:ModifyVpcEndpoint", Own, Tagged),
    make("ec2:ModifyVpcEndpoint", On::Of(Kind::RouteTable), Tagged),
    make("ec2:ModifyVpcEndpoint", On::Of(Kind::Subnet), Tagged),
    make("ec2:ModifyVpcEndpoint", On::Of(Kind::SecurityGroup), Tagged),
    delete("ec2:DeleteVpcEndpoints", Own, Tagged),
];

const ROUTE_TABLE: &[Right] = &[
    make("ec2:CreateRouteTable", Own, Requested),
    make("ec2:CreateRouteTable", On::Of(Kind::Vpc), Tagged),
    make("ec2:CreateTags", Own, OnCreate("CreateRouteTable")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    make("ec2:CreateRoute", Own, Tagged),
    make("ec2:ReplaceRoute", Own, Tagged),
    make("ec2:DeleteRoute", Own, Tagged),
    delete("ec2:DeleteRouteTable", Own, Tagged),
];

const SUBNET: &[Right] = &[
    read("ec2:DescribeAvailabilityZones", Any),
    make("ec2:CreateSubnet", Own, Requested),
    make("ec2:CreateSubnet", On::Of(Kind::Vpc), Tagged),
    make("ec2:CreateTags", Own, OnCreate("CreateSubnet")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    make("ec2:ModifySubnetAttribute", Own, Tagged),
    make("ec2:AssociateRouteTable", Own, Tagged),
    make("ec2:AssociateRouteTable", On::Of(Kind::RouteTable), Tagged),
    make("ec2:ReplaceRouteTableAssociation", Own, Tagged),
    make("ec2:ReplaceRouteTableAssociation", On::Of(Kind::RouteTable), Tagged),
    delete("ec2:DeleteSubnet", Own, Tagged),
];

const SECURITY_GROUP: &[Right] = &[
    read("ec2:DescribeSecurityGroups", Any),
    prove("ec2:DescribeNetworkInterfaces", Any),
    prove("ec2:DescribeSecurityGroupRules", Any),
    make("ec2:CreateSecurityGroup", Own, Requested),
    make("ec2:CreateSecurityGroup", On::Vpc, Guard::None),
    make("ec2:CreateTags", Own, OnCreate("CreateSecurityGroup")),
    make("ec2:CreateTags", Own, Tagged),
    make("ec2:DeleteTags", Own, Tagged),
    make("ec2:AuthorizeSecurityGroupIngress", Own, Tagged),
    make("ec2:AuthorizeSecurityGroupEgress", Own, Tagged),
    make("ec2:UpdateSecurityGroupRuleDescriptionsIngress", Own, Tagged),
    make("ec2:UpdateSecurityGroupRuleDescriptionsEgress", Own, Tagged),
    // Groups that name each other are freed before they are deleted.
    both("ec2:RevokeSecurityGroupIngress", Own, Tagged),
    both("ec2:RevokeSecurityGroupEgress", Own, Tagged),
    delete("ec2:DeleteSecurityGroup", Own, Tagged),
];

const TARGET_GROUP: &[Right] = &[
    read("elasticloadbalancing:DescribeTargetGroups", Any),
    read("elasticloadbalancing:DescribeTargetGroupAttributes", Any),
    read("elasticloadbalancing:DescribeTags", Any),
    make("elasticloadbalancing:CreateTargetGroup", Own, Requested),
    make("elasticloadbalancing:AddTags", Own, Guard::None),
    make("elasticloadbalancing:RemoveTags", Own, Guard::None),
    make("elasticloadbalancing:ModifyTargetGroup", Own, Tagged),
    make("elasticloadbalancing:ModifyTargetGroupAttributes", Own, Tagged),
    delete("elasticloadbalancing:DeleteTargetGroup", Own, Tagged),
];

const BALANCER: &[Right] = &[
    read("elasticloadbalancing:DescribeLoadBalancers", Any),
    read("elasticloadbalancing:DescribeLoadBalancerAttributes", Any),
    make("elasticloadbalancing:CreateLoadBalancer", Own, Requested),
    // ELB looks at the account, besides what every plan looks at, with the rights of whoever asks ("Elastic Load Balancing API
    // permissions").
    make("ec2:DescribeAccountAttributes", Any, Guard::None),
    make("elasticloadbalancing:AddTags", Own, Guard::None),
    make("elasticloadbalancing:RemoveTags", Own, Guard::None),
    make("elasticloadbalancing:ModifyLoadBalancerAttributes", Own, Tagged),
    make("elasticloadbalancing:SetSecurityGroups", Own, Tagged),
    make("elasticloadbalancing:SetSubnets", Own, Tagged),
    make("elasticloadbalancing:SetIpAddressType", Own, Tagged),
    delete("elasticloadbalancing:DeleteLoadBalancer", Own, Tagged),
    make("iam:CreateServiceLinkedRole", On::ServiceLinked, OfService("elasticloadbalancing.amazonaws.com")),
];

/// The actions of both APIs have one prefix, and some have one name.
const CLASSIC_BALANCER: &[Right] = &[
    read("elasticloadbalancing:DescribeLoadBalancers", Any),
    read("elasticloadbalancing:DescribeLoadBalancerAttributes", Any),
    read("elasticloadbalancing:DescribeLoadBalancerPolicies", Any),
    read("elasticloadbalancing:DescribeTags", Any),
    make("elasticloadbalancing:CreateLoadBalancer", Own, Requested),
    make("ec2:DescribeAccountAttributes", Any, Guard::None),
    make("elasticloadbalancing:AddTags", Own, Guard::None),
    make("elasticloadbalancing:RemoveTags", Own, Guard::None),
    make("elasticloadbalancing:ModifyLoadBalancerAttributes", Own, Tagged),
    make("elasticloadbalancing:ConfigureHealthCheck", Own, Tagged),
    make("elasticloadbalancing:ApplySecurityGroupsToLoadBalancer", Own, Tagged),
    make("elasticloadbalancing:AttachLoadBalancerToSubnets", Own, Tagged),
    make("elasticloadbalancing:DetachLoadBalancerFromSubnets", Own, Tagged),
    make("elasticloadbalancing:CreateLoadBalancerListeners", Own, Tagged),
    make("elasticloadbalancing:DeleteLoadBalancerListeners", Own, Tagged),
    make("elasticloadbalancing:SetLoadBalancerListenerSSLCertificate", Own, Tagged),
    make("elasticloadbalancing:CreateLoadBalancerPolicy", Own, Tagged),
    make("elasticloadbalancing:CreateLBCookieStickinessPolicy", Own, Tagged),
    make("elasticloadbalancing:CreateAppCookieStickinessPolicy", Own, Tagged),
    make("elasticloadbalancing:SetLoadBalancerPoliciesOfListener", Own, Tagged),
    delete("elasticloadbalancing:DeleteLoadBalancer", Own, Tagged),
    make("iam:CreateServiceLinkedRole", On::ServiceLinked, OfService("elasticloadbalancing.amazonaws.com")),
];

const LISTENER: &[Right] = &[
    read("elasticloadbalancing:DescribeListeners", Any),
    read("elasticloadbalancing:DescribeListenerCertificates", Any),
    read("elasticloadbalancing:DescribeListenerAttributes", Any),
    make("elasticloadbalancing:CreateListener", On::Balancers, Requested),
    make("elasticloadbalancing:AddTags", Own, Guard::None),
    make("elasticloadbalancing:RemoveTags", Own, Guard::None),
    make("elasticloadbalancing:ModifyListener", Own, Tagged),
    make("elasticloadbalancing:ModifyListenerAttributes", On::NetworkListeners, Tagged),
    make("elasticloadbalancing:AddListenerCertificates", Own, Tagged),
    make("elasticloadbalancing:RemoveListenerCertificates", Own, Tagged),
    delete("elasticloadbalancing:DeleteListener", Own, Tagged),
];

const RULE: &[Right] = &[
    read("elasticloadbalancing:DescribeRules", Any),
    make("elasticloadbalancing:CreateRule", On::Of(Kind::Listener), Requested),
    make("elasticloadbalancing:AddTags", Own, Guard::None),
    make("elasticloadbalancing:RemoveTags", Own, Guard::None),
    make("elasticloadbalancing:ModifyRule", Own, Tagged),
    delete("elasticloadbalancing:DeleteRule", Own, Tagged),
];

const TASK: &[Right] = &[
    read("ecs:ListTaskDefinitionFamilies", Any),
    read("ecs:ListTaskDefinitions", Any),
    read("ecs:DescribeTaskDefinition", Any),
    make("ecs:RegisterTaskDefinition", Own, Requested),
    make("ecs:TagResource", Own, Guard::None),
    make("ecs:UntagResource", Own, Guard::None),
    both("ecs:DeregisterTaskDefinition", Any, Guard::None),
    both("ecs:DeleteTaskDefinitions", Own, Guard::None),
    make("iam:PassRole", Passed, ToTasks),
];

const SERVICE: &[Right] = &[
    read("ecs:ListServices", Any),
    read("ecs:DescribeServices", Every),
    read("ecs:ListServiceDeployments", On::Shifted),
    // AWS asks for the deployment and for its service.
    read("ecs:DescribeServiceDeployments", On::Rollouts),
    read("ecs:DescribeServiceDeployments", On::Shifted),
    prove("ecs:ListTasks", Any),
    prove("ecs:DescribeTasks", Any),
    prove("cloudwatch:DescribeAlarms", Any),
    make("ecs:CreateService", Own, Requested),
    make("ecs:TagResource", Own, Guard::None),
    make("ecs:UntagResource", Own, Guard::None),
    make("ecs:UpdateService", Own, Tagged),
    make("iam:PassRole", On::PassedToEcs, Guard::ToEcs),
    delete("ecs:DeleteService", Own, Tagged),
];

const SCALABLE_TARGET: &[Right] = &[
    read("application-autoscaling:DescribeScalableTargets", Any),
    read("application-autoscaling:DescribeScalingPolicies", Any),
    read("application-autoscaling:DescribeScheduledActions", Any),
    read("application-autoscaling:ListTagsForResource", Every),
    make("application-autoscaling:RegisterScalableTarget", Own, Requested),
    make("application-autoscaling:RegisterScalableTarget", Own, Tagged),
    make("application-autoscaling:TagResource", Own, Guard::None),
    make("application-autoscaling:UntagResource", Own, Guard::None),
    make("application-autoscaling:PutScalingPolicy", Own, Tagged),
    make("application-autoscaling:DeleteScalingPolicy", Own, Tagged),
    make("application-autoscaling:PutScheduledAction", Own, Tagged),
    make("application-autoscaling:DeleteScheduledAction", Own, Tagged),
    read("cloudwatch:DescribeAlarms", Any),
    // Who puts a policy of target tracking must also be allowed what is done for it.
    make("cloudwatch:PutMetricAlarm", On::Alarms, Guard::None),
    both("cloudwatch:DeleteAlarms", On::Alarms, Guard::None),
    delete("application-autoscaling:DeregisterScalableTarget", Own, Tagged),
    make(
        "iam:CreateServiceLinkedRole",
        On::ServiceLinked,
        OfService("ecs.application-autoscaling.amazonaws.com"),
    ),
];

const CLOUDFRONT: &[Right] = &[
    read("cloudfront:ListDistributions", Any),
    read("cloudfront:GetDistribution", Every),
    read("cloudfront:ListTagsForResource", Every),
    make("cloudfront:CreateDistribution", Any, Guard::None),
    make("cloudfront:TagResource", Own, Guard::None),
    make("cloudfront:UntagResource", Own, Guard::None),
    // A distribution is disabled before it is deleted.
    both("cloudfront:UpdateDistribution", Own, Tagged),
    make("cloudfront:CreateInvalidation", Own, Tagged),
    delete("cloudfront:DeleteDistribution", Own, Tagged),
];

const BUCKET: &[Right] = &[
    read("s3:ListAllMyBuckets", Any),
    // `HeadBucket` asks for this one.
    read("s3:ListBucket", Every),
    read("s3:GetBucketCORS", Every),
    read("s3:GetBucketOwnershipControls", Every),
    read("s3:GetBucketPublicAccessBlock", Every),
    read("s3:GetBucketTagging", Every),
    read("s3:GetBucketVersioning", Every),
    read("s3:GetEncryptionConfiguration", Every),
    read("s3:GetLifecycleConfiguration", Every),
    // What is in one that would be deleted, whatever its name.
    read("s3:ListBucketVersions", Every),
    make("s3:CreateBucket", Own, Guard::None),
    make("s3:PutBucketCORS", Own, Guard::None),
    make("s3:PutBucketOwnershipControls", Own, Guard::None),
    make("s3:PutBucketPublicAccessBlock", Own, Guard::None),
    make("s3:PutBucketTagging", Own, Guard::None),
    make("s3:PutBucketVersioning", Own, Guard::None),
    make("s3:PutEncryptionConfiguration", Own, Guard::None),
    make("s3:PutLifecycleConfiguration", Own, Guard::None),
    // For the tags that a bucket is created with.
    make("s3:TagResource", Own, Guard::None),
    both("s3:DeleteObjectVersion", On::Objects, Guard::None),
    delete("s3:DeleteBucket", Own, Guard::None),
];

const BUCKET_POLICY: &[Right] = &[
    read("s3:GetBucketPolicy", Every),
    make("s3:PutBucketPolicy", Own, Guard::None),
    both("s3:DeleteBucketPolicy", Own, Guard::None),
];

const BUCKET_FILES: &[Right] = &[
    // `HeadObject` asks for this one, and `ListObjectsV2` for the one that every bucket needs.
    read("s3:GetObject", On::Objects),
    read("s3:GetObjectVersion", On::Objects),
    make("s3:PutObject", On::Objects, Guard::None),
    // For an upload in parts that fails.
    make("s3:AbortMultipartUpload", On::Objects, Guard::None),
    both("s3:DeleteObject", On::Objects, Guard::None),
    // An upload is encrypted with the rights of whoever sends it, and one in parts is read again ("Multipart upload API and permissions").
    make("kms:GenerateDataKey", On::Keys, Guard::None),
    make("kms:Decrypt", On::Keys, Guard::None),
    make("cloudfront:CreateInvalidation", On::Sites, Tagged),
];

const ORIGIN_ACCESS_CONTROL: &[Right] = &[
    read("cloudfront:ListOriginAccessControls", Any),
    read("cloudfront:GetOriginAccessControl", Every),
    make("cloudfront:CreateOriginAccessControl", Any, Guard::None),
    make("cloudfront:UpdateOriginAccessControl", Own, Guard::None),
    delete("cloudfront:DeleteOriginAccessControl", Own, Guard::None),
];

const CERTIFICATE: &[Right] = &[
    read("acm:ListCertificates", Any),
    read("acm:ListTagsForCertificate", Every),
    read("acm:DescribeCertificate", Every),
    read("route53:ListHostedZones", Any),
    read("route53:ListResourceRecordSets", On::Zones),
    make("acm:RequestCertificate", Any, Requested),
    make("acm:AddTagsToCertificate", Own, Guard::None),
    make("acm:RemoveTagsFromCertificate", Own, Guard::None),
    delete("acm:DeleteCertificate", Own, Tagged),
    // The records that prove whose the names are.
    make("route53:ChangeResourceRecordSets", On::Zones, Guard::None),
];

const FUNCTION: &[Right] = &[
    read("cloudfront:ListFunctions", Any),
    read("cloudfront:DescribeFunction", Every),
    read("cloudfront:GetFunction", Every),
    read("cloudfront:ListTagsForResource", Every),
    make("cloudfront:CreateFunction", Any, Guard::None),
    make("cloudfront:PublishFunction", Own, Guard::None),
    make("cloudfront:UpdateFunction", Own, Guard::None),
    make("cloudfront:TagResource", Own, Guard::None),
    make("cloudfront:UntagResource", Own, Guard::None),
    delete("cloudfront:DeleteFunction", Own, Guard::None),
];

const DOMAIN: &[Right] = &[
    read("route53:ListHostedZones", Any),
    read("route53:ListResourceRecordSets", On::Zones),
    read("route53:GetChange", On::RecordChanges),
    both("route53:ChangeResourceRecordSets", On::Zones, Guard::None),
];

const NAMESPACE: &[Right] = &[
    read("servicediscovery:ListNamespaces", Any),
    read("servicediscovery:ListTagsForResource", Any),
    read("servicediscovery:GetNamespace", Every),
    // AWS asks about the namespace now, and asked about nothing once: all is both.
    read("servicediscovery:GetOperation", Any),
    // The VPC of a namespace is that of its zone.
    read("route53:GetHostedZone", On::Zones),
    make("servicediscovery:CreateHttpNamespace", Any, Requested),
    make("servicediscovery:CreatePrivateDnsNamespace", Any, Requested),
    make("servicediscovery:TagResource", Any, Guard::None),
    make("servicediscovery:UntagResource", Any, Guard::None),
    make("servicediscovery:UpdateHttpNamespace", Own, Tagged),
    make("servicediscovery:UpdatePrivateDnsNamespace", Own, Tagged),
    delete("servicediscovery:DeleteNamespace", Own, Tagged),
    // What ECS made for Service Connect and left there has no tags of the stack.
    delete("servicediscovery:ListServices", Any, Guard::None),
    delete("servicediscovery:DeleteService", On::Of(Kind::DiscoveryService), Guard::None),
    // What Cloud Map does with the zone of a namespace, it does with the rights of whoever asks it to ("AWS Cloud Map API
    // permissions reference"). Besides, it looks at the zone and the VPC, as every plan does. The health checks that stand there,
    // too, are none of a private zone's.
    make("route53:CreateHostedZone", On::NewZones, Guard::None),
    make("route53:ListHostedZonesByName", On::NewZones, Guard::None),
    make("ec2:DescribeRegions", On::NewZones, Guard::None),
    make("route53:ChangeResourceRecordSets", On::PrivateZones, Guard::None),
    delete("route53:DeleteHostedZone", On::PrivateZones, Guard::None),
];

const DISCOVERY_SERVICE: &[Right] = &[
    read("servicediscovery:ListServices", Any),
    read("servicediscovery:GetService", Every),
    read("servicediscovery:ListTagsForResource", Any),
    // AWS asks for the namespace and for the service that is to be.
    make("servicediscovery:CreateService", On::Of(Kind::Namespace), Requested),
    make("servicediscovery:CreateService", Own, Requested),
    make("servicediscovery:TagResource", Any, Guard::None),
    make("servicediscovery:UntagResource", Any, Guard::None),
    make("servicediscovery:UpdateService", Own, Tagged),
    delete("servicediscovery:DeleteService", Own, Tagged),
    // Tasks that are gone and are still registered.
    delete("servicediscovery:ListInstances", Own, Tagged),
    delete("servicediscovery:DeregisterInstance", Own, Tagged),
    both("route53:ChangeResourceRecordSets", On::PrivateZones, Guard::None),
];
