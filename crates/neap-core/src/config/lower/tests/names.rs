//! Namespaces, services that are found by DNS, Service Connect, and who may reach whom.

use serde_json::json;

use super::*;

/// [`STACK`] with a named port, a namespace with or without DNS, and a second service that asks the first.
fn pair(namespace: &str, api: &str, web: &str) -> String {
    let text = edited("port = 3000\n\n[target", "ports = [{ port = 3000, name = \"http\" }]\n\n[target");
    let text = text.replace("[service.api]", &format!("[service.api]\n{api}"));
    format!(
        "{text}\n[namespace.main]\n{namespace}\n\n[task.web.container.app]\nimage = \"nginx\"\n\n\
         [service.web]\ncluster = \"main\"\ntask = \"web\"\n{web}\n"
    )
}

const DNS: &str = "type = \"private_dns\"\nname = \"shop.internal\"";
const SERVES: &str = "connect = { serve = {} }";
const ASKS: &str = "connect = {}\nreaches = [\"api\"]";

fn ingress(desired: &Desired, group: &str) -> Vec<String> {
    let rules = field(desired, group, "ingress");
    let told = |rule: &Value| {
        format!("{}-{} {}", rule["from_port"], rule["to_port"], rule["peer"].as_str().unwrap_or_default())
    };
    rules.as_array().expect("rules").iter().map(told).collect()
}

#[test]
fn a_namespace_is_of_http_or_has_a_zone_in_the_stacks_vpc() {
    let desired = with("[namespace.main]\n");
    let expected = json!({ "name": "course-main", "type": "HTTP", "vpc": null, "description": "" });
    assert_eq!(resource(&desired, "namespace.main").resource.fields(), expected);
    let desired = with(&format!("[namespace.main]\n{DNS}\nsoa_ttl = 60\ndescription = \"ours\"\n"));
    let expected = json!({
        "name": "shop.internal", "type": "DNS_PRIVATE", "vpc": "${network.vpc}", "description": "ours", "soa_ttl": 60,
    });
    assert_eq!(resource(&desired, "namespace.main").resource.fields(), expected);
}

#[test]
fn a_namespace_that_could_not_be_is_told() {
    check_more("[namespace.x]\ntype = \"private_dns\"\n", "namespace.x: a namespace with DNS needs a `name`");
    check_more(
        "[namespace.x]\nsoa_ttl = 5\n",
        "namespace.x.soa_ttl: `soa_ttl` without `type = \"private_dns\"`",
    );
    let named = |name: &str| format!("[namespace.x]\ntype = \"private_dns\"\nname = \"{name}\"\n");
    check_more(&named("shop..internal"), "namespace.x.name: `shop..internal` is not the name of a zone");
    check_more(
        &named("shop.local"),
        "namespace.x.name: names in `local` are looked for by multicast on many systems",
    );
    check_more(
        &format!("{}[namespace.y]\ntype = \"private_dns\"\nname = \"a.b\"\n", named("a.b")),
        "namespace.y.name: `namespace.y` and `namespace.x` would both be called `a.b`",
    );
}

#[test]
fn a_service_is_found_by_the_addresses_of_its_tasks() {
    let desired =
        lower_text(&pair(DNS, "discovery = { ttl = 30 }", "reaches = [\"api\"]")).expect("no mistakes");
    let expected = json!({
        "name": "api", "namespace": "${namespace.main.id}", "description": "course: service.api",
        "records": { "A": 30 }, "routing_policy": "MULTIVALUE", "custom_health_check": true,
    });
    assert_eq!(resource(&desired, "discovery_service.api").resource.fields(), expected);
    let registry = json!({ "registry": "${discovery_service.api.arn}", "container": null, "port": null });
    assert_eq!(field(&desired, "service.api", "registry"), registry);
    let implied = resource(&desired, "discovery_service.api").implied.as_ref().expect("implied");
    assert_eq!(implied.reason, "lets the tasks be found as `api.shop.internal`");
    let rules = ["3000-3000 ${security_group.alb-public.id}", "3000-3000 ${security_group.service-web.id}"];
    assert_eq!(ingress(&desired, "security_group.service-api"), rules);
    assert_eq!(
        resource(&desired, "security_group.service-api").implied.as_ref().expect("implied").reason,
        "lets `alb.public` and `service.web` reach the tasks on port 3000"
    );
    let after: Vec<String> =
        resource(&desired, "service.web").after.iter().map(ToString::to_string).collect();
    assert_eq!(after, ["role.task-web-execution", "service.api"]);
}

