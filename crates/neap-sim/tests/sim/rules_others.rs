//! The rules of EC2, IAM, ECR, CloudWatch Logs and CloudFront, one by one.

use neap_core::kinds::{Cloudfront, Ecr, LogGroup, Role, SecurityGroup, SecurityGroupRule};
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::{Fault, FaultKind, Sim};
use serde_json::{Value, json};

use crate::stack::{
    System, create, distribution, facts, live, log_group, must_create, present, refused, repository,
    resource, role, security_group, until_gone, update,
};

#[tokio::test(start_paused = true)]
async fn a_new_security_group_lets_everything_out_until_that_is_revoked() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let closed = SecurityGroup { egress: [].into(), ..security_group("closed", &vpc) };
    let desired = resource("security_group.x", closed);
    let reason = || FaultKind::Fail { code: "InternalError".into(), message: String::new() };
    sim.fault(Fault::once("ec2:RevokeSecurityGroupEgress", reason()));
    refused(create(&sim, &desired).await, ErrorKind::Unavailable, "InternalError");
    // A create that was cut leaves a half-made group, and the next reading shows it.
    let half = present(&sim, "security_group.x", &desired).await;
    assert_eq!(half.resource.fields()["egress"][0]["peer"], "0.0.0.0/0");
    must_create(&sim, &desired).await;
    let whole = present(&sim, "security_group.x", &desired).await;
    assert_eq!(whole.resource, desired.resource);
}

#[tokio::test(start_paused = true)]
async fn a_security_group_in_use_cannot_be_deleted() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, group) = system.part("security_group.all");
    let in_use = async || refused(sim.delete(&group).await, ErrorKind::InUse, "DependencyViolation");
    assert!(in_use().await.contains("ELB app/course-public-1"));
    for at in ["alb.public", "service.api"] {
        until_gone(&sim, &system.part(at).1).await;
    }
    // Network interfaces outlive what they belonged to.
    in_use().await;
    assert!(until_gone(&sim, &group).await.as_secs() > 10);
}

#[tokio::test(start_paused = true)]
async fn a_security_group_that_another_one_names_cannot_be_deleted() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let front = resource("security_group.front", security_group("front", &vpc));
    let front = live(&front, &must_create(&sim, &front).await);
    let rule = SecurityGroupRule::tcp(3000, front.id.clone(), "from the front");
    let back = SecurityGroup { ingress: [rule].into(), ..security_group("back", &vpc) };
    let back = resource("security_group.back", back);
    let back = live(&back, &must_create(&sim, &back).await);
    refused(sim.delete(&front).await, ErrorKind::InUse, "DependencyViolation");
    sim.delete(&back).await.expect("deleted");
    sim.delete(&front).await.expect("deleted");
}

#[tokio::test(start_paused = true)]
async fn a_security_group_may_name_itself() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let rule = SecurityGroupRule::tcp(3000, "self", "among us");
    let desired = SecurityGroup { ingress: [rule].into(), ..security_group("peers", &vpc) };
    let desired = resource("security_group.x", desired);
    let outputs = must_create(&sim, &desired).await;
    assert_eq!(present(&sim, "security_group.x", &desired).await.resource, desired.resource);
    sim.delete(&live(&desired, &outputs)).await.expect("deleted");
}

