//! Classic load balancers: their defaults, who reaches whom, and which services can stand behind one.

use serde_json::json;

use super::*;

/// A service on instances, whose container answers on port 3000 behind this port of its instance.
fn behind(ports: &str, clb: &str) -> String {
    on_instances("")
        .replace("\n[target_group.api]\nport = 3000\n", "")
        .replace("\n[alb.public.listener.http]\nport = 80\ndefault = { forward = \"api\" }\n", clb)
        .replace("port = 3000\n", ports)
        .replace("target = { group = \"api\" }", "target = { clb = \"old\" }")
}

const FIXED: &str = "ports = [{ port = 3000, host_port = 8080 }]\n";
const OLD: &str = "\n[clb.old.listener.http]\nport = 80\ninstance_port = 8080\n";

#[test]
fn a_classic_load_balancer_reaches_the_fixed_port_of_its_instances() {
    let desired = lower_text(&behind(FIXED, OLD)).expect("no mistakes");
    let listener = json!({
        "protocol": "HTTP", "instance_port": 8080, "instance_protocol": "HTTP", "certificate": null,
    });
    assert_eq!(field(&desired, "clb.old", "listeners"), json!({ "80": listener }));
    assert_eq!(field(&desired, "clb.old", "health_check.target"), "TCP:8080");
    assert_eq!(field(&desired, "clb.old", "subnets"), json!(["${network.subnets}"]));
    let target = json!({ "load_balancer": "${clb.old.name}", "container": "app", "port": 3000 });
    assert_eq!(field(&desired, "service.api", "classic"), target);
    assert_eq!(field(&desired, "service.api", "health_check_grace_seconds"), 60);
    let rule = |port: u16, peer: &str, description: &str| {
        json!([{
            "protocol": "tcp", "from_port": port, "to_port": port, "peer": peer, "description": description,
        }])
    };
    assert_eq!(field(&desired, "security_group.clb-old", "ingress"), rule(80, "0.0.0.0/0", "to clb.old"));
    assert_eq!(
        field(&desired, "security_group.cluster-main", "ingress"),
        rule(8080, "${security_group.clb-old.id}", "from clb.old")
    );
}

#[test]
fn ecs_does_not_level_the_zones_of_what_is_behind_one() {
    let levels =
        |text: &str| field(&lower_text(text).expect("no mistakes"), "service.api", "zone_rebalancing");
    let many = |text: String| text.replace("[service.api]\n", "[service.api]\nmaximum_percent = 200\n");
    assert_eq!(levels(&many(on_instances(""))), "ENABLED");
    assert_eq!(levels(&many(behind(FIXED, OLD))), "DISABLED");
}

#[test]
fn a_path_is_checked_by_http_or_as_the_instances_speak() {
    let check = |listener: &str, check: &str, expected: &str| {
        let clb = format!("\n[clb.old]\nhealth_check = {check}\n{OLD}{listener}");
        let desired = lower_text(&behind(FIXED, &clb)).expect("no mistakes");
        assert_eq!(field(&desired, "clb.old", "health_check.target"), expected);
    };
    check("", "{ path = \"/health\" }", "HTTP:8080/health");
    check("instance_protocol = \"HTTPS\"\n", "{ path = \"/health\" }", "HTTPS:8080/health");
    check("", "{ protocol = \"HTTP\", port = 9000 }", "HTTP:9000/");
}

#[test]
fn a_cookie_keeps_a_client_with_its_instance() {
    let check = |table: &str, expected: Value| {
        let desired =
            lower_text(&behind(FIXED, &format!("{OLD}stickiness = {table}\n"))).expect("no mistakes");
        assert_eq!(field(&desired, "clb.old", "listeners.80.stickiness"), expected, "{table}");
    };
    check("{}", json!({ "cookie": "lb_cookie", "cookie_name": null }));
    check("{ duration = 60 }", json!({ "cookie": "lb_cookie", "duration_seconds": 60, "cookie_name": null }));
    check("{ cookie = \"session\" }", json!({ "cookie": "app_cookie", "cookie_name": "session" }));
    let at = "clb.old.listener.http.stickiness";
    let mistakes = |listener: &str, expected: &[&str]| {
        check_mistakes(&behind(FIXED, &format!("{OLD}{listener}\n")), expected);
    };
    mistakes("protocol = \"TCP\"\nstickiness = {}", &[&format!("{at}: a listener of TCP sees no cookies")]);
    mistakes(
        "stickiness = { cookie = \"AWSELB\", duration = 60 }",
        &[
            &format!("{at}.cookie: `AWSELB` is the load balancer's own cookie"),
            &format!("{at}.duration: a duration beside the application's cookie"),
        ],
    );
}

