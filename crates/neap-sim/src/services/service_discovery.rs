//! AWS Cloud Map: namespaces, and the services in them under which tasks are found.
//!
//! Of Service Connect's names ECS makes services of its own in a namespace, and deletes them some time after its service.

use neap_core::kinds::{DiscoveryService, Namespace, Service, ServiceConnect};
use neap_engine::cloud::{CallError, ErrorKind};

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::arn::{self, SMALL};
use crate::clock::{Millis, NAMES_LINGER, NAMESPACE_GOES, NAMESPACE_SETTLES, ZONED_NAMESPACE_SETTLES};
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidInput";
const NO_NAMESPACE: &str = "NamespaceNotFound";
const NO_SERVICE: &str = "ServiceNotFound";
const IN_USE: &str = "ResourceInUse";
const TAGS: TagCalls = TagCalls {
    add: "servicediscovery:TagResource",
    remove: "servicediscovery:UntagResource",
    invalid: INVALID,
};
/// The seconds that the zone of a namespace says, unless they are chosen.
const SOA_TTL: u32 = 15;
/// The tag of what ECS made.
const MANAGED: &str = "AmazonECSManaged";

/// A look at the operation that a call has begun. One that fails changes nothing, and so is like a call that is refused.
async fn follow(request: &Request<'_>) -> Result<(), CallError> {
    request.sim.poll("servicediscovery:GetOperation", &request.address).await
}

