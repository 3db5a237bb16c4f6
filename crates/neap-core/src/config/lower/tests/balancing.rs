//! Load balancers, listeners, rules and target groups.

use serde_json::json;

use super::*;

/// [`STACK`] with more keys of its listener, before `default`.
fn listener(keys: &str) -> String {
    edited("port = 80\n", &format!("port = 80\n{keys}\n"))
}

/// [`STACK`] with another default action.
fn default(action: &str) -> String {
    STACK.replace("target = { group = \"api\" }", "").replace("{ forward = \"api\" }", action)
}

/// [`STACK`] with a rule.
fn rule(keys: &str) -> String {
    edited("[service.api]", &format!("[[alb.public.listener.http.rule]]\n{keys}\n[service.api]"))
}

/// [`STACK`] with more keys of its target group.
fn group(keys: &str) -> String {
    edited("port = 3000\n\n[alb", &format!("port = 3000\n{keys}\n[alb"))
}

const RULE: &str = "alb.public.listener.http.rule.0";

#[track_caller]
fn check_rule(keys: &str, expected: &str) {
    check_mistakes(&rule(keys), &[&format!("{RULE}.{expected}")]);
}

#[test]
fn a_certificate_makes_a_listener_https() {
    let arn = "arn:aws:acm:eu-west-1:1:certificate/x";
    let desired = lower_text(&listener(&format!("certificate = \"{arn}\""))).expect("no mistakes");
    assert_eq!(field(&desired, "alb.public.listener.http", "protocol"), "HTTPS");
    let expect = |keys: &str, expected: &str| {
        check_mistakes(&listener(keys), &[&format!("alb.public.listener.http.{expected}")]);
    };
    expect("protocol = \"HTTPS\"", "protocol: HTTPS without a certificate");
    expect(&format!("protocol = \"HTTP\"\ncertificate = \"{arn}\""), "certificate: a certificate with HTTP");
    expect("ssl_policy = \"ELBSecurityPolicy-2016-08\"", "ssl_policy: a security policy with HTTP");
    expect("certificate = \"mine\"", "certificate: no `certificate` is called `mine`");
    expect("certificate = \"a b\"", "certificate: `a b` is not the ARN of a certificate");
}

#[test]
fn a_certificate_is_one_of_the_stacks_region_and_account() {
    let stack = |arn: &str| {
        let place = "name = \"course\"\nregion = \"eu-west-1\"\naccount = \"123456789012\"";
        listener(&format!("certificate = \"{arn}\"")).replace("name = \"course\"", place)
    };
    for arn in [
        "arn:aws:acm:eu-west-1:123456789012:certificate/x",
        "arn:aws:iam::123456789012:server-certificate/x",
        "arn:${aws.partition}:acm:${aws.region}:${aws.account}:certificate/x",
    ] {
        assert!(lower_text(&stack(arn)).is_ok(), "{arn}");
    }
    let expect = |arn: &str, expected: &[&str]| {
        let at = |it: &&str| format!("alb.public.listener.http.certificate: {it}");
        let expected: Vec<String> = expected.iter().map(at).collect();
        check_mistakes(&stack(arn), &expected.iter().map(String::as_str).collect::<Vec<_>>());
    };
    expect(
        "arn:aws:acm:us-east-1:999999999999:certificate/x",
        &[
            "the certificate is account 999999999999's, and the stack is for 123456789012",
            "the certificate is in us-east-1, and the load balancer in eu-west-1",
        ],
    );
    for other in ["arn:aws:acm:eu-west-1:123456789012:key/x", "arn:aws:iam::123456789012:role/x", "arn:x"] {
        expect(other, &[&format!("`{other}` is not the ARN of a certificate")]);
    }
}

#[test]
fn a_security_policy_has_the_form_of_its_names() {
    let keys = |policy: &str| {
        listener(&format!(
            "certificate = \"arn:aws:acm:eu-west-1:1:certificate/x\"\nssl_policy = \"{policy}\""
        ))
    };
    assert!(lower_text(&keys("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04")).is_ok());
    check_mistakes(
        &keys("TLS13-1-2-2021-06"),
        &["alb.public.listener.http.ssl_policy: `TLS13-1-2-2021-06` is not the name of a security policy"],
    );
}

#[test]
fn listeners_of_a_load_balancer_have_ports_of_their_own() {
    check_more(
        "[alb.public.listener.other]\nport = 80\ndefault = { forward = \"api\" }\n",
        "alb.public.listener.other.port: port 80 is taken by `alb.public.listener.http`",
    );
}