#[test]
fn tasks_that_share_addresses_are_found_by_their_ports() {
    let text = on_instances("").replace("[service.api]", "[service.api]\ndiscovery = {}");
    let text = format!("{text}\n[namespace.main]\n{DNS}\n");
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "discovery_service.api", "records"), json!({ "SRV": 15 }));
    let registry = json!({ "registry": "${discovery_service.api.arn}", "container": "app", "port": 3000 });
    assert_eq!(field(&desired, "service.api", "registry"), registry);
    let by_address = text.replace("discovery = {}", "discovery = { record = \"A\" }");
    check_mistakes(
        &by_address,
        &["service.api.discovery.record: an `A` record without network mode `awsvpc`"],
    );
}

#[test]
fn a_name_that_nobody_would_find_by_dns_is_told() {
    check_mistakes(
        &pair("", "discovery = { namespace = \"main\" }", ""),
        &["service.api.discovery.namespace: nobody finds a name of `namespace.main` by DNS"],
    );
    check_mistakes(
        &pair("", "discovery = {}", ""),
        &["service.api.discovery: the stack has no namespace with DNS"],
    );
    check_mistakes(
        &pair(DNS, "discovery = { name = \"a b\" }", ""),
        &["service.api.discovery.name: `a b` cannot be a name in DNS"],
    );
    check_mistakes(
        &pair(DNS, "discovery = { port = 3000 }", ""),
        &["service.api.discovery.port: `port` with an `A` record, which holds no port"],
    );
    let two = format!("{DNS}\n[namespace.second]\ntype = \"private_dns\"\nname = \"b.internal\"");
    check_mistakes(
        &pair(&two, "discovery = {}", ""),
        &["service.api.discovery: it does not say which namespace it means"],
    );
}

#[test]
fn a_service_serves_a_named_port_under_its_own_name() {
    let desired = lower_text(&pair("", SERVES, ASKS)).expect("no mistakes");
    let endpoint = json!({
        "port_name": "http", "dns_name": "api", "port": 3000, "ingress_port": null, "idle_timeout_seconds": null,
        "request_timeout_seconds": null, "tls": null,
    });
    let expected =
        json!({ "namespace": "${namespace.main.arn}", "serves": { "api": endpoint }, "logs": null });
    assert_eq!(field(&desired, "service.api", "connect"), expected);
    assert_eq!(field(&desired, "service.web", "connect.serves"), json!({}));
    assert_eq!(resource(&desired, "service.web").tags["neap:reaches"], "api:3000");
    let rules = ["3000-3000 ${security_group.alb-public.id}", "3000-3000 ${security_group.service-web.id}"];
    assert_eq!(ingress(&desired, "security_group.service-api"), rules);
}

#[test]
fn what_is_served_can_be_chosen_in_full() {
    let serve = "connect = { namespace = \"main\", logs = true, serve = [{ port = \"http\", as = \"api.shop\", discovery_name = \"shop-api\", alias_port = 80, ingress_port = 15000, idle_timeout = 60, request_timeout = 15, tls = { authority = \"arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/x\", role = \"arn:aws:iam::123456789012:role/x\" } }] }";
    let text =
        pair("", serve, ASKS).replace("name = \"http\" }", "name = \"http\", app_protocol = \"http2\" }");
    let desired = lower_text(&text).expect("no mistakes");
    let endpoint = field(&desired, "service.api", "connect.serves.shop-api");
    assert_eq!(endpoint["dns_name"], "api.shop");
    assert_eq!((&endpoint["port"], &endpoint["ingress_port"]), (&json!(80), &json!(15000)));
    assert_eq!(field(&desired, "service.api", "connect.logs.driver"), "awslogs");
    let group = field(&desired, "service.api", "connect.logs.options");
    assert_eq!(group["awslogs-group"], "${log_group.task-api.name}");
    assert_eq!(field(&desired, "task.api", "containers.app.ports.0.app_protocol"), "http2");
    let rules = ["3000-3000 ${security_group.alb-public.id}", "15000-15000 ${security_group.service-web.id}"];
    assert_eq!(ingress(&desired, "security_group.service-api"), rules);
    assert_eq!(resource(&desired, "service.web").tags["neap:reaches"], "api.shop:80");
}

