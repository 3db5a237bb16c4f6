//! Random parts of stacks beside the course's own: sites with their names, instances, networks, classic load balancers, names of
//! services, and what scales a service.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::Kind;
use neap_core::desired::{Desired, TAG_REACHES, short_hash};
use neap_core::files;
use neap_core::kinds::{
    AutoScalingGroup, Bucket, BucketFiles, BucketPolicy, CapacityProvider, Certificate, ClassicTarget, Clb,
    ClbListener, Cloudfront, ClusterCapacity, Code, ConnectEndpoint, DiscoveryService, Domain, ElasticIp,
    Function, InstanceProfile, InternetGateway, LaunchTemplate, Namespace, NatGateway, Nlb, Origin,
    OriginAccessControl, Resource, RouteTable, ScalableTarget, SecurityGroup, Service, ServiceConnect,
    ServiceRegistry, Site, StrategyItem, Subnet, ViewerCertificate, Vpc, VpcEndpoint,
};
use neap_core::network::is_part;
use neap_core::ownership::Owned;

use super::stacks::{
    Picks, add, address, cloudfront, forward, listener, of, security_group, service, target_group, task,
};

/// A value of `$kind` with every field set.
macro_rules! example {
    ($kind:ident) => {
        match Resource::example(Kind::$kind) {
            Resource::$kind(example) => example,
            other => unreachable!("{other:?}"),
        }
    };
}

/// A distribution in front of a bucket with files, with an access control, a function, and perhaps a name with its certificate.
pub(super) fn site(stack: &mut Desired, picks: &mut Picks<'_>) {
    let bucket = Bucket { name: "course-web".into(), versioning: picks.coin(), ..example!(Bucket) };
    add(stack, "bucket.web", bucket);
    let description = picks.one_of(&["reads", "still reads"]).to_owned();
    let control = OriginAccessControl { description, ..example!(OriginAccessControl) };
    add(stack, "origin_access_control.site", control);
    // Another address is another distribution, which takes over the name of the first.
    let text = picks.one_of(&["cloudfront.site", "cloudfront.other"]);
    let mut site = cloudfront("");
    site.caller_reference = text.to_owned();
    let origin = Origin::bucket(of("bucket.web", "domain_name"), of("origin_access_control.site", "id"));
    site.origins = [("bucket.web".to_owned(), origin)].into();
    site.behaviors.clear();
    if picks.coin() {
        add(stack, "function.edge", function(picks.one_of(&["1", "2"])));
        let runs = ("viewer-request".to_owned(), of("function.edge", "arn"));
        site.default_behavior.functions = [runs].into();
    }
    if picks.coin() {
        named(stack, text, &mut site, picks.one_of(&["app.example.com", "www.example.com"]));
    }
    add(stack, text, site);
    let distribution = of(text, "arn");
    let policy = BucketPolicy::readable_by(
        "neap/course/bucket_policy.web",
        &of("bucket.web", "arn"),
        std::slice::from_ref(&distribution),
    );
    add(stack, "bucket_policy.web", BucketPolicy { bucket: of("bucket.web", "name"), policy });
    let mut kept = BucketFiles { bucket: of("bucket.web", "name"), ..example!(BucketFiles) };
    if picks.coin() {
        kept.files.values_mut().for_each(|file| file.cache_control = None);
    }
    let known = files::hash(&kept.files);
    let note = files::note(&known, None);
    let answers = Site { arn: distribution, known, root: "index.html".into(), rewritten: false, note };
    kept.sites = [(text.to_owned(), answers)].into();
    add(stack, "bucket_files.web", kept);
}

fn function(version: &str) -> Function {
    let code = Code(format!("function handler(event) {{ return {version}; }}").into_bytes());
    Function { name: "course-edge".into(), code_sha256: code.sha256(), code, ..example!(Function) }
}

