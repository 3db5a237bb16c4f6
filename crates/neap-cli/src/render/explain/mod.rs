//! Why a step failed, in other words than AWS's, and what to do about it.
//!
//! Decides by the kind of a failure and AWS's wording. Must not know what else a plan does, nor look anything up.

mod denial;
mod quota;
mod trouble;

use neap_engine::cloud::{CallError, ErrorKind};
use neap_engine::event::Failure;

pub(crate) use denial::Denial;
use quota::Quota;

/// What is behind a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The cause, as a fragment; none where AWS's own words are all that is known.
    pub(crate) cause: Option<String>,
    /// The permission that was refused.
    pub(crate) permission: Option<Denial>,
    /// The quota that is used up, by its name in the Service Quotas console.
    pub(crate) quota: Option<&'static str>,
    /// What to do, best first.
    pub(crate) fixes: Vec<String>,
}

impl Explanation {
    fn new(cause: impl Into<String>, fixes: impl IntoIterator<Item = String>) -> Self {
        Self { cause: Some(cause.into()), fixes: fixes.into_iter().collect(), ..Self::default() }
    }
}

/// What is behind `failure`, which happened to the resource at `address`.
pub(crate) fn explain(failure: &Failure, address: &str) -> Explanation {
    match failure {
        Failure::Call(error) => call(error, Some(address)),
        Failure::GaveUp { detail } => trouble::of(detail).unwrap_or_default(),
        Failure::Deadline { detail, .. } => trouble::of(detail).unwrap_or_else(|| {
            let wait = "AWS may still finish it: `neap status` shows how far it is, and the next run goes on from there";
            Explanation { fixes: vec![wait.to_owned()], ..Explanation::default() }
        }),
        // Its own words say what to do.
        Failure::Unnoted { .. } => Explanation::default(),
        Failure::Internal { .. } => {
            let fix = "this is a fault in neap: please report it with the plan (`neap plan --json`)".to_owned();
            Explanation { fixes: vec![fix], ..Explanation::default() }
        }
    }
}