#[test]
fn ecs_asks_for_certificates_by_a_role_that_it_can_assume() {
    let serve = "connect = { namespace = \"main\", serve = { tls = { authority = \"arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/x\", role = \"asks\" } } }";
    let text = |keys: &str| format!("{}\n[role.asks]\n{keys}", pair("", serve, ASKS));
    lower_text(&text("service = \"ecs.amazonaws.com\"\n")).expect("no mistakes");
    check_mistakes(
        &text(""),
        &[
            "service.api.connect.serve.tls.role: ECS cannot assume `role.asks`, which is for `ecs-tasks.amazonaws.com`",
        ],
    );
}

#[test]
fn what_service_connect_would_refuse_is_told() {
    let expect = |api: &str, expected: &str| {
        check_mistakes(&pair("", api, ""), &[&format!("service.api.connect{expected}")]);
    };
    expect("connect = { serve = { port = \"htp\" } }", ".serve.port: no port of `task.api` is called `htp`");
    expect("connect = { serve = { as = \"Api\" } }", ".serve.as: `Api` cannot be a name of Service Connect");
    expect(
        "connect = { serve = { as = \"api.shop\" } }",
        ".serve.as: `api.shop` cannot be a name of Service Connect",
    );
    expect(
        "connect = { serve = { request_timeout = 5 } }",
        ".serve.request_timeout: `request_timeout` on a port without `app_protocol`",
    );
    expect("connect = { serve = [{}, { as = \"b\" }] }", ".serve.1: the same name or port is served twice");
    let unnamed = STACK.replace("[service.api]", &format!("[namespace.main]\n[service.api]\n{SERVES}"));
    check_mistakes(&unnamed, &["service.api.connect.serve: no port of `task.api` has a name"]);
    let host = on_instances("")
        .replace("memory = 400", "memory = 400\nnetwork_mode = \"host\"")
        .replace("[service.api]", "[namespace.main]\n[service.api]\nconnect = {}");
    check_mistakes(&host, &["service.api.connect: Service Connect with network mode `host`"]);
}

#[test]
fn one_name_is_one_services_in_a_namespace() {
    let twice = pair(DNS, "discovery = {}\nconnect = { serve = {} }", "");
    check_mistakes(
        &twice,
        &["service.api.connect: `api` is a name in `namespace.main` already, of `service.api`"],
    );
}

#[test]
fn who_reaches_nobody_is_told() {
    let expect = |api: &str, web: &str, expected: &str| {
        check_mistakes(&pair(DNS, api, web), &[&format!("service.web.reaches.0: {expected}")]);
    };
    expect("", "reaches = [\"api\"]", "`service.api` has no name, so nobody could ask it");
    expect(SERVES, "reaches = [\"api\"]", "only tasks with a proxy find `service.api`, and these have none");
    expect(SERVES, "reaches = [\"apis\"]", "no `service` is called `apis`");
    expect(
        "discovery = {}\nsecurity_groups = [\"sg-0123\"]",
        "reaches = [\"api\"]",
        "`service.api` names its own security groups, and they say who reaches it",
    );
    expect("", "reaches = [\"web\"]", "a service reaches its own tasks through a rule with the peer `self`");
    check_mistakes(
        &pair(
            DNS,
            "discovery = {}\nreaches = [\"web\"]",
            "discovery = { port = 80, record = \"SRV\" }\nreaches = [\"api\"]",
        )
        .replace("image = \"nginx\"", "image = \"nginx\"\nport = 80"),
        &[
            "service.api.reaches.0: these refer to each other in a circle: `service.api` → `service.web` → `service.api`",
            "service.api: these refer to each other in a circle: `security_group.service-api` → `security_group.service-web` → `security_group.service-api`",
        ],
    );
}

