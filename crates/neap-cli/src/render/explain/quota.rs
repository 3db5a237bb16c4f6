//! Which quota is used up, in the words of AWS's Service Quotas console.
//!
//! Decides by service, code and message. Must not know how much of it is used.

/// A quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Its name in the console.
    pub(crate) name: &'static str,
    /// The service that it is listed under, as the API calls it; none where AWS never raises it.
    pub(crate) service: Option<&'static str>,
}

const ELB: &str = "elasticloadbalancing";

const fn raised(name: &'static str, service: &'static str) -> Option<Quota> {
    Some(Quota { name, service: Some(service) })
}

const fn fixed(name: &'static str) -> Option<Quota> {
    Some(Quota { name, service: None })
}

impl Quota {
    /// The quota that a refused call of `operation` has met, if it is known.
    pub(crate) fn of(operation: &str, code: &str, message: &str) -> Option<Self> {
        let (service, call) = operation.split_once(':')?;
        let says = |words: &str| message.to_ascii_lowercase().contains(words);
        match (service, code) {
            ("elasticloadbalancing", "TooManyLoadBalancers") => {
                raised("Application Load Balancers per Region", ELB)
            }
            ("elasticloadbalancing", "TooManyTargetGroups") => raised("Target Groups per Region", ELB),
            ("elasticloadbalancing", "TooManyListeners") => {
                raised("Listeners per Application Load Balancer", ELB)
            }
            ("elasticloadbalancing", "TooManyRules") => raised("Rules per Application Load Balancer", ELB),
            ("elasticloadbalancing", "TargetGroupAssociationLimit") => {
                fixed("Load balancers per target group")
            }
            ("elasticloadbalancing", "TooManyConditionValues") => fixed("Condition values per rule"),
            ("ec2", "SecurityGroupLimitExceeded") => raised("VPC security groups per Region", "vpc"),
            ("ec2", "RulesPerSecurityGroupLimitExceeded") => {
                raised("Inbound or outbound rules per security group", "vpc")
            }
            ("iam", "LimitExceeded") if says("policy size") => {
                fixed("Characters of inline policies per role")
            }
            ("iam", "LimitExceeded") if says("policiesperrole") => {
                raised("Managed policies attached to an IAM role", "iam")
            }
            ("iam", "LimitExceeded") if call == "CreateRole" => raised("Roles per account", "iam"),
            ("ecr", _) if call == "CreateRepository" => raised("Registered repositories", "ecr"),
            ("logs", _) if call == "CreateLogGroup" => raised("Log groups", "logs"),
            ("ecs", _) if says("vcpu") => raised("Fargate On-Demand vCPU resource count", "fargate"),
            ("ecs", _) if call == "CreateCluster" => raised("Clusters per account", "ecs"),
            ("ecs", _) if call == "CreateService" => raised("Services per cluster", "ecs"),
            ("cloudfront", "TooManyDistributions") => {
                raised("Web distributions per AWS account", "cloudfront")
            }
            ("cloudfront", "TooManyCacheBehaviors") => {
                raised("Cache behaviors per distribution", "cloudfront")
            }
            ("cloudfront", "TooManyOrigins") => raised("Origins per distribution", "cloudfront"),
            _ => None,
        }
    }

    /// What to do about it.
    pub(crate) fn fix(self) -> String {
        let Self { name, service } = self;
        match service {
            Some(service) => format!(
                "raise `{name}` in the Service Quotas console (`aws service-quotas list-service-quotas --service-code \
                 {service}` shows its code and value), or remove what is no longer needed"
            ),
            None => format!("AWS raises `{name}` for nobody: the stack must do with less"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operation: &str, code: &str, message: &str, name: &str) {
        let quota = Quota::of(operation, code, message);
        assert_eq!(quota.map(|quota| quota.name), Some(name), "{operation} {code}");
    }

    #[test]
    fn a_quota_has_the_name_that_the_console_gives_it() {
        check("ec2:CreateSecurityGroup", "SecurityGroupLimitExceeded", "", "VPC security groups per Region");
        check(
            "iam:AttachRolePolicy",
            "LimitExceeded",
            "Cannot exceed quota for PoliciesPerRole: 10",
            "Managed policies attached to an IAM role",
        );
        check(
            "iam:PutRolePolicy",
            "LimitExceeded",
            "Maximum policy size of 10240 bytes exceeded",
            "Characters of inline policies per role",
        );
        check(
            "iam:CreateRole",
            "LimitExceeded",
            "Cannot exceed quota for RolesPerAccount: 1000",
            "Roles per account",
        );
        check(
            "ecs:CreateService",
            "ClientException",
            "You've reached the limit on the number of vCPUs",
            "Fargate On-Demand vCPU resource count",
        );
        let elb = "elasticloadbalancing:CreateLoadBalancer";
        check(elb, "TooManyLoadBalancers", "", "Application Load Balancers per Region");
    }

    #[test]
    fn what_aws_raises_says_where_and_what_it_does_not_says_so() {
        let quota =
            Quota::of("cloudfront:CreateDistributionWithTags", "TooManyDistributions", "").expect("a quota");
        assert!(quota.fix().contains("--service-code cloudfront"), "{}", quota.fix());
        let rule =
            Quota::of("elasticloadbalancing:CreateRule", "TooManyConditionValues", "").expect("a quota");
        assert!(rule.fix().contains("for nobody"), "{}", rule.fix());
        assert_eq!(Quota::of("ecs:TagResource", "TooManyTags", "").map(|quota| quota.name), None);
    }
}
