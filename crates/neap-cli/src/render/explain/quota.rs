//! Which quota is used up, in the words of AWS's Service Quotas console, and how to ask for more of it.
//!
//! Decides by service, call, code and message. Must not know how much of it is used.

mod table;

use table::{Meeting, TABLE};

/// A quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Its name in the console.
    pub(crate) name: &'static str,
    /// The service that it is listed under, as the API calls it; none where AWS never raises it.
    pub(crate) service: Option<&'static str>,
    /// Its code, if that is known for sure.
    pub(crate) code: Option<&'static str>,
}

impl Quota {
    /// The quota that a refused call of `operation` has met, about the resource at `address` if it was about one; none if it is
    /// not known.
    pub(crate) fn of(operation: &str, code: &str, message: &str, address: Option<&str>) -> Option<Self> {
        let (service, call) = operation.split_once(':')?;
        let message = message.to_ascii_lowercase();
        let fits = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        let is_met = |meeting: &&Meeting| {
            let fits_call = meeting.service == service && fits(meeting.call, call);
            let fits_place = address.unwrap_or_default().starts_with(meeting.at);
            fits_call && fits_place && fits(meeting.code, code) && message.contains(meeting.says)
        };
        TABLE.iter().find(is_met).map(|meeting| meeting.quota)
    }

    /// What to do about it. `N` stands for the new value.
    pub(crate) fn fix(self) -> String {
        let Self { name, service, code } = self;
        let Some(service) = service else {
            return format!("AWS raises `{name}` for nobody: the stack must do with less");
        };
        let region = region(service);
        match code {
            Some(code) => format!(
                "raise `{name}` (`aws service-quotas request-service-quota-increase{region} --service-code {service} \
                 --quota-code {code} --desired-value N`), or remove what is no longer needed"
            ),
            None => format!(
                "raise `{name}` at https://console.aws.amazon.com/servicequotas/home/services/{service}/quotas (`aws \
                 service-quotas list-service-quotas{region} --service-code {service}` shows its code and value), or remove \
                 what is no longer needed"
            ),
        }
    }
}

/// Where the quotas of a service are raised, as an option: those of global services in one region only ("Viewing service
/// quotas", Service Quotas User Guide).
fn region(service: &str) -> &'static str {
    if matches!(service, "iam" | "cloudfront") { " --region us-east-1" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operation: &str, code: &str, message: &str, name: &str) {
        let quota = Quota::of(operation, code, message, None);
        assert_eq!(quota.map(|quota| quota.name), Some(name), "{operation} {code}");
    }

    #[test]
    fn a_quota_has_the_name_that_the_console_gives_it() {
        check("ec2:CreateSecurityGroup", "SecurityGroupLimitExceeded", "", "VPC security groups per Region");
        check(
            "iam:AttachRolePolicy",
            "LimitExceeded",
            "Cannot exceed quota for PoliciesPerRole: 10",
            "Managed policies per role",
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
        let quota = |operation, code| Quota::of(operation, code, "", None).expect("a quota").fix();
        let distributions = quota("cloudfront:CreateDistributionWithTags", "TooManyDistributions");
        let command = "`aws service-quotas request-service-quota-increase --region us-east-1 --service-code cloudfront \
                       --quota-code L-24B04930 --desired-value N`";
        assert!(distributions.contains(command), "{distributions}");
        let balancers = quota("elasticloadbalancing:CreateLoadBalancer", "TooManyLoadBalancers");
        let command = "increase --service-code elasticloadbalancing --quota-code L-53DA6B97 ";
        assert!(balancers.contains(command), "{balancers}");
        let origins = quota("cloudfront:UpdateDistribution", "TooManyOrigins");
        assert!(
            origins.contains("services/cloudfront/quotas") && !origins.contains("--quota-code"),
            "{origins}"
        );
        let rule = Quota::of("elasticloadbalancing:CreateRule", "TooManyConditionValues", "", None)
            .expect("a quota");
        assert!(rule.fix().contains("for nobody"), "{}", rule.fix());
        assert_eq!(Quota::of("ecs:TagResource", "TooManyTags", "", None).map(|quota| quota.name), None);
    }

    #[test]
    fn each_sort_of_load_balancer_has_a_quota_of_its_own() {
        let name = |address| {
            let quota = Quota::of(
                "elasticloadbalancing:CreateLoadBalancer",
                "TooManyLoadBalancers",
                "",
                Some(address),
            );
            quota.map(|quota| quota.name)
        };
        assert_eq!(name("alb.a"), Some("Application Load Balancers per Region"));
        assert_eq!(name("nlb.a"), Some("Network Load Balancers per Region"));
        assert_eq!(name("clb.a"), Some("Classic Load Balancers per Region"));
    }

    #[test]
    fn a_code_looks_like_one_and_means_one_quota() {
        let mut codes: Vec<&str> = TABLE.iter().filter_map(|meeting| meeting.quota.code).collect();
        for code in &codes {
            let digits = code.strip_prefix("L-").expect(code);
            assert!(
                digits.len() == 8 && digits.chars().all(|digit| "0123456789ABCDEF".contains(digit)),
                "{code}"
            );
        }
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{codes:?}");
    }
}