/// A name for a distribution, with its certificate.
fn named(stack: &mut Desired, text: &str, site: &mut Cloudfront, name: &str) {
    let certificate = Certificate {
        region: "us-east-1".into(),
        domain: name.into(),
        alternative_names: BTreeSet::new(),
        validated_in: [(name.to_owned(), "Z1".to_owned())].into(),
        ..example!(Certificate)
    };
    add(stack, "certificate.site", certificate);
    site.aliases = [name.to_owned()].into();
    site.certificate = Some(ViewerCertificate {
        arn: of("certificate.site", "arn"),
        minimum_protocol: "TLSv1.2_2021".into(),
        support: "sni-only".into(),
    });
    let target = of(text, "domain_name");
    add(stack, "domain.site", Domain { name: name.into(), zone: "Z1".into(), target, ..example!(Domain) });
}

/// Instances of the cluster `main`, in the network of the account.
pub(crate) fn instances(stack: &mut Desired, picks: &mut Picks<'_>) {
    let role = Some(of("role.run", "arn"));
    let profile = InstanceProfile { name: "course-cluster-main".into(), role, ..example!(InstanceProfile) };
    add(stack, "instance_profile.main", profile);
    let launched_in = picks.one_of(&["security_group.outer", "security_group.inner"]);
    let template = LaunchTemplate {
        name: "course-cluster-main".into(),
        instance_type: picks.one_of(&["t3.micro", "t3.small"]).into(),
        cluster: of("cluster.main", "arn"),
        instance_profile: of("instance_profile.main", "arn"),
        security_groups: [of(launched_in, "id")].into(),
        ..example!(LaunchTemplate)
    };
    add(stack, "launch_template.main", template);
    let name = picks.one_of(&["course-cluster-main", "course-cluster-more"]).to_owned();
    let group = AutoScalingGroup {
        name,
        launch_template: of("launch_template.main", "id"),
        launch_template_version: of("launch_template.main", "version"),
        max: 2 + u32::from(picks.below(2)),
        subnets: ["${network.subnets}".to_owned()].into(),
        ..example!(AutoScalingGroup)
    };
    add(stack, "auto_scaling_group.main", group);
    // As lowering says it: what its launch template names.
    let launched = ["cluster.main", "instance_profile.main", launched_in].map(address);
    if let Some(group) = stack.resources.get_mut(&address("auto_scaling_group.main")) {
        group.after.extend(launched);
    }
    let auto_scaling_group = of("auto_scaling_group.main", "arn");
    let name = "neap-course-main".to_owned();
    let provider = CapacityProvider { name: name.clone(), auto_scaling_group, ..example!(CapacityProvider) };
    add(stack, "capacity_provider.main", provider);
    let strategy = BTreeMap::from([(name, StrategyItem { weight: 1, base: 0 })]);
    let capacity = ClusterCapacity {
        cluster: of("cluster.main", "arn"),
        capacity_providers: [of("capacity_provider.main", "name")].into(),
        default_strategy: strategy,
    };
    add(stack, "cluster_capacity.main", capacity);
}

/// A network of the stack's own, perhaps with a network load balancer in it, and with services in private subnets.
pub(super) fn network(stack: &mut Desired, picks: &mut Picks<'_>) {
    let number = picks.below(2);
    let subnets = public(stack, number);
    if picks.coin() {
        balancer(stack, number, subnets, picks);
    }
    if picks.coin() {
        let endpoints: &[&[&str]] = &[&[], &["s3"], &["logs"], &["s3", "logs"]];
        let nat = picks.one_of(&["none", "one", "per_zone"]);
        private(stack, number, nat, endpoints[usize::from(picks.below(4))]);
        for service in ["service.one", "service.two"] {
            if picks.coin() {
                runs_privately(stack, service);
            }
        }
    } else {
        let blocks: [u8; 2] = [[0, 1], [1, 0], [1, 2], [8, 9]][usize::from(picks.below(4))];
        for (at, block) in (1..).zip(blocks) {
            let wanted = stack.resources.get_mut(&address(&format!("subnet.public-{at}")));
            if let Some(Resource::Subnet(subnet)) = wanted.map(|wanted| &mut wanted.resource) {
                subnet.cidr = format!("10.{number}.{block}.0/24");
            }
        }
    }
}

