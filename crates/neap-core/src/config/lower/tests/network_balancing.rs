//! Network load balancers, their listeners, and the target groups behind them.

use serde_json::json;

use super::*;

/// A stack whose service speaks TCP behind a network load balancer; `group` and `listener` are more keys of those tables.
fn tcp(group: &str, listener: &str) -> String {
    STACK
        .replace(
            "[target_group.api]\nport = 3000\n",
            &format!("[target_group.api]\nport = 3000\nprotocol = \"TCP\"\n{group}\n"),
        )
        .replace(
            "[alb.public.listener.http]\nport = 80\ndefault = { forward = \"api\" }",
            &format!("[nlb.mqtt.listener.plain]\nport = 1883\nforward = \"api\"\n{listener}"),
        )
}

/// The same with UDP, in the group and in the container.
fn udp(text: &str) -> String {
    text.replace("\"TCP\"", "\"UDP\"")
        .replace("port = 3000\n\n[target", "ports = [{ port = 3000, protocol = \"udp\" }]\n\n[target")
}

#[track_caller]
fn check(group: &str, listener: &str, expected: &[&str]) {
    check_mistakes(&tcp(group, listener), expected);
}

#[test]
fn a_listener_takes_its_protocol_from_its_target_group() {
    let desired = lower_text(&tcp("", "")).expect("no mistakes");
    assert_eq!(field(&desired, "nlb.mqtt.listener.plain", "protocol"), "TCP");
    assert_eq!(field(&desired, "nlb.mqtt.listener.plain", "load_balancer"), "${nlb.mqtt.arn}");
    let by_udp = udp(&tcp("", ""));
    assert_eq!(
        field(&lower_text(&by_udp).expect("no mistakes"), "nlb.mqtt.listener.plain", "protocol"),
        "UDP"
    );
}

#[test]
fn a_group_below_http_has_what_aws_gives_such_groups() {
    let desired = lower_text(&tcp("", "")).expect("no mistakes");
    let group = resource(&desired, "target_group.api").resource.fields();
    for absent in ["protocol_version", "slow_start_seconds", "algorithm"] {
        assert_eq!(group[absent], Value::Null, "{absent}");
    }
    let expected = json!({
        "protocol": "TCP", "port": "traffic-port", "interval_seconds": 30, "timeout_seconds": 10,
        "healthy_threshold": 5, "unhealthy_threshold": 2,
    });
    assert_eq!(group["health_check"], expected);
    let switches =
        ["preserve_client_ip", "proxy_protocol", "connection_termination"].map(|key| group[key].clone());
    assert_eq!(switches, [false, false, false], "tasks register with addresses of their own");
}

#[test]
fn the_path_is_open_in_the_protocols_that_are_spoken() {
    let ingress = |text: &str, group: &str| -> Vec<String> {
        let desired = lower_text(text).expect("no mistakes");
        let rules = resource(&desired, group).resource.fields()["ingress"].clone();
        let rule = |rule: &Value| {
            format!("{} {} {}", rule["protocol"], rule["from_port"], rule["peer"]).replace('"', "")
        };
        rules.as_array().expect("rules").iter().map(rule).collect()
    };
    let text = tcp("", "");
    assert_eq!(ingress(&text, "security_group.nlb-mqtt"), ["tcp 1883 0.0.0.0/0"]);
    assert_eq!(ingress(&text, "security_group.service-api"), ["tcp 3000 ${security_group.nlb-mqtt.id}"]);
    // Health checks come by TCP, on the same port unless there is another.
    let by_udp = udp(&text);
    assert_eq!(ingress(&by_udp, "security_group.nlb-mqtt"), ["udp 1883 0.0.0.0/0"]);
    let both = ["tcp 3000 ${security_group.nlb-mqtt.id}", "udp 3000 ${security_group.nlb-mqtt.id}"];
    assert_eq!(ingress(&by_udp, "security_group.service-api"), both);
    let checked = udp(&tcp("health_check = { port = 8080 }", ""));
    let apart = ["tcp 8080 ${security_group.nlb-mqtt.id}", "udp 3000 ${security_group.nlb-mqtt.id}"];
    assert_eq!(ingress(&checked, "security_group.service-api"), apart);
}

#[test]
fn a_container_opens_its_port_in_the_protocols_of_its_group() {
    let both = tcp("", "").replace("\"TCP\"", "\"TCP_UDP\"");
    check_mistakes(
        &both,
        &["service.api.target.group: `app` opens port 3000 for TCP alone, and the group speaks UDP too"],
    );
    let opened = both.replace(
        "port = 3000\n\n[target",
        "ports = [{ port = 3000 }, { port = 3000, protocol = \"udp\" }]\n\n[target",
    );
    assert_eq!(
        field(&lower_text(&opened).expect("no mistakes"), "nlb.mqtt.listener.plain", "protocol"),
        "TCP_UDP"
    );
    let by_tcp = tcp("", "").replace("\"TCP\"", "\"UDP\"");
    check_mistakes(&by_tcp, &["service.api.target: no container of `task.api` opens a port"]);
}

