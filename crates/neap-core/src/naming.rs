//! The names that AWS knows resources by: a function of the stack, the address and the kind's limits.
//!
//! Decides how a name is made and cut, and which names of the user's own AWS would refuse. Must not know the
//! stack file, nor what is live.

use serde_json::{Value, json};

use crate::address::{Address, Kind};
use crate::desired::short_hash;

/// The region whose certificates CloudFront takes ("Requirements for using SSL/TLS certificates with CloudFront").
pub const CLOUDFRONT_REGION: &str = "us-east-1";

/// The most characters that a name of `kind` may have; 0 where AWS takes no name.
pub const fn limit(kind: Kind) -> usize {
    match kind {
        Kind::Alb | Kind::Nlb | Kind::Clb | Kind::TargetGroup => 32,
        Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles => 63,
        Kind::Role | Kind::OriginAccessControl | Kind::Function => 64,
        Kind::InstanceProfile | Kind::LaunchTemplate => 128,
        Kind::DiscoveryService => 127,
        Kind::Namespace => 253,
        Kind::Cluster
        | Kind::Task
        | Kind::Service
        | Kind::SecurityGroup
        | Kind::AutoScalingGroup
        | Kind::CapacityProvider => 255,
        Kind::Ecr => 256,
        Kind::LogGroup => 512,
        Kind::Vpc
        | Kind::InternetGateway
        | Kind::ElasticIp
        | Kind::NatGateway
        | Kind::RouteTable
        | Kind::Subnet
        | Kind::VpcEndpoint
        | Kind::Listener
        | Kind::Rule
        | Kind::Cloudfront
        | Kind::ClusterCapacity
        | Kind::ScalableTarget
        | Kind::Certificate
        | Kind::Domain => 0,
    }
}

/// The name of a resource that nothing forces to have another when it is replaced: `<stack>-<name>`, or
/// `/neap/<stack>/<name>` for a log group and `neap-<stack>-<name>` for a capacity provider, whose name may not begin with
/// `aws`, `ecs` or `fargate`. Cut with a hash to the kind's limit.
pub fn plain(kind: Kind, stack: &str, name: &str) -> String {
    let text = match kind {
        Kind::LogGroup => format!("/neap/{stack}/{name}"),
        Kind::CapacityProvider => format!("neap-{stack}-{name}"),
        _ => format!("{stack}-{name}"),
    };
    if text.chars().count() <= limit(kind) {
        return text;
    }
    with_hash(&text, &short_hash(&text), limit(kind))
}

/// The name of a resource whose replacement must stand beside it: `<stack>-<name>-<hash>`. The hash covers
/// `immutable`, the fields that AWS cannot change in place, so another value of them is another name.
pub fn replaceable(kind: Kind, stack: &str, name: &str, immutable: &Value) -> String {
    // The kinds of this sort take letters, digits and hyphens only.
    let text = format!("{stack}-{name}").replace('_', "-");
    with_hash(&text, &short_hash(&json!([stack, name, immutable]).to_string()), limit(kind))
}

fn with_hash(text: &str, hash: &str, limit: usize) -> String {
    let hash: String = hash.chars().take(8).collect();
    let kept: String = text.chars().take(limit.saturating_sub(hash.len() + 1)).collect();
    format!("{}-{hash}", kept.trim_end_matches(['-', '_', '/']))
}

/// What every name that neap makes for a resource of `kind` begins with, wherever it is cut.
pub fn prefix(kind: Kind, stack: &str) -> String {
    let text = match kind {
        Kind::LogGroup => format!("/neap/{stack}/"),
        Kind::CapacityProvider => format!("neap-{stack}-"),
        Kind::Alb
        | Kind::Nlb
        | Kind::Clb
        | Kind::TargetGroup
        | Kind::Bucket
        | Kind::BucketPolicy
        | Kind::BucketFiles
        | Kind::OriginAccessControl => format!("{stack}-").replace('_', "-"),
        _ => format!("{stack}-"),
    };
    // What a hash of eight characters and its hyphen leave of a name.
    let most = limit(kind).saturating_sub(9);
    if limit(kind) == 0 || text.chars().count() < most {
        return text;
    }
    let kept: String = text.chars().take(most).collect();
    kept.trim_end_matches(['-', '_', '/']).to_owned()
}

/// The name of a bucket: `<stack>-<name>-<account>`, since it must be unique among those of all accounts. The account is
/// filled in once it is known.
pub fn bucket(stack: &str, name: &str) -> String {
    let text = format!("{stack}-{name}").replace('_', "-");
    let most = limit(Kind::Bucket) - "-123456789012".len();
    let fits = text.len() <= most && !name.contains('_');
    let text = if fits { text } else { with_hash(&text, &short_hash(&format!("{stack}-{name}")), most) };
    format!("{text}-${{aws.account}}")
}

/// The name of the origin access control at `address`. It takes no tags, so the hash in its name must tell whose it is.
pub fn access_control(stack: &str, address: &Address) -> String {
    replaceable(Kind::OriginAccessControl, stack, address.name(), &json!(address.to_string()))
}