pub(crate) async fn create_namespace(
    request: &Request<'_>,
    desired: &Namespace,
) -> Result<String, CallError> {
    let operation = if desired.has_dns() {
        "servicediscovery:CreatePrivateDnsNamespace"
    } else {
        "servicediscovery:CreateHttpNamespace"
    };
    let existing = |world: &World| namespace_like(world, desired).map(|record| record.arn.clone());
    let create = |world: &mut World| make_namespace(world, request, desired);
    let arn = request.create(operation, create, existing).await?;
    follow(request).await?;
    update_namespace(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update_namespace(
    request: &Request<'_>,
    arn: &str,
    desired: &Namespace,
) -> Result<(), CallError> {
    let current = request.current::<Namespace>(arn)?;
    let ttl = desired.soa_ttl.or(current.soa_ttl);
    if (&current.description, current.soa_ttl) != (&desired.description, ttl) {
        let operation = if desired.has_dns() {
            "servicediscovery:UpdatePrivateDnsNamespace"
        } else {
            "servicediscovery:UpdateHttpNamespace"
        };
        let change = |world: &mut World| {
            let namespace = world.change::<Namespace>(arn, NO_NAMESPACE)?;
            namespace.description.clone_from(&desired.description);
            namespace.soa_ttl = ttl;
            Ok(())
        };
        request.call(operation, change).await?;
        follow(request).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes a namespace. One that is in use may hold what ECS left there.
pub(crate) async fn delete_namespace(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let answer = request.call("servicediscovery:DeleteNamespace", |world| end_namespace(world, arn)).await;
    match answer {
        Err(error) if error.kind == ErrorKind::InUse => {
            request.sim.poll("servicediscovery:ListServices", &request.address).await?;
            for left in request.sim.look_as_shown(|world| left_by_ecs(world, arn)) {
                let delete = |world: &mut World| end_service(world, &left);
                gone_is_done(request.call("servicediscovery:DeleteService", delete).await)?;
            }
            Err(error)
        }
        Ok(()) => follow(request).await,
        answer => gone_is_done(answer),
    }
}

/// What ECS made in a namespace and no service uses any more.
fn left_by_ecs(world: &World, namespace: &str) -> Vec<String> {
    let id = id_in(namespace);
    let serves = |service: &Service, name: &str| {
        let connect = service.connect.as_ref();
        connect.is_some_and(|it| it.namespace == namespace && it.serves.contains_key(name))
    };
    let used = |name: &str| live_services(world).any(|service| serves(service, name));
    let left = |(record, service): &(&Record, &DiscoveryService)| {
        service.namespace == id && record.tags.contains_key(MANAGED) && !used(&service.name)
    };
    world.all::<DiscoveryService>().filter(left).map(|(record, _)| record.arn.clone()).collect()
}

/// The namespace that has this name where the desired one would: in the VPC, or in the region.
fn namespace_like<'world>(world: &'world World, desired: &Namespace) -> Option<&'world Record> {
    let same = |other: &Namespace| other.name == desired.name && other.vpc == desired.vpc;
    world.all::<Namespace>().find(|(_, other)| same(other)).map(|(record, _)| record)
}

fn make_namespace(world: &mut World, request: &Request<'_>, desired: &Namespace) -> Answer<String> {
    rules::one_of(INVALID, "Type", &desired.sort, &[Namespace::HTTP, Namespace::PRIVATE_DNS])?;
    let fits = (1..=253).contains(&desired.name.len()) && desired.name.chars().all(|c| c.is_ascii_graphic());
    rules::require(fits, INVALID, || format!("The name {} is not valid.", desired.name))?;
    rules::require(desired.description.len() <= 1024, INVALID, || "The description is too long.".into())?;
    rules::tags(INVALID, &request.tags)?;
    match (&desired.vpc, desired.has_dns()) {
        (Some(vpc), true) => world.refer_vpc(vpc)?,
        (None, false) => {}
        _ => return Err(Rejection::invalid(INVALID, "A private namespace, and no other, is for a VPC.")),
    }
    if let Some(other) = namespace_like(world, desired) {
        let message = format!("Namespace with name {} already exists.", desired.name);
        return Err(if other.is_deleting() {
            Rejection::not_yet("DuplicateRequest", message)
        } else {
            Rejection::conflict("NamespaceAlreadyExists", message)
        });
    }
    let id = format!("ns-{}", arn::letters(&world.seed(&desired.name), 16, SMALL));
    let arn = world.place().arn("servicediscovery", &format!("namespace/{id}"));
    let fields = Namespace {
        soa_ttl: desired.has_dns().then(|| desired.soa_ttl.unwrap_or(SOA_TTL)),
        ..desired.clone()
    };
    let settles = if desired.has_dns() { ZONED_NAMESPACE_SETTLES } else { NAMESPACE_SETTLES };
    let outputs = [("arn", arn.as_str()), ("id", &id), ("name", &desired.name)];
    let record = Record::new(arn.clone(), fields, &request.tags, &outputs)
        .called(id.as_str())
        .within(&world.place)
        .settling("PENDING", world.now + settles);
    world.insert(record);
    Ok(arn)
}

fn end_namespace(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NO_NAMESPACE, "The namespace does not exist.");
    let (record, _) = world.get::<Namespace>(arn).ok_or_else(missing)?;
    if record.is_deleting() {
        return Ok(());
    }
    let id = record.id.clone();
    if let Some((_, service)) = world.all::<DiscoveryService>().find(|(_, it)| it.namespace == id) {
        let message = format!("Namespace has associated services; delete them first. ({})", service.name);
        return Err(Rejection::in_use(IN_USE, message));
    }
    let until = world.now + NAMESPACE_GOES;
    let record = world.record_mut(arn).ok_or_else(missing)?;
    record.state = State::Deleting { word: "PENDING".to_owned(), until };
    Ok(())
}

pub(crate) async fn create_service(
    request: &Request<'_>,
    desired: &DiscoveryService,
) -> Result<String, CallError> {
    let key = |world: &World| service_arn(world, &desired.namespace, &desired.name);
    let create = |world: &mut World| make_service(world, request, desired);
    let existing = |world: &World| Some(key(world)).filter(|arn| world.record(arn).is_some());
    let arn = request.create("servicediscovery:CreateService", create, existing).await?;
    update_service(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update_service(
    request: &Request<'_>,
    arn: &str,
    desired: &DiscoveryService,
) -> Result<(), CallError> {
    let current = request.current::<DiscoveryService>(arn)?;
    if (&current.description, &current.records) != (&desired.description, &desired.records) {
        let change = |world: &mut World| {
            let service = world.change::<DiscoveryService>(arn, NO_SERVICE)?;
            rules::require(service.records.keys().eq(desired.records.keys()), INVALID, || {
                "The types of the records of a service cannot be changed.".to_owned()
            })?;
            service.description.clone_from(&desired.description);
            service.records.clone_from(&desired.records);
            Ok(())
        };
        request.call("servicediscovery:UpdateService", change).await?;
        follow(request).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes a service. Tasks that are still registered although no service of ECS registers any are taken out of it.
pub(crate) async fn delete_service(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let answer = request.call("servicediscovery:DeleteService", |world| end_service(world, arn)).await;
    match answer {
        Err(error) if error.kind == ErrorKind::InUse => {
            request.sim.poll("servicediscovery:ListInstances", &request.address).await?;
            if request.sim.look_as_shown(|world| !is_registered_with(world, arn)) {
                let deregister = |world: &mut World| {
                    world.registered.remove(arn);
                    Ok(())
                };
                request.call("servicediscovery:DeregisterInstance", deregister).await?;
                follow(request).await?;
            }
            Err(error)
        }
        answer => gone_is_done(answer),
    }
}

/// The services of ECS that are there; those that are gone are shown for a while.
fn live_services(world: &World) -> impl Iterator<Item = &Service> {
    let live = |(record, _): &(&Record, &Service)| record.state != State::Inactive;
    world.all::<Service>().filter(live).map(|(_, service)| service)
}

/// Whether a service of ECS registers its tasks here.
fn is_registered_with(world: &World, arn: &str) -> bool {
    let registers = |service: &Service| service.registry.as_ref().is_some_and(|it| it.registry == arn);
    live_services(world).any(registers)
}

/// Services of the same name in a namespace have the same id, one after the other.
pub(crate) fn service_arn(world: &World, namespace: &str, name: &str) -> String {
    let id = arn::letters(&format!("{namespace}/{name}"), 16, SMALL);
    world.place().arn("servicediscovery", &format!("service/srv-{id}"))
}

fn id_in(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, id)| id)
}

fn make_service(world: &mut World, request: &Request<'_>, desired: &DiscoveryService) -> Answer<String> {
    rules::name(INVALID, &desired.name, 127, "-_.")?;
    rules::tags(INVALID, &request.tags)?;
    rules::one_of(INVALID, "RoutingPolicy", &desired.routing_policy, &["MULTIVALUE", "WEIGHTED"])?;
    for record in desired.records.keys() {
        rules::one_of(INVALID, "Type", record, &["A", "AAAA", "SRV", "CNAME"])?;
    }
    let namespace = world.place().arn("servicediscovery", &format!("namespace/{}", desired.namespace));
    let message = "The namespace does not exist.";
    let (record, found) = world.referred::<Namespace>(&namespace, NO_NAMESPACE, message)?;
    if matches!(record.state, State::Settling { .. }) {
        return Err(Rejection::not_yet(NO_NAMESPACE, message));
    }
    rules::require(!record.is_deleting(), NO_NAMESPACE, || message.to_owned())?;
    rules::require(found.has_dns() != desired.records.is_empty(), INVALID, || {
        "A service has records where its namespace has DNS, and only there.".to_owned()
    })?;
    let arn = service_arn(world, &desired.namespace, &desired.name);
    if world.record(&arn).is_some() {
        let message = format!("Service {} already exists.", desired.name);
        return Err(Rejection::conflict("ServiceAlreadyExists", message));
    }
    put_service(world, &arn, desired.clone(), &request.tags);
    Ok(arn)
}

fn put_service(
    world: &mut World,
    arn: &str,
    fields: DiscoveryService,
    tags: &std::collections::BTreeMap<String, String>,
) {
    let id = id_in(arn).to_owned();
    let name = fields.name.clone();
    let outputs = [("arn", arn), ("id", &id), ("name", &name)];
    let record = Record::new(arn.to_owned(), fields, tags, &outputs).called(id.as_str()).within(&world.place);
    world.insert(record);
}

fn end_service(world: &mut World, arn: &str) -> Answer<()> {
    let missing = || Rejection::not_found(NO_SERVICE, "The service does not exist.");
    world.get::<DiscoveryService>(arn).ok_or_else(missing)?;
    if is_registered_with(world, arn) || world.registered.contains_key(arn) {
        let message =
            "Service contains registered instances; delete the instances before deleting the service";
        return Err(Rejection::in_use(IN_USE, message));
    }
    world.remove(arn);
    Ok(())
}

/// Makes the names of a service of ECS known in its namespace, and has those go that it no longer serves.
pub(crate) fn serve(world: &mut World, before: Option<&ServiceConnect>, after: Option<&ServiceConnect>) {
    if let Some(after) = after {
        let namespace = id_in(&after.namespace).to_owned();
        for name in after.serves.keys() {
            let arn = service_arn(world, &namespace, name);
            let fields = DiscoveryService {
                name: name.clone(),
                namespace: namespace.clone(),
                description: String::new(),
                records: [].into(),
                routing_policy: "MULTIVALUE".to_owned(),
                custom_health_check: false,
            };
            put_service(world, &arn, fields, &[(MANAGED.to_owned(), "true".to_owned())].into());
        }
    }
    let Some(before) = before else { return };
    let kept = |name: &String| {
        after.is_some_and(|after| after.namespace == before.namespace && after.serves.contains_key(name))
    };
    let gone = before.serves.keys().filter(|name| !kept(name)).cloned().collect::<Vec<_>>();
    let until = world.now + NAMES_LINGER;
    leave_names(world, &before.namespace, &gone, until);
}

/// Has names that ECS made go at `until`.
pub(crate) fn leave_names(world: &mut World, namespace: &str, names: &[String], until: Millis) {
    for name in names {
        let arn = service_arn(world, id_in(namespace), name);
        if let Some(record) = world.record_mut(&arn).filter(|record| record.tags.contains_key(MANAGED)) {
            record.state = State::Deleting { word: "deleting".to_owned(), until };
        }
    }
}

/// Refuses Service Connect in a namespace that cannot be used, or under names that others have.
pub(crate) fn connectable(
    world: &World,
    before: Option<&ServiceConnect>,
    desired: &ServiceConnect,
) -> Answer<()> {
    const CODE: &str = "InvalidParameterException";
    let message = format!("The namespace {} does not exist.", desired.namespace);
    let (record, _) = world.referred::<Namespace>(&desired.namespace, CODE, &message)?;
    match record.state {
        State::Ready => {}
        State::Settling { .. } => return Err(Rejection::not_yet(CODE, message)),
        _ => return Err(Rejection::invalid(CODE, message)),
    }
    let own = |name: &String| {
        before.is_some_and(|it| it.namespace == desired.namespace && it.serves.contains_key(name))
    };
    for name in desired.serves.keys().filter(|name| !own(name)) {
        if world.record(&service_arn(world, id_in(&desired.namespace), name)).is_some() {
            let message = format!("SC service is already used by {}", desired.namespace);
            return Err(Rejection::not_yet(CODE, message));
        }
    }
    Ok(())
}