/// The public part of the network number `number`; its subnets.
pub(crate) fn public(stack: &mut Desired, number: u8) -> BTreeSet<String> {
    let vpc = || of("vpc.main", "id");
    add(stack, "vpc.main", Vpc { cidr: format!("10.{number}.0.0/16"), ..example!(Vpc) });
    add(stack, "internet_gateway.main", InternetGateway { vpc: vpc(), attached: true });
    let routes = BTreeMap::from([("0.0.0.0/0".to_owned(), of("internet_gateway.main", "id"))]);
    add(stack, "route_table.public", RouteTable { vpc: vpc(), routes });
    let mut subnets = BTreeSet::new();
    for (at, zone) in ["eu-west-1a", "eu-west-1b"].iter().enumerate() {
        let subnet = Subnet {
            vpc: vpc(),
            cidr: format!("10.{number}.{at}.0/24"),
            zone: (*zone).into(),
            route_table: Some(of("route_table.public", "id")),
            ..example!(Subnet)
        };
        let text = format!("subnet.public-{}", at + 1);
        subnets.insert(of(&text, "id"));
        add(stack, &text, subnet);
    }
    let own = SecurityGroup { vpc: vpc(), ..security_group("own", "0.0.0.0/0") };
    add(stack, "security_group.own", own);
    subnets
}

/// Private subnets in it: `nat` as the stack file says it, and endpoints for these services.
pub(crate) fn private(stack: &mut Desired, number: u8, nat: &str, endpoints: &[&str]) {
    let vpc = || of("vpc.main", "id");
    let mut subnets = BTreeSet::new();
    for (at, zone) in [(1, "eu-west-1a"), (2, "eu-west-1b")] {
        let table = if nat == "per_zone" { format!("private-{at}") } else { "private".to_owned() };
        let table = format!("route_table.{table}");
        if at == 1 || nat == "per_zone" {
            let mut routes = BTreeMap::new();
            if nat != "none" {
                let (ip, gateway) = (format!("elastic_ip.nat-{at}"), format!("nat_gateway.nat-{at}"));
                add(stack, &ip, ElasticIp { pool: ElasticIp::AMAZON.into() });
                let (subnet, address) = (of(&format!("subnet.public-{at}"), "id"), Some(of(&ip, "id")));
                add(stack, &gateway, NatGateway { vpc: vpc(), subnet, address });
                routes.insert("0.0.0.0/0".to_owned(), of(&gateway, "id"));
            }
            add(stack, &table, RouteTable { vpc: vpc(), routes });
        }
        let subnet = Subnet {
            vpc: vpc(),
            cidr: format!("10.{number}.{}.0/24", 128 + at),
            zone: zone.into(),
            public_ip: false,
            route_table: Some(of(&table, "id")),
        };
        let text = format!("subnet.private-{at}");
        subnets.insert(of(&text, "id"));
        add(stack, &text, subnet);
    }
    let tables = stack.resources.keys().filter(|address| address.kind() == Kind::RouteTable);
    let tables: BTreeSet<String> = tables.map(|table| of(&table.to_string(), "id")).collect();
    for name in endpoints {
        let service = format!("com.amazonaws.eu-west-1.{name}");
        let endpoint = VpcEndpoint { vpc: vpc(), service, ..example!(VpcEndpoint) };
        let endpoint = if *name == "s3" {
            let none = || BTreeSet::new();
            VpcEndpoint {
                endpoint_type: VpcEndpoint::GATEWAY.into(),
                route_tables: tables.clone(),
                subnets: none(),
                security_groups: none(),
                private_dns: false,
                ..endpoint
            }
        } else {
            let security_groups = [of("security_group.own", "id")].into();
            VpcEndpoint { subnets: subnets.clone(), security_groups, ..endpoint }
        };
        add(stack, &format!("vpc_endpoint.{name}"), endpoint);
    }
}

