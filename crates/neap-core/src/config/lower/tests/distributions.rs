//! CloudFront distributions.

use serde_json::json;

use super::*;

/// Routes as inline tables after a distribution's keys.
fn site(keys: &str, routes: &[&str]) -> String {
    let route = |route: &&str| format!("[[cloudfront.site.route]]\n{route}\n");
    format!("[cloudfront.site]\n{keys}\n{}", routes.iter().map(route).collect::<String>())
}

const REST: &str = "path = \"/*\"\norigin = \"https://example.com\"";
const API: &str = "path = \"/api/*\"\norigin = \"alb.public\"";

#[track_caller]
fn check(routes: &[&str], expected: &str) {
    check_more(&site("", routes), &format!("cloudfront.site.{expected}"));
}

#[test]
fn a_load_balancer_sees_everything_and_nothing_of_it_is_kept() {
    let desired = with(&site("", &[API, REST]));
    assert_eq!(
        field(&desired, "cloudfront.site", "behaviors.0"),
        json!({
            "path": "/api/*",
            "origin": "alb.public",
            "viewer_protocol": "redirect-to-https",
            "methods": ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
            "cached_methods": ["GET", "HEAD"],
            "cache_policy": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "origin_request_policy": "216adef6-5c7f-47e4-b989-5492eafa07d3",
            "compress": true,
        })
    );
    let default = field(&desired, "cloudfront.site", "default_behavior");
    assert_eq!(default["path"], "*");
    assert_eq!(default["methods"], json!(["GET", "HEAD"]));
    assert_eq!(default["cache_policy"], "658327ea-f89d-4fab-a63d-7e88639e58f6");
    assert_eq!(default["origin_request_policy"], Value::Null);
    assert_eq!(field(&desired, "cloudfront.site", "price_class"), "PriceClass_200");
}

#[test]
fn the_comment_says_whose_it_is() {
    let desired = with(&site("comment = \"a site\"", &[REST]));
    assert_eq!(field(&desired, "cloudfront.site", "comment"), "a site (course/cloudfront.site)");
    assert_eq!(field(&desired, "cloudfront.site", "caller_reference"), "neap/course/cloudfront.site");
    let desired = with(&site("", &[REST]));
    assert_eq!(field(&desired, "cloudfront.site", "comment"), "neap (course/cloudfront.site)");
    let long = "x".repeat(110);
    check_more(
        &site(&format!("comment = \"{long}\""), &[REST]),
        "cloudfront.site.comment: the comment has 110 characters",
    );
}

#[test]
fn urls_say_how_an_origin_is_asked() {
    let origin = |url: &str| {
        let desired = with(&site("", &[&format!("path = \"/*\"\norigin = \"{url}\"")]));
        field(&desired, "cloudfront.site", "origins")
    };
    assert_eq!(
        origin("http://example.com:8080/a/"),
        json!({ "example.com": {
            "domain": "example.com", "path": "/a", "protocol_policy": "http-only",
            "http_port": 8080, "https_port": 443, "headers": {},
        } })
    );
    assert_eq!(origin("https://example.com:8443")["example.com"]["https_port"], 8443);
    for url in [
        "ftp://example.com",
        "https://",
        "https://nodot",
        "https://a.b?x",
        "https://a.b:x",
        "https://a b.c",
        "https://1.2.3.4",
        "https://-x.example.com",
        "https://x..com",
    ] {
        let expected = format!("route.0.origin: `{url}` is not a URL that can be an origin");
        check(&[&format!("path = \"/*\"\norigin = \"{url}\"")], &expected);
    }
    check(
        &["path = \"/*\"\norigin = \"http://a.b:81\""],
        "route.0.origin: CloudFront does not ask origins on port 81",
    );
}