#[test]
fn exactly_one_action_is_taken() {
    check_mistakes(&default("{}"), &["alb.public.listener.http.default: no action"]);
    check_mistakes(
        &default("{ forward = \"api\", fixed_response = { status = 404 } }"),
        &["alb.public.listener.http.default: `forward`, `fixed_response` exclude each other"],
    );
    check_mistakes(&rule("priority = 1\nwhen = { path = [\"/\"] }"), &[&format!("{RULE}: no action")]);
}

#[test]
fn redirects_lead_elsewhere() {
    let redirect = |keys: &str| default(&format!("{{ redirect = {{ {keys} }} }}"));
    let desired = lower_text(&redirect("protocol = \"HTTPS\"")).expect("no mistakes");
    assert_eq!(
        field(&desired, "alb.public.listener.http", "default_action"),
        json!({
            "type": "redirect", "protocol": "HTTPS", "host": "#{host}", "port": "443",
            "path": "/#{path}", "query": "#{query}", "status": 301,
        })
    );
    let place = "alb.public.listener.http.default.redirect";
    for keys in ["status = 302", "protocol = \"HTTP\"", "port = 80", "query = \"x\"", "host = \"#{host}\""] {
        let expected = format!("{place}: the redirect leads back to where it comes from");
        check_mistakes(&redirect(keys), &[&expected]);
    }
    for keys in ["host = \"a.example\"", "path = \"/x\"", "port = 81"] {
        assert!(lower_text(&redirect(keys)).is_ok(), "{keys}");
    }
    check_mistakes(
        &redirect("path = \"x\""),
        &[&format!("{place}.path: the path `x` does not begin with a slash")],
    );
    let https = redirect("protocol = \"HTTP\"")
        .replace("port = 80", "port = 443\ncertificate = \"arn:aws:acm:eu-west-1:1:certificate/x\"");
    check_mistakes(&https, &[&format!("{place}.protocol: AWS does not redirect from HTTPS to HTTP")]);
}

#[test]
fn fixed_responses_have_a_status_that_aws_gives() {
    check_mistakes(
        &default("{ fixed_response = { status = 301 } }"),
        &["alb.public.listener.http.default.fixed_response.status: a fixed response cannot have status 301"],
    );
}

#[test]
fn weights_are_shares() {
    let weights = |weights: &str| {
        default(&format!("{{ forward = {{ weights = {{ {weights} }}, stickiness = 60 }} }}"))
            + "[target_group.b]\nport = 1\n"
    };
    let desired = lower_text(&weights("api = 9, b = 1")).expect("no mistakes");
    let action = field(&desired, "alb.public.listener.http", "default_action");
    assert_eq!(action["stickiness_seconds"], 60);
    assert_eq!(action["target_groups"][1], json!({ "target_group": "${target_group.b.arn}", "weight": 1 }));
    let place = "alb.public.listener.http.default.forward.weights";
    check_mistakes(&weights("api = 0, b = 0"), &[&format!("{place}: no target group has a weight above 0")]);
    check_mistakes(&weights("api = 1000"), &[&format!("{place}.api: the weight 1000 is above 999")]);
    check_mistakes(&weights(""), &[&format!("{place}: 0 target groups; AWS takes 1 to 5")]);
    check_mistakes(&weights("c = 1"), &[&format!("{place}.c: no `target_group` is called `c`")]);
}

#[test]
fn priorities_are_taken_once() {
    let one = "priority = 7\nwhen = { path = [\"/a\"] }\nforward = \"api\"\n";
    let text = rule(&format!("{one}[[alb.public.listener.http.rule]]\n{one}"));
    check_mistakes(
        &text,
        &[
            "alb.public.listener.http.rule.1.priority: rules 1 and 2 of `alb.public.listener.http` both have priority 7",
        ],
    );
}

#[test]
fn conditions_are_what_a_request_can_have() {
    let when = |when: &str| format!("priority = 1\nforward = \"api\"\nwhen = {{ {when} }}");
    let desired =
        lower_text(&rule(&when("host = [\"A.Example\"], method = [\"GET\"], query = { v = \"1\" }")))
            .expect("no mistakes");
    let conditions = field(&desired, "alb.public.listener.http.rule.1", "conditions");
    assert_eq!(conditions["host"], json!(["a.example"]));
    assert_eq!(conditions["query"], json!([{ "key": "v", "value": "1" }]));
    check_rule(&when(""), "when: the rule takes no request");
    check_rule(
        &when("path = [\"api\"]"),
        "when.path.0: no request has the path `api`: paths begin with a slash",
    );
    check_rule(
        &when("method = [\"get\"]"),
        "when.method.0: methods are written in capitals: `get` fits nothing",
    );
    check_rule(&when("method = [\"G T\"]"), "when.method.0: `G T` is not a method");
    check_rule(
        &when("source_ip = [\"10.0.0.1/8\"], path = [\"/\"]"),
        "when.source_ip.0: `10.0.0.1/8` has bits outside its mask",
    );
    check_rule(&when("source_ip = [\"x\"], path = [\"/\"]"), "when.source_ip.0: `x` is not a CIDR");
    check_rule(&when("header = { Host = \"a\" }"), "when.header.Host: AWS matches hosts by `host`");
    check_rule(
        &when("path = [\"/a\", \"/b\", \"/c\"], host = [\"a\", \"b\", \"c\"]"),
        "when: 6 values; AWS takes at most 5 in one rule",
    );
    check_rule(
        &when(&format!("path = [\"/{}\"]", "x".repeat(128))),
        "when.path.0: a value of 129 characters; AWS takes 1 to 128",
    );
}