#[tokio::test(start_paused = true)]
async fn security_groups_and_their_rules_are_checked() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let of = |fields| resource("security_group.x", fields);
    let named = |name: &str| of(security_group(name, &vpc));
    for name in ["sg-1", "", "a?b"] {
        refused(create(&sim, &named(name)).await, ErrorKind::Invalid, "InvalidParameterValue");
    }
    refused(create(&sim, &named("Default")).await, ErrorKind::Invalid, "InvalidGroup.Reserved");
    let elsewhere = create(&sim, &of(security_group("x", "vpc-none"))).await;
    refused(elsewhere, ErrorKind::NotFound, "InvalidVpcID.NotFound");
    must_create(&sim, &resource("security_group.first", security_group("Taken", &vpc))).await;
    refused(create(&sim, &named("taken")).await, ErrorKind::Conflict, "InvalidGroup.Duplicate");
    let rules = [
        (SecurityGroupRule::tcp(80, "sg-none", ""), ErrorKind::NotFound, "InvalidGroup.NotFound"),
        (SecurityGroupRule::tcp(80, "10.0.0.0/33", ""), ErrorKind::Invalid, "InvalidParameterValue"),
        (
            SecurityGroupRule { protocol: "-1".into(), ..SecurityGroupRule::tcp(80, "0.0.0.0/0", "") },
            ErrorKind::Invalid,
            "InvalidParameterValue",
        ),
    ];
    for (index, (rule, kind, code)) in rules.into_iter().enumerate() {
        let group = security_group(&format!("group-{index}"), &vpc);
        refused(create(&sim, &of(SecurityGroup { ingress: [rule].into(), ..group })).await, kind, code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_description_of_a_rule_cuts_no_traffic() {
    let sim = Sim::in_memory();
    let vpc = facts(&sim).await.vpc;
    let desired = resource("security_group.x", security_group("x", &vpc));
    let found = live(&desired, &must_create(&sim, &desired).await);
    let renamed = SecurityGroup {
        ingress: [SecurityGroupRule::tcp(80, "0.0.0.0/0", "the web")].into(),
        ..security_group("x", &vpc)
    };
    sim.forget_calls();
    update(&sim, &found, &resource("security_group.x", renamed)).await.expect("updated");
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["ec2:UpdateSecurityGroupRuleDescriptionsIngress", "ec2:CreateTags"]);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_half_made_where_its_create_was_cut() {
    let sim = Sim::in_memory();
    let desired = resource("role.x", role("course-x"));
    let gone = || FaultKind::Fail { code: "ServiceUnavailable".into(), message: String::new() };
    sim.fault(Fault::once("iam:AttachRolePolicy", gone()));
    refused(create(&sim, &desired).await, ErrorKind::Unavailable, "ServiceUnavailable");
    let half = present(&sim, "role.x", &desired).await.resource.fields();
    assert_eq!((&half["managed_policies"], &half["inline_policies"]), (&json!([]), &json!({})));
    must_create(&sim, &desired).await;
    assert_eq!(present(&sim, "role.x", &desired).await.resource, desired.resource);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_deleted_after_everything_that_hangs_on_it() {
    let sim = Sim::in_memory();
    let desired = resource("role.x", role("course-x"));
    let found = live(&desired, &must_create(&sim, &desired).await);
    // Somebody else has attached a policy, which the stack does not know.
    let script = "[[set]]\naddress = \"role.x\"\npath = \"managed_policies\"\nvalue = [\"arn:aws:iam::aws:policy/A\", \"arn:aws:iam::aws:policy/B\"]";
    sim.seed(script).expect("attached");
    sim.forget_calls();
    sim.delete(&found).await.expect("deleted");
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    let detach = "iam:DetachRolePolicy";
    assert_eq!(calls, [detach, detach, "iam:DeleteRolePolicy", "iam:DeleteRole"]);
}

#[tokio::test(start_paused = true)]
async fn roles_are_checked() {
    let sim = Sim::in_memory();
    must_create(&sim, &resource("role.first", role("Taken"))).await;
    let of = |fields| resource("role.x", fields);
    refused(create(&sim, &of(role("taken"))).await, ErrorKind::Conflict, "EntityAlreadyExists");
    refused(create(&sim, &of(role("a/b"))).await, ErrorKind::Invalid, "ValidationError");
    refused(create(&sim, &of(role(&"x".repeat(65)))).await, ErrorKind::Invalid, "ValidationError");
    let trust = Role { trust: json!({ "Statement": [] }), ..role("x") };
    refused(create(&sim, &of(trust)).await, ErrorKind::Invalid, "MalformedPolicyDocument");
    let session = Role { max_session_seconds: 60, ..role("x") };
    refused(create(&sim, &of(session)).await, ErrorKind::Invalid, "ValidationError");
    let policies = (0..11).map(|index| format!("arn:aws:iam::aws:policy/P{index}")).collect();
    let many = Role { managed_policies: policies, ..role("many") };
    refused(create(&sim, &of(many)).await, ErrorKind::Quota, "LimitExceeded");
    let action: Vec<String> = (0..600).map(|index| format!("service:ActionNumber{index}")).collect();
    let large = json!({ "Statement": [{ "Effect": "Allow", "Action": action, "Resource": ["*"] }] });
    let large = Role { inline_policies: [("neap".into(), large)].into(), ..role("large") };
    refused(create(&sim, &of(large)).await, ErrorKind::Quota, "LimitExceeded");
}

#[tokio::test(start_paused = true)]
async fn repositories_are_checked() {
    let sim = Sim::in_memory();
    let of = |fields| resource("ecr.x", fields);
    for name in ["a", "Upper", "-a", "a-", "a..b", "a/", "a___b"] {
        let answer = create(&sim, &of(repository(name))).await;
        refused(answer, ErrorKind::Invalid, "InvalidParameterException");
    }
    for name in ["ab", "a-b", "a--b", "a.b", "a_b", "a__b", "team/api"] {
        must_create(&sim, &of(repository(name))).await;
    }
    sim.seed("[[foreign]]\nkind = \"ecr\"\nname = \"taken\"").expect("a foreign repository");
    let taken = create(&sim, &of(repository("taken"))).await;
    refused(taken, ErrorKind::Conflict, "RepositoryAlreadyExistsException");
    let keyed = Ecr { kms_key: Some("arn:key".into()), ..repository("keyed") };
    refused(create(&sim, &of(keyed)).await, ErrorKind::Invalid, "InvalidParameterException");
    let rules = Ecr { lifecycle_policy: json!({ "rules": [] }), ..repository("rules") };
    refused(create(&sim, &of(rules)).await, ErrorKind::Invalid, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn a_repository_changes_in_place() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.api", repository("course-api"));
    let found = live(&desired, &must_create(&sim, &desired).await);
    let changed = Ecr {
        tag_mutability: "IMMUTABLE".into(),
        scan_on_push: false,
        lifecycle_policy: Value::Null,
        ..repository("course-api")
    };
    let changed = resource("ecr.api", changed);
    sim.forget_calls();
    update(&sim, &found, &changed).await.expect("updated");
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    let expected = [
        "ecr:PutImageTagMutability",
        "ecr:PutImageScanningConfiguration",
        "ecr:DeleteLifecyclePolicy",
        "ecr:TagResource",
    ];
    assert_eq!(calls, expected);
    assert_eq!(present(&sim, "ecr.api", &changed).await.resource, changed.resource);
}

#[tokio::test(start_paused = true)]
async fn log_groups_are_checked() {
    let sim = Sim::in_memory();
    let of = |fields| resource("log_group.x", fields);
    for name in ["", "a b", "aws/x"] {
        let answer = create(&sim, &of(log_group(name))).await;
        refused(answer, ErrorKind::Invalid, "InvalidParameterException");
    }
    let days = LogGroup { retention_days: Some(2), ..log_group("/x") };
    refused(create(&sim, &of(days)).await, ErrorKind::Invalid, "InvalidParameterException");
    sim.seed("[[foreign]]\nkind = \"log_group\"\nname = \"/taken\"").expect("a foreign log group");
    let taken = create(&sim, &of(log_group("/taken"))).await;
    refused(taken, ErrorKind::Conflict, "ResourceAlreadyExistsException");
}

#[tokio::test(start_paused = true)]
async fn distributions_are_checked() {
    let sim = Sim::in_memory();
    let check = async |kind: ErrorKind, code: &str, change: &dyn Fn(&mut Cloudfront)| {
        let mut fields = distribution("example.com");
        change(&mut fields);
        refused(create(&sim, &resource("cloudfront.site", fields)).await, kind, code);
    };
    let invalid = ErrorKind::Invalid;
    check(invalid, "InvalidArgument", &|it| it.comment = "x".repeat(129)).await;
    check(invalid, "InvalidArgument", &|it| it.price_class = "PriceClass_300".into()).await;
    check(invalid, "NoSuchOrigin", &|it| it.default_behavior.origin = "other".into()).await;
    check(invalid, "InvalidArgument", &|it| it.default_behavior.methods = ["GET".into()].into()).await;
    check(invalid, "InvalidArgument", &|it| it.behaviors = vec![it.default_behavior.clone(); 2]).await;
    check(invalid, "InvalidArgument", &|it| {
        it.origins.values_mut().for_each(|origin| origin.domain = "10.0.0.1".into());
    })
    .await;
    check(invalid, "InvalidDefaultRootObject", &|it| it.default_root_object = "/index.html".into()).await;
    check(ErrorKind::NotFound, "NoSuchCachePolicy", &|it| it.default_behavior.cache_policy = "x".into())
        .await;
    check(ErrorKind::NotFound, "NoSuchOriginRequestPolicy", &|it| {
        it.default_behavior.origin_request_policy = Some("x".into());
    })
    .await;
    check(ErrorKind::NotFound, "NoSuchResponseHeadersPolicy", &|it| {
        it.default_behavior.response_headers_policy = Some("x".into());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_reference_makes_one_distribution() {
    let sim = Sim::in_memory();
    let first = resource("cloudfront.site", distribution("example.com"));
    let outputs = must_create(&sim, &first).await;
    assert_eq!(must_create(&sim, &first).await, outputs);
    let other = resource("cloudfront.other", distribution("example.com"));
    refused(create(&sim, &other).await, ErrorKind::Conflict, "DistributionAlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn a_distribution_is_disabled_and_deployed_before_it_is_deleted() {
    let sim = Sim::in_memory();
    let desired = resource("cloudfront.site", distribution("example.com"));
    let found = live(&desired, &must_create(&sim, &desired).await);
    sim.forget_calls();
    until_gone(&sim, &found).await;
    let changes = sim.calls().into_iter().filter(|call| call.mutating);
    let changes: Vec<String> = changes.map(|call| call.operation).collect();
    assert_eq!(changes, ["cloudfront:UpdateDistribution", "cloudfront:DeleteDistribution"]);
}

#[tokio::test(start_paused = true)]
async fn tags_are_what_the_stack_says_except_those_of_aws() {
    let sim = Sim::in_memory();
    let desired = resource("ecr.api", repository("course-api"));
    must_create(&sim, &desired).await;
    let tag = |key: &str| format!("[[tag]]\naddress = \"ecr.api\"\nkey = \"{key}\"\nvalue = \"x\"\n");
    sim.seed(&["mine", "aws:theirs"].map(tag).concat()).expect("tags");
    let found = present(&sim, "ecr.api", &desired).await;
    update(&sim, &found, &desired).await.expect("updated");
    let tags = present(&sim, "ecr.api", &desired).await.tags;
    assert_eq!(tags.keys().collect::<Vec<_>>(), ["neap:address", "neap:spec", "neap:stack"]);
    assert_eq!(sim.counts()["ecr:UntagResource"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_nobody_resolved_is_refused() {
    let sim = Sim::in_memory();
    let desired = resource("security_group.x", security_group("x", "${network.vpc}"));
    let error = create(&sim, &desired).await.expect_err("a reference");
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert_eq!(error.message, "`vpc` still holds the reference `network.vpc`");
}