/// What is behind a call that failed, about the resource at `address` if it was about one.
pub(crate) fn call(error: &CallError, address: Option<&str>) -> Explanation {
    let CallError { kind, operation, code, message, .. } = error;
    match kind {
        ErrorKind::Denied => {
            let denial = Denial::of(operation, message);
            let explanation = Explanation::new(denial.cause(), denial.fixes());
            Explanation { permission: Some(denial), ..explanation }
        }
        ErrorKind::Quota => match Quota::of(operation, code.as_deref().unwrap_or_default(), message, address)
        {
            Some(quota) => {
                let cause = format!("the quota `{}` is used up", quota.name);
                Explanation { quota: Some(quota.name), ..Explanation::new(cause, [quota.fix()]) }
            }
            None => Explanation::new(
                "a quota of the account is used up",
                ["the Service Quotas console shows which one, and raises most of them".to_owned()],
            ),
        },
        ErrorKind::Conflict if code.as_deref() == Some("BucketAlreadyExists") => Explanation::new(
            "another account has a bucket of that name, or this one has it in another region: names are unique in all of S3",
            ["give the bucket another `name` in the stack file".to_owned()],
        ),
        ErrorKind::Conflict if code.as_deref() == Some("CNAMEAlreadyExists") => Explanation::new(
            "another distribution, perhaps another account's, answers for one of these names",
            ["take the name off that one's aliases, or move it here with `aws cloudfront associate-alias`"
                .to_owned()],
        ),
        // A subnet has no name that another could have.
        ErrorKind::Conflict if code.as_deref() == Some("InvalidSubnet.Conflict") => {
            trouble::of(message).unwrap_or_default()
        }
        ErrorKind::Conflict => match address {
            Some(address) => Explanation::new(
                "something that is not the stack's own has taken its name since the plan was made",
                [format!("`neap plan` shows what it is, and `neap adopt {address}` may take it over")],
            ),
            None => Explanation::default(),
        },
        ErrorKind::Throttled => Explanation::new(
            "AWS went on refusing it as too frequent: something else uses up the account's rate",
            ["let other tools that work on this account pause, then run it again".to_owned()],
        ),
        ErrorKind::Credentials => Explanation::new(
            "the credentials ended before the work did",
            ["renew them (`aws sso login`, or wherever they are from), then run it again: nothing is lost"
                .to_owned()],
        ),
        ErrorKind::Unavailable | ErrorKind::Timeout => Explanation::new(
            "AWS gave no usable answer, several times over",
            ["check the network and https://health.aws.amazon.com, then run it again".to_owned()],
        ),
        ErrorKind::NotFound
        | ErrorKind::InUse
        | ErrorKind::NotYet
        | ErrorKind::Invalid
        | ErrorKind::Unknown => trouble::of(message).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn error(kind: ErrorKind, operation: &str, code: &str, message: &str) -> Failure {
        Failure::Call(CallError {
            kind,
            operation: operation.into(),
            code: Some(code.into()),
            message: message.into(),
            request_id: None,
        })
    }

    #[test]
    fn a_denial_names_its_permission() {
        let message = "User: u is not authorized to perform: iam:PassRole on resource: arn:r";
        let denied = error(ErrorKind::Denied, "ecs:RegisterTaskDefinition", "AccessDeniedException", message);
        let explained = explain(&denied, "task.api");
        let permission = explained.permission.expect("a permission");
        assert_eq!(
            (permission.action.as_str(), permission.resource.as_deref()),
            ("iam:PassRole", Some("arn:r"))
        );
        assert!(explained.fixes[0].contains("`iam:PassRole` on `arn:r`"), "{:?}", explained.fixes);
    }

    #[test]
    fn an_account_that_is_not_verified_lacks_no_permission() {
        let message = "Your account must be verified before you can add new CloudFront resources. To verify your account, \
                       please contact AWS Support and include this error message.";
        let refused =
            error(ErrorKind::Invalid, "cloudfront:CreateDistributionWithTags", "AccessDenied", message);
        let explained = explain(&refused, "cloudfront.site");
        assert_eq!(explained.permission, None);
        assert!(explained.cause.expect("a cause").contains("not verified this account"));
        assert!(explained.fixes[0].contains("AWS Support"), "{:?}", explained.fixes);
    }

    #[test]
    fn a_quota_is_named_or_else_said_to_be_one() {
        let known =
            error(ErrorKind::Quota, "elasticloadbalancing:CreateLoadBalancer", "TooManyLoadBalancers", "");
        assert_eq!(explain(&known, "alb.a").quota, Some("Application Load Balancers per Region"));
        let unknown = explain(&error(ErrorKind::Quota, "ecs:TagResource", "LimitExceeded", ""), "ecr.a");
        assert_eq!(
            (unknown.quota, unknown.cause.as_deref()),
            (None, Some("a quota of the account is used up"))
        );
    }

    #[test]
    fn a_block_that_is_taken_is_no_name_that_is_taken() {
        let message = "The CIDR '10.0.0.0/24' conflicts with another subnet";
        let taken = error(ErrorKind::Conflict, "ec2:CreateSubnet", "InvalidSubnet.Conflict", message);
        let explained = explain(&taken, "subnet.public-1");
        assert!(explained.cause.expect("a cause").starts_with("another subnet of the VPC"));
        assert!(explained.fixes[0].contains("`[network]`") && !explained.fixes[0].contains("adopt"));
    }

    #[test]
    fn every_failure_that_a_repeat_cannot_help_says_what_can() {
        for kind in [
            ErrorKind::Denied,
            ErrorKind::Quota,
            ErrorKind::Conflict,
            ErrorKind::Throttled,
            ErrorKind::Credentials,
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
        ] {
            let explained = explain(&error(kind, "ecs:CreateCluster", "X", "no"), "cluster.main");
            assert!(explained.cause.is_some() && !explained.fixes.is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn a_wait_that_ends_is_told_with_its_cause() {
        let detail = "0 of 1 tasks running; last event: (service a) was unable to place a task. Reason: Capacity is \
                      unavailable at this time. Please try again later or in a different availability zone.";
        let deadline = Failure::Deadline { waited: Duration::from_secs(1200), detail: detail.into() };
        let cause = explain(&deadline, "service.a").cause;
        assert!(cause.expect("a cause").contains("no Fargate capacity"));
        let unknown = Failure::Deadline { waited: Duration::from_secs(1200), detail: "provisioning".into() };
        assert!(explain(&unknown, "alb.a").fixes[0].contains("`neap status`"));
    }
}