#[test]
fn requests_behind_a_network_load_balancer_scale_nothing() {
    let scaled = format!("{}scaling = {{ min = 1, max = 2, requests_per_target = 100 }}\n", tcp("", ""));
    check_mistakes(
        &scaled,
        &["service.api.scaling.requests_per_target: `nlb.mqtt` sees connections and counts no requests"],
    );
}

#[test]
fn a_service_waits_for_the_listener_that_leads_to_it() {
    let desired = lower_text(&tcp("", "")).expect("no mistakes");
    let after: Vec<String> =
        resource(&desired, "service.api").after.iter().map(ToString::to_string).collect();
    assert!(after.contains(&"nlb.mqtt.listener.plain".to_owned()), "{after:?}");
}

#[test]
fn a_listener_of_tcp_alone_forgets_connections_when_it_is_told() {
    let idle = |text: &str| {
        let desired = lower_text(&tcp("", text)).expect("no mistakes");
        field(&desired, "nlb.mqtt.listener.plain", "idle_timeout_seconds")
    };
    assert_eq!(idle(""), 350);
    assert_eq!(idle("idle_timeout = 6000"), 6000);
    let secured = "certificate = \"arn:aws:acm:eu-west-1:1:certificate/x\"\nidle_timeout = 350";
    check("", secured, &["nlb.mqtt.listener.plain.idle_timeout: a listener of TLS has no `idle_timeout`"]);
}

#[test]
fn tls_has_a_certificate_and_nothing_else_has_one() {
    let arn = "arn:aws:acm:eu-west-1:1:certificate/x";
    let secured = format!("certificate = \"{arn}\"\nalpn_policy = \"HTTP2Preferred\"");
    let desired = lower_text(&tcp("", &secured)).expect("no mistakes");
    assert_eq!(field(&desired, "nlb.mqtt.listener.plain", "protocol"), "TLS");
    assert_eq!(field(&desired, "nlb.mqtt.listener.plain", "alpn_policy"), "HTTP2Preferred");
    let own = format!(
        "{}[certificate.mqtt]\ndomain = \"mqtt.example.com\"\n",
        tcp("", "").replace("forward = \"api\"\n", "forward = \"api\"\ncertificate = \"mqtt\"\n")
    );
    let desired = lower_text(&own).expect("no mistakes");
    assert_eq!(field(&desired, "nlb.mqtt.listener.plain", "certificate"), "${certificate.mqtt.arn}");
    check("", "protocol = \"TLS\"", &["nlb.mqtt.listener.plain.protocol: TLS without a certificate"]);
    check(
        "",
        "protocol = \"TCP\"\nalpn_policy = \"HTTP2Only\"",
        &["nlb.mqtt.listener.plain.alpn_policy: a listener of TCP has no `alpn_policy`"],
    );
}

#[test]
fn what_the_other_sort_of_load_balancer_has_is_a_mistake() {
    check(
        "algorithm = \"round_robin\"",
        "",
        &["target_group.api.algorithm: a group of TCP has no `algorithm`"],
    );
    check("slow_start = 30", "", &["target_group.api.slow_start: a group of TCP has no `slow_start`"]);
    check(
        "stickiness = { duration = 60 }",
        "",
        &["target_group.api.stickiness: a group of TCP does not tell clients so"],
    );
    check(
        "health_check = { path = \"/\" }",
        "",
        &["target_group.api.health_check.path: a check by TCP has no `path`"],
    );
    let http = edited("port = 3000\n\n[alb", "port = 3000\nproxy_protocol = true\n[alb");
    check_mistakes(&http, &["target_group.api.proxy_protocol: a group of HTTP has no `proxy_protocol`"]);
}

#[test]
fn a_listener_takes_only_groups_of_its_own_level() {
    let http = tcp("", "").replace("protocol = \"TCP\"\n", "");
    check_mistakes(
        &http,
        &["nlb.mqtt.listener.plain.forward: `target_group.api` speaks HTTP, and the listener TCP"],
    );
    let below = edited("port = 3000\n\n[alb", "port = 3000\nprotocol = \"TCP\"\n[alb");
    check_mistakes(
        &below,
        &["alb.public.listener.http.default.forward: `target_group.api` speaks TCP, and the listener HTTP"],
    );
}

