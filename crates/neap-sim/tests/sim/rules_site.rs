//! What S3 and CloudFront refuse around a site: names that others have, policies that open, what is still in use.

use std::collections::BTreeMap;

use neap_core::kinds::{
    Behavior, Bucket, BucketPolicy, Cloudfront, Code, CorsRule, Function, KindOf, OriginAccessControl,
    PUBLIC_ACCESS_BLOCKS,
};
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::Sim;
use serde_json::json;

use crate::stack::{create, distribution, live, must_create, present, refused, resource, until_gone, update};

fn bucket(name: &str) -> Bucket {
    Bucket {
        name: name.into(),
        public_access_block: PUBLIC_ACCESS_BLOCKS.map(String::from).into(),
        ownership: "BucketOwnerEnforced".into(),
        encryption: "AES256".into(),
        kms_key: None,
        versioning: false,
        lifecycle: Vec::new(),
        cors: Vec::new(),
    }
}

fn control() -> OriginAccessControl {
    OriginAccessControl {
        name: "course-site-01234567".into(),
        description: "neap (course/origin_access_control.site)".into(),
        origin_type: "s3".into(),
        signing: "always".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn another_accounts_bucket_is_in_the_way_for_ever() {
    let sim = Sim::in_memory();
    sim.seed("[[taken]]\nbucket = \"course-web\"").expect("a script");
    let wanted = resource("bucket.web", bucket("course-web"));
    refused(create(&sim, &wanted).await, ErrorKind::Conflict, "BucketAlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_made_once_and_anothers_is_not_taken_over() {
    let sim = Sim::in_memory();
    let wanted = resource("bucket.web", bucket("course-web"));
    let first = must_create(&sim, &wanted).await;
    assert_eq!(must_create(&sim, &wanted).await, first, "us-east-1 answers as if it were the first");
    let other = resource("bucket.other", bucket("course-web"));
    let error = create(&sim, &other).await.expect_err("it is bucket.web's");
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_s3_does_not_take_is_refused() {
    let sim = Sim::in_memory();
    for name in ["ab", "Course", "course_web", "-course", "192.168.0.1", "xn--course"] {
        let answer = create(&sim, &resource("bucket.web", bucket(name))).await;
        refused(answer, ErrorKind::Invalid, "InvalidBucketName");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_opens_nothing_while_the_bucket_is_closed_and_stays_inside_it() {
    let sim = Sim::in_memory();
    let policy = |principal, resource: &str| {
        let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": resource });
        BucketPolicy {
            bucket: "course-web".into(),
            policy: json!({ "Version": "2012-10-17", "Statement": [statement] }),
        }
    };
    let inside = "arn:aws:s3:::course-web/*";
    let early = resource("bucket_policy.web", policy(json!({ "AWS": "123456789012" }), inside));
    refused(create(&sim, &early).await, ErrorKind::NotFound, "NoSuchBucket");
    must_create(&sim, &resource("bucket.web", bucket("course-web"))).await;
    let open = resource("bucket_policy.web", policy(json!("*"), inside));
    refused(create(&sim, &open).await, ErrorKind::Denied, "AccessDenied");
    let outside = policy(json!({ "AWS": "123456789012" }), "arn:aws:s3:::course-website/*");
    let outside = resource("bucket_policy.web", outside);
    refused(create(&sim, &outside).await, ErrorKind::Invalid, "MalformedPolicy");
    must_create(&sim, &early).await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_emptied_before_it_goes() {
    let sim = Sim::in_memory();
    let wanted = resource("bucket.web", bucket("course-web"));
    let outputs = must_create(&sim, &wanted).await;
    sim.seed("[[stored]]\nname = \"course-web\"\nitems = 3\nbytes = 100").expect("a script");
    let mut held = live(&wanted, &outputs);
    held.id = "course-web".into();
    until_gone(&sim, &held).await;
    let counts = sim.counts();
    assert_eq!((counts["s3:DeleteObjectVersion"], counts["s3:DeleteBucket"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_access_control_stays_while_a_distribution_names_it() {
    let sim = Sim::in_memory();
    let wanted = resource("origin_access_control.site", control());
    let outputs = must_create(&sim, &wanted).await;
    let mut site = distribution("course-web.s3.us-east-1.amazonaws.com");
    let origin = site.origins.get_mut("alb.public").expect("an origin");
    (origin.protocol_policy, origin.access_control) = ("s3".into(), Some("E0".into()));
    let missing = create(&sim, &resource("cloudfront.site", site.clone())).await;
    refused(missing, ErrorKind::NotFound, "NoSuchOriginAccessControl");
    let origin = site.origins.get_mut("alb.public").expect("an origin");
    origin.access_control = Some(outputs["id"].clone());
    must_create(&sim, &resource("cloudfront.site", site)).await;
    let answer = sim.delete(&live(&wanted, &outputs)).await;
    refused(answer, ErrorKind::InUse, "OriginAccessControlInUse");
}

fn function(code: &str) -> Function {
    let code = Code(code.as_bytes().to_vec());
    Function { code_sha256: code.sha256(), code, ..Function::example() }
}

#[tokio::test(start_paused = true)]
async fn a_function_runs_once_it_is_published_and_again_after_each_change() {
    let sim = Sim::in_memory();
    let first = resource("function.edge", function("function handler() {}"));
    let outputs = must_create(&sim, &first).await;
    assert_eq!(outputs["arn"], "arn:aws:cloudfront::123456789012:function/course-rewrite");
    assert_eq!(must_create(&sim, &first).await, outputs, "a repeated create finds the first one");
    let changed = resource("function.edge", function("function handler() { return; }"));
    let found = present(&sim, "function.edge", &first).await;
    update(&sim, &found, &changed).await.expect("changed and published");
    assert_eq!(present(&sim, "function.edge", &changed).await.resource, changed.resource);
    let counts = sim.counts();
    assert_eq!((counts["cloudfront:UpdateFunction"], counts["cloudfront:PublishFunction"]), (1, 2));
    // An update that nobody published is published, and not written again.
    let behind = Function { published: false, ..function("function handler() { return; }") };
    let behind = live(&resource("function.edge", behind), &outputs);
    update(&sim, &behind, &changed).await.expect("published");
    let counts = sim.counts();
    assert_eq!((counts["cloudfront:UpdateFunction"], counts["cloudfront:PublishFunction"]), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_function_that_makes_no_sense_is_refused() {
    let sim = Sim::in_memory();
    let check = async |code: &str, function: Function| {
        refused(create(&sim, &resource("function.edge", function)).await, ErrorKind::Invalid, code);
    };
    check("InvalidArgument", Function { name: "a.b".into(), ..function("x") }).await;
    check("InvalidArgument", Function { runtime: "nodejs22.x".into(), ..function("x") }).await;
    check("InvalidArgument", Function { comment: "x".repeat(129), ..function("x") }).await;
    check("InvalidArgument", Function { runtime: "cloudfront-js-1.0".into(), ..function("x") }).await;
    check("InvalidArgument", function("")).await;
    check("FunctionSizeLimitExceeded", function(&"x".repeat(10_241))).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_stays_while_a_distribution_names_it() {
    let sim = Sim::in_memory();
    let mut site = distribution("example.com");
    let arn = "arn:aws:cloudfront::123456789012:function/course-rewrite".to_owned();
    site.default_behavior.functions = [("viewer-request".into(), arn)].into();
    let site = resource("cloudfront.site", site);
    refused(create(&sim, &site).await, ErrorKind::NotFound, "InvalidFunctionAssociation");
    let wanted = resource("function.edge", function("function handler() {}"));
    let outputs = must_create(&sim, &wanted).await;
    must_create(&sim, &site).await;
    refused(sim.delete(&live(&wanted, &outputs)).await, ErrorKind::InUse, "FunctionInUse");
    let mut wrong = distribution("example.com");
    wrong.default_behavior.functions = [("origin-request".into(), outputs["arn"].clone())].into();
    let wrong = create(&sim, &resource("cloudfront.other", wrong)).await;
    refused(wrong, ErrorKind::Invalid, "InvalidFunctionAssociation");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_takes_one_star_and_forgets_a_key_that_is_taken_away() {
    let sim = Sim::in_memory();
    let rule = |origin: &str, header: &str| CorsRule {
        origins: [origin.to_owned()].into(),
        methods: ["GET".to_owned()].into(),
        headers: [header.to_owned()].into(),
        expose: [].into(),
        max_age: None,
    };
    let keyed = Bucket {
        encryption: "aws:kms".into(),
        kms_key: Some("arn:aws:kms:us-east-1:123456789012:key/1".into()),
        ..bucket("course-web")
    };
    let wanted = resource("bucket.web", keyed.clone());
    let outputs = must_create(&sim, &wanted).await;
    let held = live(&wanted, &outputs);
    for (origin, header) in [("https://*.*.com", "*"), ("*", "x-*-*")] {
        let other = Bucket { cors: vec![rule(origin, header)], ..keyed.clone() };
        let answer = update(&sim, &held, &resource("bucket.web", other)).await;
        refused(answer, ErrorKind::Invalid, "InvalidRequest");
    }
    let own = resource("bucket.web", Bucket { kms_key: None, ..keyed });
    update(&sim, &held, &own).await.expect("AWS's own key");
    let shown = present(&sim, "bucket.web", &own).await;
    assert_eq!(shown.resource, own.resource);
}

#[tokio::test(start_paused = true)]
async fn cloudfront_asks_hosts_with_headers_of_http_under_paths_that_it_knows() {
    let sim = Sim::in_memory();
    let refuse = async |change: &dyn Fn(&mut Cloudfront)| {
        let mut site = distribution("example.com");
        change(&mut site);
        refused(
            create(&sim, &resource("cloudfront.site", site)).await,
            ErrorKind::Invalid,
            "InvalidArgument",
        );
    };
    for host in ["1.2.3.4", "-x.example.com", "x..com"] {
        refuse(&|site| site.origins.get_mut("alb.public").expect("one").domain = host.into()).await;
    }
    for headers in
        [vec![("a b", "1")], vec![("x-a", "")], vec![("Host", "x")], vec![("x-a", "1"), ("X-A", "1")]]
    {
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers: BTreeMap<_, _> = headers.collect();
        refuse(&|site| site.origins.get_mut("alb.public").expect("one").headers.clone_from(&headers)).await;
    }
    for path in ["/a b", "/{x}", "/api?x=1"] {
        refuse(&|site| {
            site.behaviors = vec![Behavior { path: path.into(), ..site.default_behavior.clone() }];
        })
        .await;
    }
}