#[test]
fn a_distribution_asks_a_listener_of_http() {
    let site = "\n[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"clb.old\"\n";
    let desired = lower_text(&behind(FIXED, &format!("{OLD}{site}"))).expect("no mistakes");
    let origin = field(&desired, "cloudfront.site", "origins")["clb.old"].clone();
    assert_eq!(origin["domain"], "${clb.old.dns_name}");
    assert_eq!([&origin["protocol_policy"], &origin["http_port"]], [&json!("http-only"), &json!(80)]);
    let at = "cloudfront.site.route.0.origin";
    let check = |listener: &str, expected: &[&str]| {
        check_mistakes(&behind(FIXED, &format!("{listener}{site}")), expected);
    };
    check(
        &OLD.replace("[clb.old.listener.http]", "[clb.old]\nscheme = \"internal\"\n[clb.old.listener.http]"),
        &[&format!("{at}: `clb.old` is internal, so CloudFront cannot reach it")],
    );
    check(
        &format!("{OLD}protocol = \"TCP\"\n"),
        &[&format!("{at}: `clb.old` has no listener that CloudFront could ask")],
    );
}

#[test]
fn a_service_that_no_instance_stands_for_is_told() {
    let at = "service.api.target.clb";
    check_mistakes(
        &behind("port = 3000\n", OLD),
        &[&format!("{at}: `app` has no fixed port on its instance")],
    );
    let other = "ports = [{ port = 3000, host_port = 9000 }]\n";
    let mistake = format!("{at}: no listener of `clb.old` asks port 9000, on which `app` answers");
    check_mistakes(&behind(other, OLD), &[&mistake]);
    let own = behind("port = 3000\n", OLD).replace("[task.api]", "[task.api]\nnetwork_mode = \"awsvpc\"");
    let mistake =
        format!("{at}: tasks with network mode `awsvpc` cannot stand behind a classic load balancer");
    check_mistakes(&own, &[&mistake]);
}

#[test]
fn two_services_do_not_share_a_classic_load_balancer() {
    let second = "\n[service.two]\ncluster = \"main\"\ntask = \"api\"\ntarget = { clb = \"old\" }\n";
    check_mistakes(
        &format!("{}{second}", behind(FIXED, OLD)),
        &[
            "service.api.target.clb: `service.two` stands behind `clb.old` too",
            "service.two.target.clb: `service.api` stands behind `clb.old` too",
        ],
    );
}

#[test]
fn what_aws_would_refuse_of_listeners_and_checks_is_told() {
    let check = |clb: &str, mistakes: &[&str]| {
        check_mistakes(&behind(FIXED, &format!("{OLD}{clb}")), mistakes);
    };
    check("instance_protocol = \"TCP\"\n", &["clb.old.listener.http.instance_protocol: TCP behind HTTP"]);
    check("protocol = \"SSL\"\n", &["clb.old.listener.http.protocol: SSL without a certificate"]);
    check(
        "ssl_policy = \"ELBSecurityPolicy-2016-08\"\n",
        &["clb.old.listener.http.ssl_policy: a listener of HTTP has no `ssl_policy`"],
    );
    check(
        "\n[clb.old.listener.two]\nport = 81\ninstance_port = 8080\ninstance_protocol = \"HTTPS\"\n",
        &["clb.old.listener.two.instance_port: port 8080 speaks TLS for one listener and not for another"],
    );
    check(
        "certificate = \"arn:aws:acm:eu-west-1:123456789012:certificate/x\"\nssl_policy = \"ELBSecurityPolicy-TLS13-1-2-2021-06\"\n",
        &[
            "clb.old.listener.http.ssl_policy: a classic load balancer does not know `ELBSecurityPolicy-TLS13-1-2-2021-06`",
        ],
    );
    check("\n[clb.none]\n", &["clb.none: a classic load balancer without a listener"]);
    check(
        "\n[clb.old.health_check]\ninterval = 5\ntimeout = 5\n",
        &["clb.old.health_check.timeout: the timeout of 5 seconds is not less than the interval"],
    );
}