/// The `Id` of the policy that neap gives to a bucket, which takes no tags.
pub fn policy_id(stack: &str, address: &Address) -> String {
    format!("neap/{stack}/{address}")
}

/// The path of the roles of a stack.
pub fn role_path(stack: &str) -> String {
    format!("/neap/{stack}/")
}

/// What the comment of a distribution ends in: listings show comments but neither tags nor names.
pub fn comment_mark(stack: &str, address: &Address) -> String {
    format!(" ({stack}/{address})")
}

/// What makes a repeated create of a distribution find the first one.
pub fn caller_reference(stack: &str, address: &Address) -> String {
    format!("neap/{stack}/{address}")
}

/// Why AWS would refuse `name` for a resource of `kind`, if it would: a fragment that follows the name.
pub fn refusal(kind: Kind, name: &str) -> Option<String> {
    let length = name.chars().count();
    if length > limit(kind) {
        return Some(format!("has {length} characters, and AWS takes at most {}", limit(kind)));
    }
    let allowed = |more: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        name.chars().find(|c| !fits(*c)).map(|c| format!("holds `{c}`, which AWS does not take here"))
    };
    if name.is_empty() {
        return Some("is empty".to_owned());
    }
    match kind {
        Kind::Alb | Kind::Nlb | Kind::Clb | Kind::TargetGroup => {
            allowed("-").or_else(|| load_balancing(kind, name))
        }
        Kind::Role | Kind::InstanceProfile => allowed("_+=,.@-"),
        Kind::LaunchTemplate => allowed("().-/_"),
        Kind::AutoScalingGroup => {
            name.contains(':').then(|| "holds a colon, which AWS does not take here".to_owned())
        }
        Kind::CapacityProvider => {
            let reserved = ["aws", "ecs", "fargate"].into_iter();
            allowed("_-").or_else(|| reserved.filter_map(|prefix| begins(name, prefix)).next())
        }
        Kind::Cluster | Kind::Task | Kind::Service => allowed("_-"),
        Kind::SecurityGroup => {
            let reserved =
                || is_default_group(name).then(|| "is that of the default group of each VPC".to_owned());
            allowed(" ._-:/()#,@[]+=&;{}!$*").or_else(|| begins(name, "sg-")).or_else(reserved)
        }
        Kind::LogGroup => allowed(".-_/#").or_else(|| begins(name, "aws/")),
        Kind::Ecr => repository(name),
        Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles => bucket_refusal(name),
        Kind::OriginAccessControl | Kind::Function => allowed("-_"),
        Kind::Namespace => allowed("-_."),
        Kind::DiscoveryService => allowed("-_"),
        Kind::Vpc
        | Kind::InternetGateway
        | Kind::ElasticIp
        | Kind::NatGateway
        | Kind::RouteTable
        | Kind::Subnet
        | Kind::VpcEndpoint
        | Kind::Listener
        | Kind::Rule
        | Kind::Cloudfront
        | Kind::ClusterCapacity
        | Kind::ScalableTarget
        | Kind::Certificate
        | Kind::Domain => None,
    }
}

/// Whether a name is the one of the group that each VPC has from the start ("Error codes for the Amazon EC2 API":
/// `InvalidGroup.Reserved`). Names of groups are the same whatever their case.
pub fn is_default_group(name: &str) -> bool {
    name.eq_ignore_ascii_case("default")
}

/// S3's rules for names of buckets ("General purpose bucket naming rules").
fn bucket_refusal(name: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.chars().count() < 3 {
        return Some("has fewer than 3 characters".to_owned());
    }
    if let Some(c) = name.chars().find(|c| !fits(*c) && *c != '-' && *c != '.') {
        return Some(format!("holds `{c}`; buckets take lower-case letters, digits, `-` and `.`"));
    }
    if !name.starts_with(fits) || !name.ends_with(fits) || name.contains("..") {
        return Some("begins or ends with a separator, or has two dots in a row".to_owned());
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Some("is an IP address".to_owned());
    }
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].into_iter().find(|prefix| name.starts_with(prefix));
    let reserved = reserved
        .or_else(|| ["-s3alias", "--ol-s3", ".mrap", "--x-s3"].into_iter().find(|end| name.ends_with(end)));
    reserved.map(|part| format!("has `{part}`, which AWS keeps for itself"))
}

fn begins(name: &str, prefix: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    lower.starts_with(prefix).then(|| format!("begins with `{prefix}`, which AWS keeps for itself"))
}

fn load_balancing(kind: Kind, name: &str) -> Option<String> {
    if name.starts_with('-') || name.ends_with('-') {
        return Some("begins or ends with a hyphen".to_owned());
    }
    if kind.is_balancer() { begins(name, "internal-") } else { None }
}

