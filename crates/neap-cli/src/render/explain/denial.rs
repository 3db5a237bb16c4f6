//! What AWS's refusal of a permission says: which action, on what, and which policy decided.
//!
//! Decides by AWS's wording alone. Must not know which step was refused.

/// A permission that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The action, such as `ecs:CreateService`.
    pub(crate) action: String,
    /// What it was to act on, as far as AWS says.
    pub(crate) resource: Option<String>,
    /// Which policy decided.
    why: Why,
    /// Whether AWS has put the whole decision into a text that only AWS can read.
    is_encoded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// Nothing allows it; the sort of policy that should, unless it is the usual one.
    NoAllow(Option<String>),
    /// A policy forbids it; the sort of policy, if AWS says.
    ExplicitDeny(Option<String>),
}

const ASKED: &str = "not authorized to perform: ";
const ON: &str = " on resource: ";
const BECAUSE: &str = " because no ";
const DENY: &str = "with an explicit deny";
const ENCODED: &str = "Encoded authorization failure message:";

impl Denial {
    /// What `message` says about a refused call of `operation`.
    pub(crate) fn of(operation: &str, message: &str) -> Self {
        let (readable, encoded) = message.split_once(ENCODED).unwrap_or((message, ""));
        let asked = readable.split_once(ASKED).map(|(_, rest)| rest);
        let action = asked.map(word).filter(|action| action.contains(':'));
        let resource = readable.split_once(ON).map(|(_, rest)| word(rest)).filter(|text| !text.is_empty());
        Self {
            action: action.unwrap_or(operation).to_owned(),
            resource: resource.map(str::to_owned),
            why: why(readable),
            is_encoded: !encoded.trim().is_empty(),
        }
    }

    /// Why it was refused, as a fragment.
    pub(crate) fn cause(&self) -> String {
        let Self { action, resource, why, .. } = self;
        let on = resource.as_ref().map(|resource| format!(" on `{resource}`")).unwrap_or_default();
        match why {
            Why::NoAllow(None) => format!("these credentials lack the permission `{action}`{on}"),
            Why::NoAllow(Some(policy)) => format!("no {policy} of these credentials allows `{action}`{on}"),
            Why::ExplicitDeny(policy) => {
                let policy = policy.as_deref().unwrap_or("policy");
                let article = if policy.starts_with('i') { "an" } else { "a" };
                format!("{article} {policy} forbids `{action}`{on}")
            }
        }
    }

    /// What to do about it.
    pub(crate) fn fixes(&self) -> Vec<String> {
        let action = &self.action;
        let first = match &self.why {
            Why::NoAllow(None) => {
                let on = self.resource.as_deref().filter(|resource| *resource != "*");
                let on = on.map(|resource| format!(" on `{resource}`")).unwrap_or_default();
                format!("allow `{action}`{on} for these credentials, or use others with `--profile`")
            }
            Why::NoAllow(Some(policy)) => {
                format!("allow `{action}` in the {policy} too: a permission counts only where both allow it")
            }
            Why::ExplicitDeny(_) => format!(
                "no permission overrides a deny: whoever keeps that policy must leave `{action}` out of it"
            ),
        };
        let more = match action.as_str() {
            "iam:PassRole" => Some(
                "the permission to pass roles may be limited to `iam:PassedToService` = `ecs-tasks.amazonaws.com`"
                    .to_owned(),
            ),
            "iam:CreateServiceLinkedRole" => Some(
                "or let an administrator make the role once: `aws iam create-service-linked-role \
                 --aws-service-name ecs.amazonaws.com`, or `elasticloadbalancing.amazonaws.com`"
                    .to_owned(),
            ),
            _ => None,
        };
        let decode = self.is_encoded.then(|| {
            "`aws sts decode-authorization-message --encoded-message TEXT`, with the text that AWS's message ends in, \
             tells which policy decided"
                .to_owned()
        });
        [Some(first), more, decode].into_iter().flatten().collect()
    }
}

/// The first word of `text`, without the marks that may stand around it.
fn word(text: &str) -> &str {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.trim_matches(['"', '\'', '`']).trim_end_matches(['.', ',', ';'])
}

fn why(message: &str) -> Why {
    if let Some((_, rest)) = message.split_once(DENY) {
        let policy =
            rest.trim_start().strip_prefix("in a ").or_else(|| rest.trim_start().strip_prefix("in an "));
        return Why::ExplicitDeny(policy.and_then(policy_word));
    }
    let policy = message.split_once(BECAUSE).and_then(|(_, rest)| policy_word(rest));
    // What every permission needs first is no news.
    Why::NoAllow(policy.filter(|policy| policy != "identity-based policy"))
}

