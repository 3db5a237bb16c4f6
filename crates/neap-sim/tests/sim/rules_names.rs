//! The rules of Cloud Map, of services that are found by DNS, and of Service Connect, one by one.

use std::collections::BTreeMap;

use neap_core::desired::DesiredResource;
use neap_core::kinds::{
    ConnectEndpoint, DiscoveryService, KindOf, Namespace, Resource, Service, ServiceConnect, ServiceRegistry,
    Task,
};
use neap_core::live::{LiveResource, Outputs};
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::{Fault, FaultKind, Sim};

use crate::stack::{System, create, live, must_create, refused, resource, until_gone, until_ready, update};

const INVALID: &str = "InvalidParameterException";

fn zoned(vpc: &str) -> Namespace {
    Namespace { vpc: Some(vpc.into()), ..Namespace::example() }
}

fn plain() -> Namespace {
    Namespace {
        name: "course-main".into(),
        sort: Namespace::HTTP.into(),
        vpc: None,
        description: String::new(),
        soa_ttl: None,
    }
}

async fn made(sim: &Sim, at: &str, fields: impl Into<Resource>) -> (DesiredResource, LiveResource, Outputs) {
    let desired = resource(at, fields);
    let outputs = must_create(sim, &desired).await;
    until_ready(sim, &desired, &outputs).await.expect("ready");
    let found = live(&desired, &outputs);
    (desired, found, outputs)
}

fn registered(namespace: &str) -> DiscoveryService {
    DiscoveryService { namespace: namespace.into(), ..DiscoveryService::example() }
}

/// The service of `system`, changed.
fn service(system: &System, change: impl FnOnce(&mut Service)) -> DesiredResource {
    let (wanted, _) = system.part("service.api");
    let Resource::Service(mut fields) = wanted.resource else { panic!("a service") };
    change(&mut fields);
    resource("service.second", fields)
}

/// The service of `system` with another network mode and named ports of its task.
async fn with_task(sim: &Sim, system: &System, change: impl FnOnce(&mut Task)) -> String {
    let (wanted, _) = system.part("task.api");
    let Resource::Task(mut fields) = wanted.resource else { panic!("a task") };
    fields.family = "named".into();
    for container in fields.containers.values_mut() {
        container.ports = std::mem::take(&mut container.ports)
            .into_iter()
            .map(|port| neap_core::kinds::PortMapping { name: Some("http".into()), ..port })
            .collect();
    }
    change(&mut fields);
    must_create(sim, &resource("task.named", fields)).await["arn"].clone()
}

fn endpoint() -> ConnectEndpoint {
    ConnectEndpoint {
        port_name: "http".into(),
        dns_name: "api".into(),
        port: 80,
        ingress_port: None,
        idle_timeout_seconds: None,
        request_timeout_seconds: None,
        tls: None,
    }
}

