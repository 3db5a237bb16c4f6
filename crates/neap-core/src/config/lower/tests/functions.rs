//! CloudFront functions, the routes that name them, and single-page applications.

use serde_json::json;

use super::*;

/// A stack with a function of more keys, and a distribution of more keys whose last route has more keys.
fn site(function: &str, distribution: &str, route: &str) -> String {
    format!(
        "{STACK}[bucket.web]\n[function.edge]\n{function}\n[cloudfront.site]\n{distribution}\n\
         [[cloudfront.site.route]]\npath = \"/api/*\"\norigin = \"alb.public\"\n\
         [[cloudfront.site.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n{route}\n"
    )
}

const CODE: &str = "code = \"edge.js\"";

#[track_caller]
fn check(function: &str, distribution: &str, route: &str, expected: &[&str]) {
    check_mistakes(&site(function, distribution, route), expected);
}

#[test]
fn a_function_has_the_code_of_its_file() {
    let desired = lower_text(&site(CODE, "", "")).expect("no mistakes");
    assert_eq!(field(&desired, "function.edge", "name"), "course-edge");
    assert_eq!(field(&desired, "function.edge", "runtime"), "cloudfront-js-2.0");
    assert_eq!(field(&desired, "function.edge", "published"), true);
    let sha256 = field(&desired, "function.edge", "code_sha256");
    assert_eq!(sha256.as_str().map(str::len), Some(64));
    let older = lower_text(&site(&format!("{CODE}\nruntime = \"cloudfront-js-1.0\""), "", ""));
    assert_eq!(field(&older.expect("no mistakes"), "function.edge", "runtime"), "cloudfront-js-1.0");
}

#[test]
fn code_that_cloudfront_refuses_is_told_at_once() {
    for (code, expected) in [
        ("none.js", "`none.js` was not read"),
        ("denied.js", "`denied.js` could not be read: permission denied"),
        ("empty.js", "`empty.js` defines no `handler`"),
        ("large.js", "`large.js` has 10800 bytes; CloudFront takes 10240"),
    ] {
        check(&format!("code = \"{code}\""), "", "", &[&format!("function.edge.code: {expected}")]);
    }
    check(
        &format!("{CODE}\ncomment = \"{}\"", "x".repeat(129)),
        "",
        "",
        &["function.edge.comment: the comment has 129 characters; CloudFront takes 128"],
    );
}

#[test]
fn key_value_stores_are_the_newer_runtimes() {
    let store = "arn:aws:cloudfront::123456789012:key-value-store/0123";
    let keys = format!("{CODE}\nkey_value_store = \"{store}\"");
    let desired = lower_text(&site(&keys, "", "")).expect("no mistakes");
    assert_eq!(field(&desired, "function.edge", "key_value_store"), store);
    check(
        &format!("{keys}\nruntime = \"cloudfront-js-1.0\""),
        "",
        "",
        &["function.edge.key_value_store: only the newer runtime reads key value stores"],
    );
    check(
        &format!("{CODE}\nkey_value_store = \"store\""),
        "",
        "",
        &["function.edge.key_value_store: `store` is not the ARN of a key value store"],
    );
}

#[test]
fn a_route_names_functions_by_name_or_arn() {
    let arn = "arn:aws:cloudfront::123456789012:function/shared";
    let route = format!("function = {{ viewer_request = \"edge\", viewer_response = \"{arn}\" }}");
    let desired = lower_text(&site(CODE, "", &route)).expect("no mistakes");
    assert_eq!(
        field(&desired, "cloudfront.site", "default_behavior.functions"),
        json!({ "viewer-request": "${function.edge.arn}", "viewer-response": arn })
    );
    let api = resource(&desired, "cloudfront.site").resource.fields();
    assert_eq!(api.pointer("/behaviors/0/functions"), None);
    check(
        CODE,
        "",
        "function = { viewer_request = \"egde\" }",
        &["cloudfront.site.route.1.function.viewer_request: no `function` is called `egde`"],
    );
}

#[test]
fn a_single_page_application_implies_a_function_on_the_bucket_alone() {
    let desired = lower_text(&site(CODE, "single_page = true", "")).expect("no mistakes");
    assert_eq!(
        field(&desired, "cloudfront.site", "default_behavior.functions"),
        json!({ "viewer-request": "${function.cloudfront-site.arn}" })
    );
    let fields = resource(&desired, "cloudfront.site").resource.fields();
    assert_eq!(fields.pointer("/behaviors/0/functions"), None);
    let implied = resource(&desired, "function.cloudfront-site");
    assert_eq!(implied.implied.as_ref().map(|it| it.by.to_string()).as_deref(), Some("cloudfront.site"));
    let code = |distribution: &str| {
        let desired = lower_text(&site(CODE, distribution, "")).expect("no mistakes");
        match &resource(&desired, "function.cloudfront-site").resource {
            crate::kinds::Resource::Function(function) => {
                String::from_utf8(function.code.0.clone()).expect("text")
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(code("single_page = true").contains("ROOT = \"/index.html\";"));
    let other = code("single_page = true\ndefault_root_object = \"app.html\"");
    assert!(other.contains("ROOT = \"/app.html\";"), "{other}");
}

#[test]
fn a_single_page_application_lies_in_a_bucket_and_has_no_other_function() {
    check(
        CODE,
        "single_page = true",
        "function = { viewer_request = \"edge\" }",
        &[
            "cloudfront.site.route.1.function.viewer_request: `single_page` is a function for the same requests, and \
           CloudFront runs one",
        ],
    );
    assert!(
        lower_text(&site(CODE, "single_page = true", "function = { viewer_response = \"edge\" }")).is_ok()
    );
    check(
        CODE,
        "single_page = true\ndefault_root_object = \"\"",
        "",
        &["cloudfront.site.default_root_object: a single-page application has a root object"],
    );
    let served = site(CODE, "single_page = true", "").replace("bucket.web\"", "alb.public\"");
    check_mistakes(&served, &["cloudfront.site.single_page: `alb.public` answers `/*`, which is no bucket"]);
}

#[test]
fn a_function_of_the_name_that_a_single_page_application_implies_is_told() {
    let text = site(CODE, "single_page = true", "").replace("[function.edge]", "[function.cloudfront-site]");
    check_mistakes(
        &text,
        &["function.cloudfront-site: `single_page` of `cloudfront.site` implies a function of this name"],
    );
}