/// The sort of policy that `text` begins with, such as `permissions boundary`.
fn policy_word(text: &str) -> Option<String> {
    const SORTS: [&str; 7] = [
        "identity-based policy",
        "resource-based policy",
        "permissions boundary",
        "service control policy",
        "resource control policy",
        "session policy",
        "VPC endpoint policy",
    ];
    SORTS.into_iter().find(|sort| text.starts_with(sort)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform:";

    fn check(message: &str, cause: &str, first: &str) {
        let denial = Denial::of("ecs:CreateService", message);
        assert_eq!(denial.cause(), cause, "{message}");
        assert_eq!(denial.fixes()[0], first, "{message}");
    }

    #[test]
    fn the_missing_permission_is_the_one_that_aws_names() {
        check(
            &format!(
                "{USER} ecs:CreateService on resource: arn:aws:ecs:eu-west-1:1:service/main/api because no identity-based policy allows the ecs:CreateService action"
            ),
            "these credentials lack the permission `ecs:CreateService` on `arn:aws:ecs:eu-west-1:1:service/main/api`",
            "allow `ecs:CreateService` on `arn:aws:ecs:eu-west-1:1:service/main/api` for these credentials, or use others with `--profile`",
        );
        check(
            &format!("{USER} iam:PassRole on resource: arn:aws:iam::1:role/neap/a/b"),
            "these credentials lack the permission `iam:PassRole` on `arn:aws:iam::1:role/neap/a/b`",
            "allow `iam:PassRole` on `arn:aws:iam::1:role/neap/a/b` for these credentials, or use others with `--profile`",
        );
        let nothing = "allow `ecs:CreateService` for these credentials, or use others with `--profile`";
        check("Access Denied", "these credentials lack the permission `ecs:CreateService`", nothing);
        check(
            &format!("{USER} ecs:CreateService on resource: *."),
            "these credentials lack the permission `ecs:CreateService` on `*`",
            nothing,
        );
    }

    #[test]
    fn a_deny_is_told_from_a_missing_allow() {
        let over =
            "no permission overrides a deny: whoever keeps that policy must leave `ec2:CreateTags` out of it";
        check(
            &format!(
                "{USER} ec2:CreateTags on resource: arn:x with an explicit deny in a service control policy"
            ),
            "a service control policy forbids `ec2:CreateTags` on `arn:x`",
            over,
        );
        check(
            &format!(
                "{USER} ec2:CreateTags with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/p"
            ),
            "an identity-based policy forbids `ec2:CreateTags`",
            over,
        );
        check(
            &format!("{USER} ec2:CreateTags with an explicit deny"),
            "a policy forbids `ec2:CreateTags`",
            over,
        );
    }

    #[test]
    fn a_boundary_that_does_not_allow_is_no_missing_permission() {
        check(
            &format!(
                "{USER} ecs:CreateCluster because no permissions boundary allows the ecs:CreateCluster action"
            ),
            "no permissions boundary of these credentials allows `ecs:CreateCluster`",
            "allow `ecs:CreateCluster` in the permissions boundary too: a permission counts only where both allow it",
        );
    }

    #[test]
    fn an_encoded_message_says_how_to_read_it() {
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/ci is not authorized \
                       to perform: ec2:CreateSecurityGroup on resource: arn:aws:ec2:eu-west-1:1:vpc/vpc-1 because no \
                       identity-based policy allows the ec2:CreateSecurityGroup action. Encoded authorization failure \
                       message: 4WxJ0V";
        let denial = Denial::of("ec2:CreateSecurityGroup", message);
        assert_eq!(denial.action, "ec2:CreateSecurityGroup");
        assert_eq!(denial.resource.as_deref(), Some("arn:aws:ec2:eu-west-1:1:vpc/vpc-1"));
        assert!(denial.fixes().iter().any(|fix| fix.contains("decode-authorization-message")));
        assert!(!denial.fixes().iter().any(|fix| fix.contains("4WxJ0V")));
    }

    #[test]
    fn a_role_that_only_an_administrator_can_make_is_told_so() {
        let denial =
            Denial::of("ecs:CreateCluster", &format!("{USER} iam:CreateServiceLinkedRole on resource: *"));
        assert!(denial.fixes()[1].contains("create-service-linked-role"), "{:?}", denial.fixes());
    }
}
