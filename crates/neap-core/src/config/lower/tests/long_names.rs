//! Names of every length that users may give: what they imply has longer ones.

use std::collections::BTreeSet;

use super::*;
use crate::address::Kind;
use crate::naming;
use crate::reference::{self, Reference};

/// A stack of everything that implies something. Names have this length and share all but their last letter.
fn called(length: usize) -> String {
    let text = r#"
[stack]
name = "a-stack-with-a-long-name"

[cluster.@a]
capacity = { @a = 1, @b = 1 }
instances.@a = { instance_type = "t3.micro", max = 2 }
instances.@b = { instance_type = "t3.small", max = 2 }
[cluster.@b]
[cluster.@c]
capacity = { instance_type = "t3.micro", max = 2 }

[task.@a]
memory = 400
[task.@a.container.app]
image = "nginx:1.27"
ports = [{ port = 3000, host_port = 8080 }]
secrets = { KEY = "ssm:/key" }
[task.@b.container.app]
image = "nginx:1.27"
port = 3000

[target_group.@a]
port = 3000
[target_group.@b]
port = 3000
[target_group.@c]
port = 3000
protocol = "TCP"
[alb.@a.listener.@a]
port = 80
default = { forward = "@a" }
[[alb.@a.listener.@a.rule]]
priority = 50000
when = { path = ["/x"] }
redirect = { path = "/y" }
[alb.@a.listener.@b]
port = 8080
default = { forward = "@b" }
[nlb.@a.listener.@a]
port = 1883
forward = "@c"
[clb.@a.listener.@a]
port = 80
instance_port = 8080

[service.@a]
cluster = "@b"
task = "@b"
target = { group = "@a", alternate = "@b" }
deployment = { strategy = "blue_green" }
exec = true
[service.@b]
cluster = "@b"
task = "@b"
target = { group = "@c" }
discovery = {}
scaling = { min = 1, max = 2, cpu = 60 }
[service.@c]
cluster = "@a"
task = "@a"
target = { clb = "@a" }
[service.@d]
cluster = "@c"
task = "@a"

[bucket.@a]
files = "web"
[cloudfront.@a]
single_page = true
[[cloudfront.@a.route]]
path = "/api/*"
origin = "alb.@a"
[[cloudfront.@a.route]]
path = "/*"
origin = "bucket.@a"

[namespace.@a]
type = "private_dns"
name = "shop.internal"
"#;
    ["a", "b", "c", "d"].iter().fold(text.to_owned(), |text, letter| {
        text.replace(&format!("@{letter}"), &format!("{}{letter}", "n".repeat(length - 1)))
    })
}

#[test]
fn addresses_and_references_are_read_back_whatever_the_length_of_names() {
    for length in 1..=40 {
        let desired = lower_text(&called(length)).expect("no mistakes");
        for (address, resource) in &desired.resources {
            assert_eq!(address.to_string().parse().as_ref(), Ok(address));
            let fields = resource.resource.fields();
            let found = reference::in_value(&fields);
            assert_eq!(found.len(), fields.to_string().matches("${").count(), "{address}: {fields}");
            for (path, reference) in found {
                let Reference::Output(to, _) = reference else { continue };
                assert!(desired.resources.contains_key(&to), "{address}: {path} is `{to}`");
            }
        }
    }
}

#[test]
fn names_in_aws_fit_and_differ_whatever_the_length_of_names() {
    for length in 1..=40 {
        let desired = lower_text(&called(length)).expect("no mistakes");
        let mut seen = BTreeSet::new();
        for (address, resource) in &desired.resources {
            let (kind, name) = (address.kind(), resource.resource.aws_name());
            if naming::limit(kind) == 0 || name.is_empty() {
                continue;
            }
            let known = name.replace("${aws.account}", "123456789012");
            assert_eq!(
                naming::refusal(kind, &known).filter(|_| !known.contains("${")),
                None,
                "{address}: {known}"
            );
            // What is in a bucket has the bucket's name.
            assert!(seen.insert((kind, known.clone())), "{address} is called {known} too");
        }
    }
}

#[test]
fn names_that_users_give_have_at_most_forty_characters() {
    check_more(
        &format!("[ecr.{}]\n", "n".repeat(41)),
        &format!("ecr.{0}: `{0}` cannot be a name", "n".repeat(41)),
    );
}

#[test]
fn every_kind_that_is_implied_is_among_these() {
    let desired = lower_text(&called(40)).expect("no mistakes");
    let implied: BTreeSet<Kind> = desired
        .resources
        .iter()
        .filter(|(_, resource)| resource.implied.is_some())
        .map(|(address, _)| address.kind())
        .collect();
    let expected = [
        Kind::LogGroup,
        Kind::Role,
        Kind::InstanceProfile,
        Kind::SecurityGroup,
        Kind::LaunchTemplate,
        Kind::AutoScalingGroup,
        Kind::CapacityProvider,
        Kind::ClusterCapacity,
        Kind::ScalableTarget,
        Kind::Function,
        Kind::OriginAccessControl,
        Kind::BucketPolicy,
        Kind::BucketFiles,
        Kind::DiscoveryService,
    ];
    assert_eq!(implied, expected.into());
    let roles = desired.resources.keys().filter(|address| address.kind() == Kind::Role);
    assert!(roles.into_iter().any(|role| role.name().ends_with("-traffic")));
}