#[test]
fn static_addresses_fit_the_scheme_and_stand_by_a_subnet_each() {
    let with = |keys: &str| format!("{}\n[nlb.other]\n{keys}\n", tcp("", ""));
    let elastic = with("addresses = { subnet-0123456789abcdef0 = \"eipalloc-0123456789abcdef0\" }");
    let desired = lower_text(&elastic).expect("no mistakes");
    assert_eq!(field(&desired, "nlb.other", "subnets"), json!(["subnet-0123456789abcdef0"]));
    let private = with("scheme = \"internal\"\naddresses = { subnet-0123456789abcdef0 = \"10.0.0.9\" }");
    assert!(lower_text(&private).is_ok());
    check_mistakes(
        &with("addresses = { subnet-0123456789abcdef0 = \"10.0.0.9\" }"),
        &["nlb.other.addresses.subnet-0123456789abcdef0: `10.0.0.9` cannot be its address"],
    );
    check_mistakes(
        &with(
            "subnets = [\"subnet-0123456789abcdef0\"]\naddresses = { subnet-0123456789abcdef0 = \"eipalloc-0123456789abcdef0\" }",
        ),
        &["nlb.other.addresses: `subnets` are named too, and so would be twice"],
    );
}

#[test]
fn static_addresses_stand_by_subnets_of_the_stacks_own_vpc_too() {
    let with = |keys: &str| {
        format!("{}\n[network]\ncidr = \"10.0.0.0/16\"\nprivate = true\n\n[nlb.other]\n{keys}\n", tcp("", ""))
    };
    let elastic = "addresses = { \"${subnet.public-1}\" = \"eipalloc-01\", \"${subnet.public-2.id}\" = \"eipalloc-02\" }";
    let desired = lower_text(&with(elastic)).expect("no mistakes");
    let (first, second) = ("${subnet.public-1.id}", "${subnet.public-2.id}");
    assert_eq!(
        field(&desired, "nlb.other", "addresses"),
        json!({ "eipalloc-01": first, "eipalloc-02": second })
    );
    assert_eq!(field(&desired, "nlb.other", "subnets"), json!([first, second]));
    let inside = |address: &str| {
        with(&format!("scheme = \"internal\"\naddresses = {{ \"${{subnet.private-1}}\" = \"{address}\" }}"))
    };
    assert!(lower_text(&inside("10.0.128.9")).is_ok());
    for outside in ["10.0.0.9", "10.0.128.3"] {
        check_mistakes(
            &inside(outside),
            &[&format!("nlb.other.addresses.${{subnet.private-1}}: `{outside}` cannot be its address")],
        );
    }
    check_mistakes(
        &with("addresses = { \"${subnet.private-1}\" = \"eipalloc-01\" }"),
        &["nlb.other.addresses.${subnet.private-1}: the internet reaches nothing in private subnets"],
    );
    check_mistakes(
        &with("addresses = { \"${vpc.main}\" = \"eipalloc-01\" }"),
        &["nlb.other.addresses.${vpc.main}: `${vpc.main}` is not the id of a subnet"],
    );
}

#[test]
fn another_scheme_or_the_first_static_address_is_another_name() {
    let name = |keys: &str| {
        let text = format!("{}\n[nlb.other]\n{keys}\n", tcp("", ""));
        field(&lower_text(&text).expect("no mistakes"), "nlb.other", "name")
    };
    assert_eq!(name(""), name("cross_zone = true"));
    assert_ne!(name(""), name("scheme = \"internal\""));
    let one = "addresses = { subnet-01 = \"eipalloc-01\" }";
    assert_ne!(name(""), name(one));
    // More of them come in place.
    assert_eq!(name(one), name("addresses = { subnet-01 = \"eipalloc-01\", subnet-02 = \"eipalloc-02\" }"));
}

#[test]
fn a_dual_stack_has_subnets_with_ipv6_and_no_listener_of_datagrams() {
    let dual = |text: &str, kind: &str| {
        text.replace(
            &format!("[{kind}.public.listener"),
            &format!("[{kind}.public]\nip_address_type = \"dualstack\"\n[{kind}.public.listener"),
        )
    };
    let own = "[network]\ncidr = \"10.0.0.0/16\"\n";
    let mistake = |kind: &str| {
        format!("{kind}.public.ip_address_type: subnets of the stack's own VPC have no IPv6 addresses")
    };
    let nlb = "[stack]\nname = \"course\"\n[target_group.g]\nport = 80\nprotocol = \"TCP\"\n[nlb.public.listener.one]\nport = 80\nforward = \"g\"\n";
    let alb = "[stack]\nname = \"course\"\n[alb.public.listener.one]\nport = 80\ndefault = { fixed_response = { status = 404 } }\n";
    for (text, kind) in [(nlb, "nlb"), (alb, "alb")] {
        lower_text(&dual(text, kind)).expect("no mistakes");
        lower_text(&format!("{text}{own}")).expect("no mistakes");
        check_mistakes(&format!("{}{own}", dual(text, kind)), &[&mistake(kind)]);
    }
    for protocol in ["UDP", "TCP_UDP"] {
        let text = nlb.replace("\"TCP\"", &format!("\"{protocol}\""));
        lower_text(&text).expect("no mistakes");
        let message =
            format!("nlb.public.listener.one: a listener of {protocol} on a load balancer that takes IPv6");
        check_mistakes(&dual(&text, "nlb"), &[&message]);
    }
}