#[test]
fn routes_of_one_origin_share_it() {
    let other = "path = \"/a\"\norigin = \"https://example.com\"\norigin_headers = { x-a = \"1\" }";
    let desired = with(&site("", &[other, REST]));
    let origins = field(&desired, "cloudfront.site", "origins");
    assert_eq!(origins.as_object().expect("origins").len(), 1);
    assert_eq!(origins["example.com"]["headers"], json!({ "x-a": "1" }));
    let elsewhere = "path = \"/a\"\norigin = \"https://example.com/sub\"";
    let desired = with(&site("", &[elsewhere, REST]));
    assert_eq!(field(&desired, "cloudfront.site", "default_behavior.origin"), "https://example.com");
    let again = "path = \"/b\"\norigin = \"https://example.com\"\norigin_headers = { x-a = \"2\" }";
    check(&[other, again, REST], "route.1.origin_headers.x-a: `example.com` gets another `x-a` already");
    check(
        &["path = \"/*\"\norigin = \"alb.public\"\norigin_headers = { Host = \"x\" }"],
        "route.0.origin_headers.Host: CloudFront sets `Host` itself",
    );
    let cased = other.replace("x-a = \"1\"", "X-A = \"2\"").replace("/a", "/b");
    check(&[other, &cased, REST], "route.1.origin_headers.X-A: `example.com` gets another `x-a` already");
    let same = cased.replace('2', "1");
    let desired = with(&site("", &[other, &same, REST]));
    assert_eq!(
        field(&desired, "cloudfront.site", "origins")["example.com"]["headers"],
        json!({ "x-a": "1" })
    );
}

#[test]
fn what_is_no_header_is_told_all_at_once() {
    let headers = "{ \"a b\" = \"1\", x-a = \"\", x-b = \"1\\nx-c: 2\" }";
    let route = format!("path = \"/*\"\norigin = \"alb.public\"\norigin_headers = {headers}");
    let value = |name: &str| {
        format!(
            "cloudfront.site.route.0.origin_headers.{name}: what `{name}` is set to cannot be the value of a header"
        )
    };
    let name = "cloudfront.site.route.0.origin_headers.a b: `a b` cannot be the name of a header";
    check_mistakes(&format!("{STACK}{}", site("", &[&route])), &[name, &value("x-a"), &value("x-b")]);
}

#[test]
fn the_listener_that_answers_is_asked() {
    let on = |site_keys: &str, listeners: &str| {
        format!("[alb.b]\n{listeners}") + &site(site_keys, &["path = \"/*\"\norigin = \"alb.b\""])
    };
    let alb = |listeners: &str| on("", listeners);
    let named = "aliases = [\"app.example.com\"]\ncertificate = \"arn:aws:acm:us-east-1:1:certificate/x\"\n";
    let origin =
        |listeners: &str| field(&with(&on(named, listeners)), "cloudfront.site", "origins")["alb.b"].clone();
    let http = "[alb.b.listener.http]\nport = 8080\ndefault = { fixed_response = { status = 404 } }\n";
    let https = "[alb.b.listener.https]\nport = 443\ncertificate = \"arn:aws:acm:eu-west-1:1:certificate/x\"\ndefault = { fixed_response = { status = 404 } }\n";
    let away = "[alb.b.listener.http]\nport = 80\ndefault = { redirect = { protocol = \"HTTPS\" } }\n";
    assert_eq!(origin(http)["http_port"], 8080);
    assert_eq!(origin(&format!("{http}{https}"))["protocol_policy"], "http-only");
    assert_eq!(origin(https)["protocol_policy"], "https-only");
    assert_eq!(origin(&format!("{away}{https}"))["protocol_policy"], "https-only", "or it would never end");
    check_more(
        &alb(https),
        "cloudfront.site.route.0.origin: CloudFront would ask `alb.b` by HTTPS, by a name that no certificate is for",
    );
    check_more(&alb(""), "cloudfront.site.route.0.origin: `alb.b` has no listener that CloudFront could ask");
    check_more(
        &alb(&format!("scheme = \"internal\"\n{http}")),
        "cloudfront.site.route.0.origin: `alb.b` is internal, so CloudFront cannot reach it",
    );
}

#[test]
fn a_load_balancer_that_is_asked_by_https_has_a_certificate_for_the_viewers_host() {
    let listener = "[alb.b.listener.https]\nport = 443\ncertificate = \"b\"\ndefault = { fixed_response = { status = 404 } }\n";
    let edge = "aliases = [\"app.example.com\"]\ncertificate = \"arn:aws:acm:us-east-1:1:certificate/x\"";
    let text = |names: &str, extra: &str, route: &str| {
        let route = format!("path = \"/*\"\norigin = \"alb.b\"\n{route}");
        let listener = listener.replace("default", &format!("{extra}default"));
        format!("{listener}[certificate.b]\n{names}\n[certificate.c]\ndomain = \"app.example.com\"\n")
            + &site(edge, &[&route])
    };
    let at = "cloudfront.site.route.0.origin: CloudFront would ask `alb.b` by HTTPS";
    let other = "domain = \"origin.example.com\"";
    let unfit = text(other, "", "");
    check_more(&unfit, &format!("{at} for `app.example.com`, and its certificate is not for that"));
    let named = "add `app.example.com` to the `alternative_names` of `[certificate.b]`: CloudFront hands the viewer's host on";
    assert_eq!(help(&format!("{STACK}{unfit}"))[0], named);
    with(&text("domain = \"*.example.com\"", "", ""));
    with(&text(&format!("{other}\nalternative_names = [\"app.example.com\"]"), "", ""));
    with(&text(other, "extra_certificates = [\"c\"]\n", ""));
    // What that one is for, nobody here knows.
    let outside = "extra_certificates = [\"arn:aws:acm:eu-west-1:1:certificate/y\"]\n";
    with(&text(other, outside, ""));
    with(&text("domain = \"app.example.com\"", "", "origin_request = \"none\"\ncache = \"Amplify\""));
    let hidden = text("domain = \"app.example.com\"", "", "origin_request = \"AllViewerExceptHostHeader\"");
    check_more(&hidden, &format!("{at}, by a name that no certificate is for"));
}

