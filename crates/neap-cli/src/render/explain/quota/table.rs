//! The quotas of AWS that a stack can meet, by what a refused call says.
//!
//! Decides nothing. Names are those of "Service endpoints and quotas" in the AWS General Reference. Codes are those that
//! `aws service-quotas list-aws-default-service-quotas` prints and that the links of that reference's tables end in
//! (`console.aws.amazon.com/servicequotas/home/services/vpc/quotas/L-E79EC296`); a quota stands here without one where
//! no two independent copies of either were found to agree.

use super::Quota;

/// A quota, and the refusals that mean it.
pub(super) struct Meeting {
    /// The service of the call that was refused.
    pub(super) service: &'static str,
    /// The error's code; any, if empty.
    pub(super) code: &'static str,
    /// The call; any, if empty.
    pub(super) call: &'static str,
    /// What the message says in lower case; anything, if empty.
    pub(super) says: &'static str,
    /// What the address of the resource begins with; anything, if empty.
    pub(super) at: &'static str,
    /// The quota.
    pub(super) quota: Quota,
}

const fn any(service: &'static str, quota: Quota) -> Meeting {
    Meeting { service, code: "", call: "", says: "", at: "", quota }
}

const fn coded(service: &'static str, code: &'static str, quota: Quota) -> Meeting {
    Meeting { code, ..any(service, quota) }
}

const fn called(service: &'static str, call: &'static str, quota: Quota) -> Meeting {
    Meeting { call, ..any(service, quota) }
}

const fn fixed(name: &'static str) -> Quota {
    Quota { name, service: None, code: None }
}

const fn raised(name: &'static str, service: &'static str, code: &'static str) -> Quota {
    Quota { name, service: Some(service), code: Some(code) }
}

const fn in_console(name: &'static str, service: &'static str) -> Quota {
    Quota { name, service: Some(service), code: None }
}

const ELB: &str = "elasticloadbalancing";

/// The first that fits is meant.
pub(super) const TABLE: [Meeting; 29] = [
    Meeting {
        at: "clb.",
        ..coded(ELB, "TooManyLoadBalancers", raised("Classic Load Balancers per Region", ELB, "L-E9E9831D"))
    },
    Meeting {
        at: "nlb.",
        ..coded(ELB, "TooManyLoadBalancers", raised("Network Load Balancers per Region", ELB, "L-69A177A2"))
    },
    Meeting {
        at: "nlb.",
        ..coded(ELB, "TooManyListeners", in_console("Listeners per Network Load Balancer", ELB))
    },
    Meeting {
        at: "nlb.",
        ..coded(ELB, "TooManyCertificates", in_console("Certificates per Network Load Balancer", ELB))
    },
    coded(ELB, "TooManyLoadBalancers", raised("Application Load Balancers per Region", ELB, "L-53DA6B97")),
    coded(ELB, "TooManyTargetGroups", raised("Target Groups per Region", ELB, "L-B22855CB")),
    coded(ELB, "TooManyListeners", raised("Listeners per Application Load Balancer", ELB, "L-B6DF7632")),
    coded(
        ELB,
        "TooManyCertificates",
        in_console("Certificates per Application Load Balancer (excluding default certificates)", ELB),
    ),
    coded(ELB, "TooManyRules", raised("Rules per Application Load Balancer", ELB, "L-7EED9B64")),
    coded(ELB, "TargetGroupAssociationLimit", fixed("Load balancers per target group")),
    coded(ELB, "TooManyConditionValues", fixed("Condition values per rule")),
    coded("ec2", "VpcLimitExceeded", raised("VPCs per Region", "vpc", "L-F678F1CE")),
    coded("ec2", "AddressLimitExceeded", raised("EC2-VPC Elastic IPs", "ec2", "L-0263D0A3")),
    coded(
        "ec2",
        "NatGatewayLimitExceeded",
        raised("NAT gateways per Availability Zone", "vpc", "L-FE5A380F"),
    ),
    coded("ec2", "VpcEndpointLimitExceeded", in_console("Gateway and interface VPC endpoints", "vpc")),
    coded("ec2", "InternetGatewayLimitExceeded", in_console("Internet gateways per Region", "vpc")),
    coded("ec2", "SecurityGroupLimitExceeded", raised("VPC security groups per Region", "vpc", "L-E79EC296")),
    coded(
        "ec2",
        "RulesPerSecurityGroupLimitExceeded",
        raised("Inbound or outbound rules per security group", "vpc", "L-0EA8095F"),
    ),
    Meeting {
        says: "policy size",
        ..coded("iam", "LimitExceeded", fixed("Characters of inline policies per role"))
    },
    Meeting {
        says: "policiesperrole",
        ..coded("iam", "LimitExceeded", raised("Managed policies per role", "iam", "L-0DA4ABF3"))
    },
    Meeting {
        call: "CreateRole",
        ..coded("iam", "LimitExceeded", raised("Roles per account", "iam", "L-FE177D64"))
    },
    called("ecr", "CreateRepository", raised("Registered repositories", "ecr", "L-CFEB8E8D")),
    called("logs", "CreateLogGroup", in_console("Log groups", "logs")),
    Meeting {
        says: "vcpu",
        ..any("ecs", raised("Fargate On-Demand vCPU resource count", "fargate", "L-3032A538"))
    },
    called("ecs", "CreateCluster", raised("Clusters per account", "ecs", "L-21C621EB")),
    called("ecs", "CreateService", raised("Services per cluster", "ecs", "L-9EF96962")),
    coded(
        "cloudfront",
        "TooManyDistributions",
        raised("Web distributions per AWS account", "cloudfront", "L-24B04930"),
    ),
    coded(
        "cloudfront",
        "TooManyCacheBehaviors",
        in_console("Cache behaviors per distribution", "cloudfront"),
    ),
    coded("cloudfront", "TooManyOrigins", in_console("Origins per distribution", "cloudfront")),
];