fn connect(namespace: &str) -> ServiceConnect {
    ServiceConnect { namespace: namespace.into(), serves: [("api".into(), endpoint())].into(), logs: None }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_has_its_name_alone_in_its_vpc_or_in_the_region() {
    let sim = Sim::in_memory();
    let vpc = crate::stack::facts(&sim).await.vpc;
    made(&sim, "namespace.main", zoned(&vpc)).await;
    let second = resource("namespace.second", zoned(&vpc));
    refused(create(&sim, &second).await, ErrorKind::Conflict, "NamespaceAlreadyExists");
    made(&sim, "namespace.plain", Namespace { name: "shop.internal".into(), ..plain() }).await;
    let nowhere = resource("namespace.other", zoned("vpc-none"));
    refused(create(&sim, &nowhere).await, ErrorKind::NotFound, "InvalidVpcID.NotFound");
    let both = Namespace { vpc: Some(vpc), ..plain() };
    refused(create(&sim, &resource("namespace.both", both)).await, ErrorKind::Invalid, "InvalidInput");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_after_the_services_in_it() {
    let sim = Sim::in_memory();
    let vpc = crate::stack::facts(&sim).await.vpc;
    let (_, namespace, outputs) = made(&sim, "namespace.main", zoned(&vpc)).await;
    let (_, found, _) = made(&sim, "discovery_service.api", registered(&outputs["id"])).await;
    refused(sim.delete(&namespace).await, ErrorKind::InUse, "ResourceInUse");
    until_gone(&sim, &found).await;
    until_gone(&sim, &namespace).await;
    assert!(sim.resources().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_fails_says_why_and_leaves_everything_as_it_was() {
    let sim = Sim::in_memory();
    let vpc = crate::stack::facts(&sim).await.vpc;
    let fails = |operation: &str, code: &str| {
        let kind = FaultKind::Fail { code: code.into(), message: "no".into() };
        sim.fault(Fault::once(&format!("servicediscovery:{operation}"), kind));
    };
    let wanted = resource("namespace.main", zoned(&vpc));
    fails("CreatePrivateDnsNamespace", "CANNOT_CREATE_HOSTED_ZONE");
    refused(create(&sim, &wanted).await, ErrorKind::Invalid, "CANNOT_CREATE_HOSTED_ZONE");
    assert!(sim.resources().is_empty());
    let (_, found, _) = made(&sim, "namespace.main", zoned(&vpc)).await;
    let changed = Namespace { description: "another".into(), ..zoned(&vpc) };
    let changed = resource("namespace.main", changed);
    fails("UpdatePrivateDnsNamespace", "ACCESS_DENIED");
    refused(update(&sim, &found, &changed).await, ErrorKind::Denied, "ACCESS_DENIED");
    fails("DeleteNamespace", "INTERNAL_FAILURE");
    refused(sim.delete(&found).await, ErrorKind::Unavailable, "INTERNAL_FAILURE");
    assert_eq!(sim.resources()[0].resource, found.resource);
    until_gone(&sim, &found).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_needs_a_namespace_that_is_there_and_a_name_that_is_free() {
    let sim = Sim::in_memory();
    let vpc = crate::stack::facts(&sim).await.vpc;
    let nowhere = resource("discovery_service.api", registered("ns-none"));
    refused(create(&sim, &nowhere).await, ErrorKind::NotFound, "NamespaceNotFound");
    let wanted = resource("namespace.main", zoned(&vpc));
    let outputs = must_create(&sim, &wanted).await;
    let desired = resource("discovery_service.api", registered(&outputs["id"]));
    refused(create(&sim, &desired).await, ErrorKind::NotYet, "NamespaceNotFound");
    until_ready(&sim, &wanted, &outputs).await.expect("ready");
    let first = must_create(&sim, &desired).await;
    let second = resource("discovery_service.second", registered(&outputs["id"]));
    refused(create(&sim, &second).await, ErrorKind::Conflict, "ServiceAlreadyExists");
    let bare =
        DiscoveryService { name: "bare".into(), records: BTreeMap::new(), ..registered(&outputs["id"]) };
    refused(
        create(&sim, &resource("discovery_service.bare", bare)).await,
        ErrorKind::Invalid,
        "InvalidInput",
    );
    let found = live(&desired, &first);
    let ported = DiscoveryService { records: [("SRV".into(), 15)].into(), ..registered(&outputs["id"]) };
    let answer = update(&sim, &found, &resource("discovery_service.api", ported)).await;
    refused(answer, ErrorKind::Invalid, "InvalidInput");
    until_gone(&sim, &found).await;
    assert_eq!(must_create(&sim, &desired).await, first, "the next of this name has the same id");
}

#[tokio::test(start_paused = true)]
async fn tasks_are_registered_as_their_network_lets_them_be_found() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, _, namespace) = made(&sim, "namespace.main", zoned(&system.facts.vpc)).await;
    let (_, _, by_address) = made(&sim, "discovery_service.api", registered(&namespace["id"])).await;
    let ported = DiscoveryService {
        name: "ported".into(),
        records: [("SRV".into(), 15)].into(),
        ..registered(&namespace["id"])
    };
    let (_, _, by_port) = made(&sim, "discovery_service.ported", ported).await;
    let check = async |arn: &str, container: Option<&str>, port: Option<u16>, expected: &str| {
        let registry =
            ServiceRegistry { registry: arn.into(), container: container.map(str::to_owned), port };
        let desired = service(&system, |service| {
            service.name = "second".into();
            service.registry = Some(registry);
        });
        let answer = create(&sim, &desired).await;
        let message = refused(
            answer,
            if expected.contains("not exist.") && arn == "arn:none" {
                ErrorKind::NotFound
            } else {
                ErrorKind::Invalid
            },
            INVALID,
        );
        assert!(message.contains(expected), "{message}");
    };
    check("arn:none", None, None, "does not exist.").await;
    check(&by_address["arn"], Some("app"), Some(3000), "only with those").await;
    check(&by_port["arn"], None, None, "only with those").await;
    check(&by_port["arn"], Some("app"), None, "go together").await;
    check(&by_port["arn"], Some("app"), Some(81), "did not have a container port 81").await;
    let fits = service(&system, |service| {
        service.name = "second".into();
        service.registry = Some(ServiceRegistry {
            registry: by_port["arn"].clone(),
            container: Some("app".into()),
            port: Some(3000),
        });
    });
    must_create(&sim, &fits).await;
}

#[tokio::test(start_paused = true)]
async fn names_outlive_the_service_that_registers_its_tasks_under_them() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, _, namespace) = made(&sim, "namespace.main", zoned(&system.facts.vpc)).await;
    let (_, found, outputs) = made(&sim, "discovery_service.api", registered(&namespace["id"])).await;
    let desired = service(&system, |service| {
        service.name = "second".into();
        service.registry =
            Some(ServiceRegistry { registry: outputs["arn"].clone(), container: None, port: None });
    });
    let second = live(&desired, &must_create(&sim, &desired).await);
    refused(sim.delete(&found).await, ErrorKind::InUse, "ResourceInUse");
    until_gone(&sim, &second).await;
    refused(sim.delete(&found).await, ErrorKind::InUse, "ResourceInUse");
    until_gone(&sim, &found).await;
}

#[tokio::test(start_paused = true)]
async fn tasks_that_ecs_forgot_are_taken_out_of_a_name_that_goes() {
    let sim = Sim::in_memory();
    let vpc = crate::stack::facts(&sim).await.vpc;
    let (_, _, namespace) = made(&sim, "namespace.main", zoned(&vpc)).await;
    let (_, found, _) = made(&sim, "discovery_service.api", registered(&namespace["id"])).await;
    sim.seed("[[stale]]\naddress = \"discovery_service.api\"").expect("a script");
    refused(sim.delete(&found).await, ErrorKind::InUse, "ResourceInUse");
    assert!(sim.counts().contains_key("servicediscovery:DeregisterInstance"));
    until_gone(&sim, &found).await;
}

#[tokio::test(start_paused = true)]
async fn proxies_need_room_a_network_of_their_own_and_ports_with_names() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, _, namespace) = made(&sim, "namespace.main", plain()).await;
    let named = with_task(&sim, &system, |_| {}).await;
    let check = async |task: &str, connect: ServiceConnect, expected: &str, kind: ErrorKind| {
        let desired = service(&system, |service| {
            service.name = "second".into();
            service.targets.clear();
            service.health_check_grace_seconds = 0;
            service.task = task.into();
            service.connect = Some(connect);
        });
        let message = refused(create(&sim, &desired).await, kind, INVALID);
        assert!(message.contains(expected), "{message}");
    };
    let (_, unnamed) = system.part("task.api");
    let arn = &namespace["arn"];
    check(&unnamed.id, connect(arn), "is not a named port", ErrorKind::Invalid).await;
    check(&named, connect("arn:none"), "does not exist", ErrorKind::NotFound).await;
    let desired = service(&system, |service| {
        service.name = "second".into();
        service.task.clone_from(&named);
        service.connect = Some(connect(arn));
    });
    let second = live(&desired, &must_create(&sim, &desired).await);
    let speaks_otherwise = with_task(&sim, &system, |task| {
        for container in task.containers.values_mut() {
            let ports = std::mem::take(&mut container.ports).into_iter();
            let grpc = |port| neap_core::kinds::PortMapping { app_protocol: Some("grpc".into()), ..port };
            container.ports = ports.map(grpc).collect();
        }
    });
    let speaks_otherwise = speaks_otherwise.await;
    let other = service(&system, |service| {
        service.name = "second".into();
        service.task = speaks_otherwise;
        service.connect = Some(connect(arn));
    });
    let message = refused(update(&sim, &second, &other).await, ErrorKind::Invalid, INVALID);
    assert!(message.contains("immutable in a Service Connect service"), "{message}");
    let third = service(&system, |service| {
        service.name = "third".into();
        service.task.clone_from(&named);
        service.connect = Some(connect(arn));
    });
    let message = refused(create(&sim, &third).await, ErrorKind::NotYet, INVALID);
    assert!(message.contains("SC service is already used"), "{message}");
    until_gone(&sim, &second).await;
    refused(create(&sim, &third).await, ErrorKind::NotYet, INVALID);
}

#[tokio::test(start_paused = true)]
async fn what_ecs_made_in_a_namespace_goes_some_time_after_its_service() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, found, namespace) = made(&sim, "namespace.main", plain()).await;
    let named = with_task(&sim, &system, |_| {}).await;
    let desired = service(&system, |service: &mut Service| {
        service.name = "second".into();
        service.task = named;
        service.connect = Some(connect(&namespace["arn"]));
    });
    let second = live(&desired, &must_create(&sim, &desired).await);
    refused(sim.delete(&found).await, ErrorKind::InUse, "ResourceInUse");
    assert!(!sim.counts().contains_key("servicediscovery:DeleteService"), "ECS uses it");
    until_gone(&sim, &second).await;
    until_gone(&sim, &found).await;
}