/// [`pair`] with one more service that asks the first. Those that ask, and the load balancer, name one group.
fn with_another_client(edge: &str) -> String {
    let text = pair("", SERVES, &format!("{ASKS}\n{edge}"));
    let text = text.replace("[alb.public.listener", &format!("[alb.public]\n{edge}\n[alb.public.listener"));
    format!(
        "{text}\n[service.jobs]\ncluster = \"main\"\ntask = \"web\"\n{ASKS}\n{edge}\n[security_group.edge]\n"
    )
}

#[test]
fn those_that_share_a_group_are_let_in_once() {
    let shared = lower_text(&with_another_client("security_groups = [\"edge\"]")).expect("no mistakes");
    assert_eq!(ingress(&shared, "security_group.service-api"), ["3000-3000 ${security_group.edge.id}"]);
    let text = on_instances("")
        .replace("port = 3000\n\n[target", "ports = [{ port = 3000, name = \"http\" }]\n\n[target");
    let text = text.replace("[service.api]", &format!("[service.api]\n{SERVES}"));
    let client = |name: &str| format!("[service.{name}]\ncluster = \"main\"\ntask = \"web\"\n{ASKS}\n");
    let task = "[task.web]\nmemory = 100\n[task.web.container.app]\nimage = \"nginx\"\n";
    let text = format!("{text}\n[namespace.main]\n{task}{}{}", client("web"), client("jobs"));
    let rules = ingress(&lower_text(&text).expect("no mistakes"), "security_group.cluster-main");
    assert_eq!(rules, ["32768-65535 ${security_group.alb-public.id}", "32768-65535 self"]);
}

/// Who reaches the instances that two services share, one of which asks the other; `app` says the ports of that one.
fn on_shared_instances(app: &str, api: &str, web: &str) -> Vec<String> {
    let text = on_instances("").replace("port = 3000\n\n[target", &format!("{app}\n\n[target"));
    let text = text.replace("[service.api]", &format!("[service.api]\n{api}"));
    let text = text.replace("{ group = \"api\" }", "{ group = \"api\", container = \"app\" }");
    let text = format!(
        "{text}\n[namespace.main]\n{DNS}\n[task.web]\nmemory = 100\n[task.web.container.app]\nimage = \"nginx\"\n\
         [service.web]\ncluster = \"main\"\ntask = \"web\"\n{web}\n"
    );
    ingress(&lower_text(&text).expect("no mistakes"), "security_group.cluster-main")
}

#[test]
fn services_on_instances_reach_each_other_through_the_group_of_those() {
    let rules = ["32768-65535 ${security_group.alb-public.id}", "32768-65535 self"];
    assert_eq!(on_shared_instances("port = 3000", "discovery = {}", "reaches = [\"api\"]"), rules);
}

#[test]
fn a_proxy_on_instances_is_reached_where_it_listens_and_not_where_its_container_does() {
    let check = |more: &str, api: &str, expected: &[&str]| {
        let app = format!("ports = [{{ port = 3000, name = \"http\"{more} }}]");
        let mut rules = on_shared_instances(&app, api, ASKS);
        rules.retain(|rule| rule.ends_with(" self"));
        assert_eq!(rules, expected, "{more} {api}");
    };
    check("", SERVES, &["32768-65535 self"]);
    check(", host_port = 8080", SERVES, &["32768-65535 self"]);
    check("", "connect = { serve = { ingress_port = 15000 } }", &["15000-15000 self"]);
    // What has this number on the instance is the proxy: the container has a port that ECS chooses.
    check("", "connect = { serve = { ingress_port = 3000 } }", &["3000-3000 self"]);
    let both = "connect = { serve = { ingress_port = 15000 } }\ndiscovery = { name = \"direct\" }";
    check(", host_port = 8080", both, &["8080-8080 self", "15000-15000 self"]);
}

#[test]
fn of_two_containers_with_the_same_port_the_one_that_is_found_is_reached() {
    let app = "ports = [{ port = 3000, host_port = 8080 }]\n[task.api.container.side]\nimage = \"nginx\"\n\
               ports = [{ port = 3000, host_port = 9090 }]";
    let discovery = "discovery = { container = \"app\", record = \"SRV\" }";
    let rules = on_shared_instances(app, discovery, "reaches = [\"api\"]");
    assert!(rules.contains(&"8080-8080 self".to_owned()), "{rules:?}");
    assert!(!rules.contains(&"9090-9090 self".to_owned()), "{rules:?}");
}