/// ECR's pattern: segments between slashes, each of lower-case letters and digits, with `.`, `_`, `__` or hyphens
/// between them.
fn repository(name: &str) -> Option<String> {
    if name.chars().count() < 2 {
        return Some("has one character, and AWS wants two".to_owned());
    }
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(c) = name.chars().find(|c| !is_plain(*c) && !"._-/".contains(*c)) {
        return Some(format!("holds `{c}`; repositories take lower-case letters, digits and `. _ - /`"));
    }
    let is_separator = |run: &str| matches!(run, "." | "_" | "__") || run.chars().all(|c| c == '-');
    let is_segment = |segment: &str| {
        segment.starts_with(is_plain)
            && segment.ends_with(is_plain)
            && segment.split(is_plain).all(|run| run.is_empty() || is_separator(run))
    };
    let fits = name.split('/').all(is_segment);
    (!fits).then(|| "has a separator at an end of a part, or several in a row".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_stack_and_the_name() {
        assert_eq!(plain(Kind::Cluster, "course", "main"), "course-main");
        assert_eq!(plain(Kind::LogGroup, "course", "task-api"), "/neap/course/task-api");
        assert_eq!(plain(Kind::Role, "course", "task-api-execution"), "course-task-api-execution");
    }

    #[test]
    fn a_long_name_is_cut_with_a_hash_and_stays_unique() {
        let long = "a".repeat(60);
        let one = plain(Kind::Role, "course", &format!("{long}1"));
        let two = plain(Kind::Role, "course", &format!("{long}2"));
        assert_eq!((one.len(), two.len()), (64, 64));
        assert_ne!(one, two);
    }

    #[test]
    fn other_immutable_fields_are_another_name() {
        let name = |name: &str, port: u16| replaceable(Kind::TargetGroup, "course", name, &json!([port]));
        assert_eq!(name("api", 80), name("api", 80));
        assert_ne!(name("api", 80), name("api", 81));
        assert_ne!(name("a_b", 80), name("a-b", 80), "underscores become hyphens, the hash does not");
    }

    #[test]
    fn every_name_that_is_made_begins_with_the_prefix() {
        let long = "a-stack-with-a-name-that-fills-nearly-all-there-is-".repeat(6);
        for stack in ["course", "a-stack-of-twenty-two-", "a-stack-of-twenty-three", long.as_str()] {
            for name in ["a", "main", &"n".repeat(40)] {
                for kind in [Kind::Alb, Kind::Nlb, Kind::TargetGroup] {
                    let made = replaceable(kind, stack, name, &json!(null));
                    assert!(made.starts_with(&prefix(kind, stack)), "{made} {}", prefix(kind, stack));
                }
                for kind in [Kind::Role, Kind::Cluster, Kind::Task, Kind::Service, Kind::LogGroup, Kind::Ecr]
                {
                    let made = plain(kind, stack, name);
                    assert!(made.starts_with(&prefix(kind, stack)), "{made} {}", prefix(kind, stack));
                }
            }
        }
    }

    #[test]
    fn every_name_that_is_made_is_one_that_aws_takes() {
        for name in ["a", "main", "a_b", "an-unusually-long-name-of-forty-characters", "with-a-", "ends_"] {
            for stack in ["course", "a-stack-with-a-long-name"] {
                for kind in [Kind::Alb, Kind::Nlb, Kind::TargetGroup] {
                    let made = replaceable(kind, stack, name, &json!(null));
                    assert_eq!(refusal(kind, &made), None, "{made}");
                }
                for kind in [Kind::Role, Kind::Cluster, Kind::Task, Kind::Service, Kind::LogGroup] {
                    let made = plain(kind, stack, name);
                    assert_eq!(refusal(kind, &made), None, "{made}");
                }
            }
        }
    }

    #[track_caller]
    fn check(kind: Kind, name: &str, expected: Option<&str>) {
        assert_eq!(refusal(kind, name).as_deref(), expected, "{kind} `{name}`");
    }

    #[test]
    fn names_that_aws_refuses_are_refused_with_the_cause() {
        check(Kind::Alb, "internal-x", Some("begins with `internal-`, which AWS keeps for itself"));
        check(Kind::Nlb, "internal-x", Some("begins with `internal-`, which AWS keeps for itself"));
        check(Kind::TargetGroup, "internal-x", None);
        check(Kind::Clb, "internal-x", None);
        check(Kind::Alb, "x-", Some("begins or ends with a hyphen"));
        check(Kind::Alb, &"x".repeat(33), Some("has 33 characters, and AWS takes at most 32"));
        check(Kind::SecurityGroup, "SG-x", Some("begins with `sg-`, which AWS keeps for itself"));
        check(Kind::SecurityGroup, "default", Some("is that of the default group of each VPC"));
        check(Kind::Role, "a b", Some("holds ` `, which AWS does not take here"));
        check(Kind::LogGroup, "", Some("is empty"));
        check(Kind::Ecr, "a/b-c__d.e", None);
        check(
            Kind::Ecr,
            "Api",
            Some("holds `A`; repositories take lower-case letters, digits and `. _ - /`"),
        );
        for name in ["api-", "a//b", "a___b", "a._b", "/a", "-a"] {
            let expected = "has a separator at an end of a part, or several in a row";
            check(Kind::Ecr, name, Some(expected));
        }
    }
}