/// Puts the service at `text`, if it is there, into the private subnets, after their ways out, as lowering does.
pub(crate) fn runs_privately(stack: &mut Desired, text: &str) {
    let is_way = |kind: Kind| matches!(kind, Kind::NatGateway | Kind::RouteTable | Kind::VpcEndpoint);
    let parts = stack.resources.keys().filter(|address| is_part(address.kind())).cloned();
    let (ways, rest): (BTreeSet<_>, BTreeSet<_>) = parts.partition(|address| is_way(address.kind()));
    let Some(service) = stack.resources.get_mut(&address(text)) else { return };
    service.after.extend(ways);
    if let Resource::Service(service) = &mut service.resource {
        let private = rest.iter().filter(|address| address.name().starts_with("private-"));
        service.subnets = private.map(|subnet| of(&subnet.to_string(), "id")).collect();
    }
}

/// A network load balancer in the network number `number`, whose name tells in which one it is, as names with a hash do.
fn balancer(stack: &mut Desired, number: u8, subnets: BTreeSet<String>, picks: &mut Picks<'_>) {
    let scheme = picks.one_of(&["internet-facing", "internal"]);
    let nlb = Nlb {
        name: format!("course-mqtt-{}", &short_hash(&format!("{scheme} {number}"))[..8]),
        scheme: scheme.into(),
        subnets,
        addresses: BTreeMap::new(),
        security_groups: [of("security_group.own", "id")].into(),
        cross_zone: picks.coin(),
        ..example!(Nlb)
    };
    add(stack, "nlb.mqtt", nlb);
    let mut group = target_group("mqtt", 1883 + u16::from(number), "/");
    (group.protocol, group.protocol_version, group.vpc) = ("TCP".into(), None, of("vpc.main", "id"));
    (group.slow_start_seconds, group.algorithm) = (None, None);
    (group.health_check.protocol, group.health_check.path, group.health_check.matcher) =
        ("TCP".into(), None, None);
    add(stack, "target_group.mqtt", group);
    let mut open = listener("nlb.mqtt", 1883, forward("target_group.mqtt"));
    open.protocol = "TCP".into();
    add(stack, "nlb.mqtt.listener.mqtt", open);
}

/// A classic load balancer, perhaps with a certificate, and a service on instances behind it.
pub(super) fn classic(stack: &mut Desired, picks: &mut Picks<'_>) {
    let scheme = picks.one_of(&["internet-facing", "internal"]);
    let is_chosen = picks.coin();
    let is_own = stack.resources.contains_key(&address("vpc.main")) && picks.coin();
    let subnets = if is_own {
        ["subnet.public-1", "subnet.public-2"].map(|it| of(it, "id")).into()
    } else {
        ["${network.subnets}".to_owned()].into()
    };
    let name =
        if is_chosen { "old".to_owned() } else { short_hash(&format!("{scheme} {is_own}"))[..8].to_owned() };
    let port = 8080 + u16::from(picks.below(2));
    let plain = ClbListener {
        protocol: "HTTP".into(),
        instance_port: port,
        instance_protocol: "HTTP".into(),
        certificate: None,
        ssl_policy: None,
        stickiness: None,
    };
    let mut listeners = BTreeMap::from([("80".to_owned(), plain.clone())]);
    if picks.coin() {
        let certificate = Certificate {
            domain: picks.one_of(&["old.example.com", "older.example.com"]).into(),
            alternative_names: BTreeSet::new(),
            ..example!(Certificate)
        };
        add(stack, "certificate.old", certificate);
        let certificate = Some(of("certificate.old", "arn"));
        listeners.insert("443".into(), ClbListener { protocol: "HTTPS".into(), certificate, ..plain });
    }
    let group = picks.one_of(&["security_group.outer", "security_group.inner"]);
    let clb = Clb {
        name: format!("course-{name}"),
        scheme: scheme.into(),
        subnets,
        security_groups: [of(group, "id")].into(),
        listeners,
        cross_zone: picks.coin(),
        ..example!(Clb)
    };
    add(stack, "clb.old", clb);
    stack.resources.entry(address("clb.old")).and_modify(|wanted| wanted.delete_first = is_chosen);
    if picks.coin() {
        return;
    }
    add(stack, "task.metal", task("metal", picks.one_of(&["nginx:1", "nginx:2"])));
    let load_balancer = of("clb.old", "name");
    let metal = Service {
        classic: Some(ClassicTarget { load_balancer, container: "app".into(), port: 3000 }),
        own_interfaces: false,
        subnets: BTreeSet::new(),
        security_groups: BTreeSet::new(),
        ..service("metal", "cluster.main", "task.metal", group, None)
    };
    add(stack, "service.metal", metal);
}