#[test]
fn health_checks_are_what_aws_takes() {
    let check = |keys: &str| group(&format!("health_check = {{ {keys} }}"));
    let desired = lower_text(&check("interval = 5")).expect("no mistakes");
    assert_eq!(
        field(&desired, "target_group.api", "health_check"),
        json!({
            "protocol": "HTTP", "port": "traffic-port", "path": "/", "matcher": "200",
            "interval_seconds": 5, "timeout_seconds": 4, "healthy_threshold": 5, "unhealthy_threshold": 2,
        })
    );
    let expect = |keys: &str, expected: &str| {
        check_mistakes(&check(keys), &[&format!("target_group.api.health_check.{expected}")]);
    };
    expect("path = \"health\"", "path: the path `health` does not begin with a slash");
    expect("interval = 10, timeout = 10", "timeout: the timeout of 10 seconds is not less than the interval");
    for matcher in ["", "ok", "200-", "299-200", "100", "200;201", "600"] {
        expect(
            &format!("matcher = \"{matcher}\""),
            &format!("matcher: `{matcher}` does not name status codes from 200 to 499"),
        );
    }
    for matcher in ["200", "200,202", "200-399", "200,300-302"] {
        assert!(lower_text(&check(&format!("matcher = \"{matcher}\""))).is_ok(), "{matcher}");
    }
}

#[test]
fn slow_starts_and_cookies_are_what_aws_takes() {
    let expect = |keys: &str, expected: &str| {
        check_mistakes(&group(keys), &[&format!("target_group.api.{expected}")]);
    };
    expect("slow_start = 10", "slow_start: a slow start of 10 seconds is too short");
    expect(
        "slow_start = 30\nalgorithm = \"weighted_random\"",
        "slow_start: AWS has no slow start with `weighted_random`",
    );
    expect(
        "stickiness = { duration = 60, cookie = \"AWSALBX\" }",
        "stickiness.cookie: `AWSALBX` is the load balancer's own cookie",
    );
    let desired = lower_text(&group("stickiness = { duration = 60 }")).expect("no mistakes");
    assert_eq!(field(&desired, "target_group.api", "stickiness.cookie"), "lb_cookie");
}

#[test]
fn newer_versions_of_http_need_tls() {
    check_mistakes(
        &group("protocol_version = \"GRPC\""),
        &[
            "alb.public.listener.http.default.forward: `target_group.api` speaks GRPC, which needs an HTTPS listener",
        ],
    );
    let text = group("protocol_version = \"GRPC\"")
        .replace("port = 80\n", "port = 443\ncertificate = \"arn:aws:acm:eu-west-1:1:certificate/x\"\n");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "target_group.api", "health_check.path"), "/AWS.ALB/healthcheck");
    assert_eq!(field(&desired, "target_group.api", "health_check.matcher"), "12");
}

#[test]
fn a_target_group_belongs_to_one_load_balancer() {
    check_more(
        "[alb.zebra.listener.http]\nport = 80\ndefault = { forward = \"api\" }\n",
        "alb.zebra.listener.http.default.forward: `target_group.api` already belongs to `alb.public`",
    );
}

#[test]
fn a_load_balancer_needs_two_subnets() {
    let alb =
        |keys: &str| edited("[alb.public.listener", &format!("[alb.public]\n{keys}\n[alb.public.listener"));
    check_mistakes(
        &alb("subnets = [\"subnet-1\"]"),
        &["alb.public.subnets: one subnet; a load balancer needs two at least"],
    );
    check_mistakes(
        &alb("subnets = [\"subnet-1\", \"a\"]"),
        &["alb.public.subnets.1: `a` is not the id of a subnet"],
    );
    let desired = lower_text(&alb("subnets = [\"subnet-1\", \"subnet-2\"]")).expect("no mistakes");
    assert_eq!(field(&desired, "alb.public", "subnets"), json!(["subnet-1", "subnet-2"]));
}
