//! Security groups along the path, and declared ones.

use serde_json::json;

use super::*;

/// [`STACK`] with more keys of its load balancer.
fn alb(keys: &str) -> String {
    edited("[alb.public.listener", &format!("[alb.public]\n{keys}\n[alb.public.listener"))
}

/// Protocol, first port, last port and peer of each rule.
#[track_caller]
fn rules(desired: &Desired, address: &str, direction: &str) -> Vec<String> {
    let rules = field(desired, address, direction);
    let text = |rule: &Value| {
        let part = |key: &str| rule[key].as_str().map_or_else(|| rule[key].to_string(), str::to_owned);
        format!("{} {} {} {}", part("protocol"), part("from_port"), part("to_port"), part("peer"))
    };
    rules.as_array().expect("a list").iter().map(text).collect()
}

#[track_caller]
fn reason(desired: &Desired, address: &str) -> String {
    resource(desired, address).implied.as_ref().expect("implied").reason.clone()
}

#[test]
fn a_distribution_may_ask_a_load_balancer_by_a_name_that_leads_to_it() {
    let only = edited("[alb.public", "[alb.public]\nreachable_from = \"cloudfront\"\n[alb.public");
    let text = |host: &str, target: &str| {
        let route = format!("[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"http://{host}/x\"\n");
        format!("{only}[nlb.other]\n[domain.alb]\nname = \"alb.example.com\"\ntarget = \"{target}\"\n{route}")
    };
    for host in [
        "alb.example.com",
        "ALB.example.com",
        "${domain.alb}",
        "${domain.alb.name}",
        "${alb.public.dns_name}",
    ] {
        let desired = lower_text(&text(host, "alb.public")).expect("no mistakes");
        let ingress = rules(&desired, "security_group.alb-public", "ingress");
        assert_eq!(ingress, ["tcp 80 80 ${aws.cloudfront_origins}"], "{host}");
    }
    let nobody = "alb.public.reachable_from: no distribution of the stack has `alb.public` for an origin, so nobody would reach it";
    check_mistakes(&text("other.example.com", "alb.public"), &[nobody]);
    check_mistakes(&text("alb.example.com", "nlb.other"), &[nobody]);
}

#[test]
fn a_load_balancer_that_only_cloudfront_reaches_is_closed_to_everybody_else() {
    const SITE: &str = "[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"alb.public\"\n";
    let only = |keys: &str| {
        edited("[alb.public", &format!("[alb.public]\nreachable_from = \"cloudfront\"\n{keys}[alb.public"))
    };
    let desired = lower_text(&format!("{}{SITE}", only(""))).expect("no mistakes");
    assert_eq!(
        rules(&desired, "security_group.alb-public", "ingress"),
        ["tcp 80 80 ${aws.cloudfront_origins}"]
    );
    let expect = |text: &str, expected: &str| {
        check_mistakes(text, &[&format!("alb.public.reachable_from: {expected}")]);
    };
    expect(
        &only(""),
        "no distribution of the stack has `alb.public` for an origin, so nobody would reach it",
    );
    expect(
        &format!("{}{SITE}", only("security_groups = [\"sg-1\"]\n")),
        "`security_groups` are named too, and they say who reaches it",
    );
    let second = "[alb.public.listener.other]\nport = 81\ndefault = { forward = \"api\" }\n";
    expect(
        &format!("{}{second}{SITE}", only("")),
        "the load balancer has 2 listeners, and there is room for one",
    );
}

#[test]
fn the_path_is_open_and_nothing_else() {
    let desired = with("");
    assert_eq!(rules(&desired, "security_group.alb-public", "ingress"), ["tcp 80 80 0.0.0.0/0"]);
    assert_eq!(
        rules(&desired, "security_group.service-api", "ingress"),
        ["tcp 3000 3000 ${security_group.alb-public.id}"]
    );
    for group in ["security_group.alb-public", "security_group.service-api"] {
        assert_eq!(rules(&desired, group, "egress"), ["-1 null null 0.0.0.0/0"]);
    }
    let alb = "lets the internet reach the load balancer on port 80";
    assert_eq!(reason(&desired, "security_group.alb-public"), alb);
    let service = "lets `alb.public` reach the tasks on port 3000";
    assert_eq!(reason(&desired, "security_group.service-api"), service);
}

#[test]
fn the_health_checks_own_port_is_open_too() {
    let text = edited("port = 3000\n\n[alb", "port = 3000\nhealth_check = { port = 9000 }\n[alb");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(
        rules(&desired, "security_group.service-api", "ingress"),
        ["tcp 3000 3000 ${security_group.alb-public.id}", "tcp 9000 9000 ${security_group.alb-public.id}"]
    );
}

#[test]
fn an_internal_load_balancer_is_reached_from_private_addresses() {
    let desired = lower_text(&alb("scheme = \"internal\"")).expect("no mistakes");
    assert_eq!(
        rules(&desired, "security_group.alb-public", "ingress"),
        ["tcp 80 80 10.0.0.0/8", "tcp 80 80 172.16.0.0/12", "tcp 80 80 192.168.0.0/16"]
    );
}

#[test]
fn a_dual_stack_is_reached_over_both() {
    let desired = lower_text(&alb("ip_address_type = \"dualstack\"")).expect("no mistakes");
    assert_eq!(
        rules(&desired, "security_group.alb-public", "ingress"),
        ["tcp 80 80 0.0.0.0/0", "tcp 80 80 ::/0"]
    );
}

#[test]
fn groups_that_are_named_stand_in_for_the_implied_ones() {
    let text = alb("security_groups = [\"sg-1\", \"edge\"]") + "[security_group.edge]\n";
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(
        field(&desired, "alb.public", "security_groups"),
        json!(["${security_group.edge.id}", "sg-1"])
    );
    assert_eq!(
        rules(&desired, "security_group.service-api", "ingress"),
        ["tcp 3000 3000 ${security_group.edge.id}", "tcp 3000 3000 sg-1"]
    );
    assert!(!desired.resources.keys().any(|address| address.to_string() == "security_group.alb-public"));
    check_mistakes(
        &alb("security_groups = [\"none\"]"),
        &["alb.public.security_groups.0: no `security_group` is called `none`"],
    );
}

#[test]
fn a_declared_group_has_the_rules_that_it_says() {
    let desired = with(
        r#"
        [security_group.db]
        ingress = [
            { port = 5432, peer = ["service.api", "self", "10.0.0.0/8"] },
            { port = "8000-8080", protocol = "udp", peer = "sg-1", description = "a" },
            { protocol = "icmp", peer = "2001:DB8::/32" },
            { peer = "pl-1" },
        ]
        egress = []
        "#,
    );
    assert_eq!(
        rules(&desired, "security_group.db", "ingress"),
        [
            "icmpv6 -1 -1 2001:db8::/32",
            "tcp 0 65535 pl-1",
            "tcp 5432 5432 ${security_group.service-api.id}",
            "tcp 5432 5432 10.0.0.0/8",
            "tcp 5432 5432 self",
            "udp 8000 8080 sg-1",
        ]
    );
    assert_eq!(rules(&desired, "security_group.db", "egress"), Vec::<String>::new());
}

#[test]
fn rules_that_aws_refuses_are_told() {
    let ingress = |rule: &str| format!("[security_group.x]\ningress = [{rule}]\n");
    let check = |rule: &str, expected: &str| {
        check_more(&ingress(rule), &format!("security_group.x.ingress.0.{expected}"));
    };
    check("{ peer = \"10.0.0.1/8\" }", "peer: `10.0.0.1/8` has bits outside its mask");
    check("{ peer = \"10.0.0.300/8\" }", "peer: `10.0.0.300/8` is not a CIDR");
    check("{ peer = \"10.0.0.1\" }", "peer: `10.0.0.1` is not a CIDR");
    check("{ peer = \"nobody\" }", "peer: no `security_group` is called `nobody`");
    check("{ peer = \"alb.none\" }", "peer: there is no `alb.none` in this stack");
    check("{ peer = \"self\", port = \"9-1\" }", "port: `9-1` is not a range of ports");
    check("{ peer = \"self\", port = 1, protocol = \"all\" }", "port: a port without `tcp` or `udp`");
    check(
        "{ peer = \"self\", description = \"é\" }",
        "description: the description holds `é`, which AWS does not take here",
    );
    check("{ peer = [\"self\", \"x\"] }", "peer.1: the same rule for `x` is there twice");
}

#[test]
fn a_service_that_shares_the_network_of_its_instances_is_known_by_their_groups() {
    let db = "[security_group.db]\ningress = [{ port = 5432, peer = [\"service.api\", \"service.jobs\"] }]\n\
              [service.jobs]\ncluster = \"main\"\ntask = \"api\"\n";
    let desired = lower_text(&format!("{}{db}", on_instances(""))).expect("no mistakes");
    let rules_of_db = ["tcp 5432 5432 ${security_group.cluster-main.id}"];
    assert_eq!(rules(&desired, "security_group.db", "ingress"), rules_of_db);
    let blocks = "[cluster.main]\ncapacity = { a = 1, b = 1 }\n[cluster.main.instances]\n\
                  a = { instance_type = \"t3.micro\" }\nb = { instance_type = \"t3.micro\" }\n";
    let text = edited("[cluster.main]\n", blocks)
        .replace("[task.api.container.app]", "[task.api]\nmemory = 400\n[task.api.container.app]");
    let desired = lower_text(&format!("{text}{db}")).expect("no mistakes");
    assert_eq!(
        rules(&desired, "security_group.db", "ingress"),
        [
            "tcp 5432 5432 ${security_group.cluster-main-a.id}",
            "tcp 5432 5432 ${security_group.cluster-main-b.id}"
        ]
    );
}

#[test]
fn a_load_balancer_with_groups_of_its_own_choice_is_no_peer() {
    let text =
        alb("security_groups = [\"sg-1\"]") + "[security_group.x]\ningress = [{ peer = \"alb.public\" }]\n";
    check_mistakes(
        &text,
        &["security_group.x.ingress.0.peer: `alb.public` has no group of its own: it names other groups"],
    );
}
