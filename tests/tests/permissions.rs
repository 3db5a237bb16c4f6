//! The policy document for users holds every action that the AWS crate calls, and no other; so does the table that `neap
//! policy` makes documents from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

const SERVICES: [&str; 19] = [
    "acm",
    "application-autoscaling",
    "autoscaling",
    "cloudfront",
    "cloudwatch",
    "ec2",
    "ecr",
    "ecs",
    "elasticloadbalancing",
    "iam",
    "kms",
    "logs",
    "route53",
    "s3",
    "secretsmanager",
    "servicediscovery",
    "ssm",
    "sts",
    "tag",
];

/// Actions that no call of ours is named after: a role is handed over by ECS's calls, services make their own roles, and the
/// lock is tagged by the call that creates it. A group starts its instances in the name of whoever makes it, a load balancer
/// looks at the account so, an endpoint gives its host names so, Cloud Map changes the zone of a namespace so, and S3 and ECR
/// use keys so.
const IMPLIED: [&str; 16] = [
    "iam:PassRole",
    "iam:CreateServiceLinkedRole",
    "ssm:AddTagsToResource",
    "s3:TagResource",
    "ec2:RunInstances",
    "route53:AssociateVPCWithHostedZone",
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeRegions",
    "route53:CreateHostedZone",
    "route53:DeleteHostedZone",
    "route53:ListHostedZonesByName",
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:RetireGrant",
    "kms:GenerateDataKey",
    "kms:Decrypt",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A filter of EC2's that only looks like an operation.
const FILTER: &str = "tag:Name";

/// The string literals of `text` that name an operation, `service:Operation`.
fn operations(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').filter(|literal| {
        literal.split_once(':').is_some_and(|(service, operation)| {
            SERVICES.contains(&service)
                && *literal != FILTER
                && operation.starts_with(|first: char| first.is_ascii_uppercase())
                && operation.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// The action that permits an operation; one has another name.
fn action(operation: &str) -> &str {
    match operation {
        "cloudfront:CreateDistributionWithTags" => "cloudfront:CreateDistribution",
        other => other,
    }
}

#[test]
fn the_policy_document_holds_what_is_called_and_no_more() {
    let mut files = Vec::new();
    sources(&root().join("crates/neap-aws/src"), &mut files).expect("the AWS crate's sources");
    let mut called = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        called.extend(operations(&text).map(|operation| action(operation).to_owned()));
    }
    called.extend(IMPLIED.map(str::to_owned));
    check("docs/iam-policy.json", &called, &documented());
    check("neap_core::permissions", &called, &neap_core::permissions::actions().map(str::to_owned).collect());
}

fn check(what: &str, called: &BTreeSet<String>, allowed: &BTreeSet<String>) {
    let missing: Vec<&String> = called.difference(allowed).collect();
    assert!(missing.is_empty(), "called, but not allowed by {what}: {missing:?}");
    let extra: Vec<&String> = allowed.difference(called).collect();
    assert!(extra.is_empty(), "allowed by {what}, but never called: {extra:?}");
}

/// The actions of the policy document.
fn documented() -> BTreeSet<String> {
    let policy = fs::read_to_string(root().join("docs/iam-policy.json")).expect("the policy document");
    let policy: serde_json::Value = serde_json::from_str(&policy).expect("the policy document is JSON");
    let statements = policy["Statement"].as_array().expect("it has statements");
    // Their text: one action, or a list of them.
    let actions = statements.iter().map(|statement| statement["Action"].to_string());
    actions.flat_map(|text| operations(&text).map(str::to_owned).collect::<Vec<_>>()).collect()
}