/// A namespace, and the services `one` and `two` found in it as far as they are there.
pub(super) fn names(stack: &mut Desired, picks: &mut Picks<'_>) {
    let has_dns = picks.coin();
    let is_own = stack.resources.contains_key(&address("vpc.main")) && picks.coin();
    let vpc = if is_own { of("vpc.main", "id") } else { "${network.vpc}".to_owned() };
    let namespace = Namespace {
        name: picks.one_of(&["shop.internal", "other.internal"]).into(),
        sort: if has_dns { Namespace::PRIVATE_DNS } else { Namespace::HTTP }.into(),
        vpc: has_dns.then_some(vpc),
        description: picks.one_of(&["", "the shop"]).into(),
        soa_ttl: has_dns.then_some(15),
    };
    add(stack, "namespace.main", namespace);
    if has_dns && picks.coin() {
        discovered(stack, picks);
    }
    if picks.coin() {
        connected(stack, picks);
    }
}

/// The service `one` is found by DNS.
fn discovered(stack: &mut Desired, picks: &mut Picks<'_>) {
    let with_port = picks.coin();
    let name = picks.one_of(&["one", "first"]).to_owned();
    let Some(one) = running(stack, "one") else { return };
    one.registry = Some(ServiceRegistry {
        registry: of("discovery_service.one", "arn"),
        container: with_port.then(|| "app".to_owned()),
        port: with_port.then_some(3000),
    });
    let record = if with_port { "SRV" } else { "A" };
    let discovery = DiscoveryService {
        name,
        namespace: of("namespace.main", "id"),
        records: [(record.to_owned(), 15 + u32::from(picks.below(2)))].into(),
        ..example!(DiscoveryService)
    };
    add(stack, "discovery_service.one", discovery);
}

/// The service `one` serves a name, and `two` asks for it.
fn connected(stack: &mut Desired, picks: &mut Picks<'_>) {
    let port = 80 + u16::from(picks.below(2));
    let Some(one) = running(stack, "one") else { return };
    let example = example!(Service).connect.expect("an example has every field");
    let endpoint = ConnectEndpoint { port, tls: None, ..example.serves["api"].clone() };
    let namespace = of("namespace.main", "arn");
    let joined = |serves| ServiceConnect { namespace: namespace.clone(), serves, logs: None };
    one.connect = Some(joined([("api".to_owned(), endpoint)].into()));
    let Some(two) = running(stack, "two") else { return };
    two.connect = Some(joined(BTreeMap::new()));
    stack.resources.entry(address("service.two")).and_modify(|wanted| {
        wanted.after.insert(address("service.one"));
        wanted.tags.insert(TAG_REACHES.to_owned(), format!("api:{port}"));
    });
}

fn running<'stack>(stack: &'stack mut Desired, name: &str) -> Option<&'stack mut Service> {
    match &mut stack.resources.get_mut(&address(&format!("service.{name}")))?.resource {
        Resource::Service(service) => Some(service),
        _ => None,
    }
}

/// What scales the service at `text`, if it is there.
pub(crate) fn scaling(stack: &mut Desired, text: &str, picks: &mut Picks<'_>) {
    let Some(service) = stack.resources.get_mut(&address(text)) else { return };
    // Scaling owns the number of tasks: the stack gives the first one.
    service.owned_elsewhere = [Owned::Count].into();
    let mut target = ScalableTarget {
        service: of(text, "arn"),
        max: 4 + u32::from(picks.below(2)),
        ..example!(ScalableTarget)
    };
    let alarms = target.step_scaling.values_mut().filter_map(|policy| policy.alarm.as_mut());
    alarms.for_each(|alarm| alarm.name = format!("course-{text}-busy"));
    if picks.coin() {
        target.scheduled_actions.clear();
    }
    add(stack, &text.replace("service.", "scalable_target."), target);
}