#[test]
fn origins_that_are_none_are_told() {
    let origin = |origin: &str| format!("path = \"/*\"\norigin = \"{origin}\"");
    check(
        &[&origin("service.api")],
        "route.0.origin: `service.api` is a `service`, which cannot be an origin",
    );
    check(&[&origin("public")], "route.0.origin: `public` is no origin");
    check(&[&origin("alb.pubic")], "route.0.origin: there is no `alb.pubic` in this stack");
    let text = format!("{STACK}{}", site("", &[&origin("public")]));
    assert_eq!(help(&text)[0], "did you mean `alb.public`?");
}

#[test]
fn paths_are_told_apart_and_the_rest_is_there() {
    check(&[API], "route: no route for the rest of the paths");
    check(&[API, API, REST], "route.1.path: routes 1 and 2 both have the path `/api/*`");
    check(&["path = \"*\"\norigin = \"alb.public\""], "route.0.path: the rest of the paths is written `/*`");
    check(
        &["path = \"a\"\norigin = \"alb.public\"", REST],
        "route.0.path: the path `a` does not begin with a slash",
    );
    for path in ["/a b", "/a/{x}", "/api?x=1", &format!("/{}", "a".repeat(255))] {
        let route = format!("path = \"{path}\"\norigin = \"alb.public\"");
        check(&[&route, REST], &format!("route.0.path: CloudFront takes no path `{path}`"));
    }
    check_more("[cloudfront.site]\n", "cloudfront.site.route: no route for the rest of the paths");
}

#[test]
fn policies_are_named_as_aws_names_them() {
    let cache = format!("{REST}\ncache = \"CachingOptimised\"");
    check(&[&cache], "route.0.cache: CloudFront has no managed cache policy `CachingOptimised`");
    assert_eq!(help(&format!("{STACK}{}", site("", &[&cache])))[0], "did you mean `CachingOptimized`?");
    check(
        &[&format!("{REST}\norigin_request = \"All\"")],
        "route.0.origin_request: CloudFront has no managed origin-request policy `All`",
    );
    let security = format!("{REST}\nresponse_headers = \"SecurityHeaderPolicy\"");
    check(
        &[&security],
        "route.0.response_headers: CloudFront has no managed response-headers policy `SecurityHeaderPolicy`",
    );
    assert_eq!(
        help(&format!("{STACK}{}", site("", &[&security])))[0],
        "did you mean `SecurityHeadersPolicy`?"
    );
    let desired = with(&site("", &["path = \"/*\"\norigin = \"alb.public\"\norigin_request = \"none\""]));
    assert_eq!(field(&desired, "cloudfront.site", "default_behavior.origin_request_policy"), Value::Null);
}

#[test]
fn a_route_sets_the_headers_of_its_answers_alone() {
    let cors = format!("{API}\nresponse_headers = \"CORS-With-Preflight\"");
    let desired = with(&site("", &[&cors, REST]));
    let behavior = field(&desired, "cloudfront.site", "behaviors")[0].clone();
    assert_eq!(behavior["response_headers_policy"], "5cc3b908-e619-4b99-88e5-2cf7f45965bd");
    let default = field(&desired, "cloudfront.site", "default_behavior");
    assert_eq!(default.get("response_headers_policy"), None);
}

#[test]
fn a_root_object_has_no_slash() {
    check_more(
        &site("default_root_object = \"/index.html\"", &[REST]),
        "cloudfront.site.default_root_object: `/index.html` begins with a slash",
    );
}
