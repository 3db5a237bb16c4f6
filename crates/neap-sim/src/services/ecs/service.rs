//! Services (reference section 3.17): their parameters, their deployments, and how they go.

use std::collections::BTreeSet;

use neap_core::desired::TAG_REACHES;
use neap_core::kinds::{ClusterCapacity, DiscoveryService, Service, TargetGroup, Task};
use neap_engine::cloud::CallError;

use super::{INVALID, NAME, TAGS, blue_green, cluster, cluster_capacity, placement};
use crate::clock::{
    CIRCUIT_BREAKS, CONTAINER_STOPS, DEPLOYMENT_COMPLETES, Millis, NEXT_TASK_STARTS, TASK_INTERFACES_LINGER,
    TASK_STARTS,
};
use crate::error::{Answer, Rejection};
use crate::record::{Deployment, Record, Rollout, State};
use crate::rules;
use crate::services::Request;
use crate::services::elb::{self, balancers_of};
use crate::services::request::gone_is_done;
use crate::services::service_discovery;
use crate::world::World;

const NOT_FOUND: &str = "ServiceNotFoundException";

fn arn(world: &World, desired: &Service) -> String {
    let (_, cluster) = desired.cluster.rsplit_once('/').unwrap_or(("", &desired.cluster));
    world.place().arn("ecs", &format!("service/{cluster}/{}", desired.name))
}

pub(crate) async fn create(request: &Request<'_>, desired: &Service) -> Result<String, CallError> {
    let existing = |world: &World| Some(arn(world, desired));
    let create = |world: &mut World| create_service(world, request, desired);
    let arn = request.create("ecs:CreateService", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Service) -> Result<(), CallError> {
    let current = request.current::<Service>(arn)?;
    let failed = request.sim.look_as_shown(|world| has_failed(world, arn));
    // Proxies know the names that there are when they are deployed.
    let again = failed || request.changes_tag(TAG_REACHES);
    if current != *desired || again {
        let update = |world: &mut World| {
            let now = world.get::<Service>(arn).map(|(_, now)| now.clone());
            let sent = blue_green::sent(&current, desired, now.as_ref().unwrap_or(&current));
            update_service(world, arn, &sent, again)
        };
        request.call("ecs:UpdateService", update).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the service and stops its tasks in one call.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_service(world, arn, true);
    gone_is_done(request.call("ecs:DeleteService", delete).await)
}

fn has_failed(world: &World, arn: &str) -> bool {
    let deployment = world.record(arn).and_then(|record| record.deployment.as_ref());
    deployment.is_some_and(|deployment| matches!(deployment.rollout, Rollout::Failed { .. }))
}

fn create_service(world: &mut World, request: &Request<'_>, desired: &Service) -> Answer<String> {
    rules::name(INVALID, &desired.name, 255, NAME)?;
    rules::tags(INVALID, &request.tags)?;
    let arn = arn(world, desired);
    if let Some((record, service)) = world.get::<Service>(&arn) {
        if record.is_deleting() {
            let message = "Unable to Start a service that is still Draining.";
            return Err(Rejection::not_yet(INVALID, message));
        }
        let message = "Creation of service was not idempotent.";
        return if service.clone().without_idle_grace() == *desired {
            Ok(arn)
        } else {
            Err(Rejection::conflict(INVALID, message))
        };
    }
    check(world, desired)?;
    connect(world, None, desired)?;
    let outputs = [("name", desired.name.as_str()), ("arn", &arn)];
    let mut record = Record::new(arn.clone(), desired.clone(), &request.tags, &outputs).within(&world.place);
    let mut first = deployment(world, desired, 0, None);
    blue_green::begin(world, &mut first, desired, true);
    record.deployment = Some(first);
    world.insert(record);
    service_discovery::serve(world, None, desired.connect.as_ref());
    Ok(arn)
}

/// A deployment of what the service says. It replaces `previous`, if that is another task definition.
fn deployment(world: &mut World, service: &Service, running: u32, previous: Option<String>) -> Deployment {
    let started = world.now;
    let count = placement::tasks(world, service);
    let scripted = world.deployment_fails.take();
    let fails =
        scripted.or_else(|| placement::obstacle(world, service, previous.is_some())).filter(|_| count > 0);
    let more = Millis::from(count.saturating_sub(running).saturating_sub(1));
    let until = match (&fails, count) {
        (Some(_), _) => started + CIRCUIT_BREAKS,
        (None, 0) => started + CONTAINER_STOPS,
        (None, _) => {
            placement::instances_start(world, service).max(started)
                + TASK_STARTS
                + more * NEXT_TASK_STARTS
                + DEPLOYMENT_COMPLETES
        }
    };
    Deployment {
        task: service.task.clone(),
        started,
        until,
        running,
        count,
        fails,
        previous,
        shift: None,
        rollout: Rollout::InProgress,
    }
}

/// Refuses what no service can be like, in this world.
fn check(world: &World, desired: &Service) -> Answer<()> {
    let cluster = cluster::active(world, &desired.cluster)?;
    let own = world.get::<ClusterCapacity>(&cluster_capacity::arn(&desired.cluster)).map(|(_, own)| own);
    let mut associated = cluster.capacity_providers.clone();
    associated.extend(own.into_iter().flat_map(|own| own.capacity_providers.clone()));
    cluster::strategy(&desired.capacity, &associated)?;
    strategy(desired)?;
    let default = own.map(|own| &own.default_strategy).filter(|strategy| !strategy.is_empty());
    let default = default.unwrap_or(&cluster.default_strategy);
    let capacity = if desired.capacity.is_empty() { default } else { &desired.capacity };
    let message = "TaskDefinition not found.";
    let (record, task) = world.referred::<Task>(&desired.task, "ClientException", message)?;
    rules::require(record.state == State::Ready, "ClientException", || "TaskDefinition is inactive".into())?;
    let on_fargate = !desired.is_daemon() && capacity.keys().any(|provider| provider.starts_with("FARGATE"));
    let launch_type = if on_fargate { "FARGATE" } else { "EC2" };
    rules::require(task.launch_types.contains(launch_type), INVALID, || {
        format!("Task definition does not support launch_type {launch_type}.")
    })?;
    rules::require(on_fargate || !desired.public_ip, INVALID, || {
        "Assign public IP is not supported for this launch type.".to_owned()
    })?;
    numbers(desired)?;
    placement::network(world, desired, task)?;
    registry(world, desired, task)?;
    targets(world, desired, task)?;
    classic(world, desired, task, on_fargate)?;
    blue_green::check(world, desired)
}

/// Refuses tasks that could not be found as they are registered ("ServiceRegistry" of ECS's API reference).
fn registry(world: &World, desired: &Service, task: &Task) -> Answer<()> {
    let Some(registry) = &desired.registry else { return Ok(()) };
    let message = format!("The service registry {} does not exist.", registry.registry);
    let (_, found) = world.referred::<DiscoveryService>(&registry.registry, INVALID, &message)?;
    let with_port = found.records.contains_key("SRV");
    rules::require(with_port || task.network_mode == "awsvpc", INVALID, || {
        "When specifying 'host' or 'bridge' for networkMode, the service registry must use DNS records of type SRV."
            .to_owned()
    })?;
    rules::require(registry.port.is_some() == registry.container.is_some(), INVALID, || {
        "The containerName and containerPort of a service registry go together.".to_owned()
    })?;
    rules::require(registry.port.is_some() == with_port, INVALID, || {
        "A container and its port are registered with DNS records of type SRV, and only with those."
            .to_owned()
    })?;
    let (Some(name), Some(port)) = (&registry.container, registry.port) else { return Ok(()) };
    opens(task, name, port)
}

/// Refuses a container that does not open this port.
fn opens(task: &Task, name: &str, port: u16) -> Answer<()> {
    let container = task.containers.get(name);
    rules::require(container.is_some(), INVALID, || {
        format!("The container {name} does not exist in the task definition.")
    })?;
    let opened = container.is_some_and(|it| it.ports.iter().any(|open| open.container_port == port));
    rules::require(opened, INVALID, || {
        format!("The container {name} did not have a container port {port} defined.")
    })
}

/// Refuses proxies that could not stand beside the tasks ("Service Connect" in the developer guide).
fn connect(world: &World, before: Option<&Service>, desired: &Service) -> Answer<()> {
    let Some(connect) = &desired.connect else { return Ok(()) };
    let Some((_, task)) = world.get::<Task>(&desired.task) else { return Ok(()) };
    rules::require(matches!(task.network_mode.as_str(), "awsvpc" | "bridge"), INVALID, || {
        format!("Service Connect does not support the network mode {}.", task.network_mode)
    })?;
    rules::require(task.memory.is_some(), INVALID, || {
        "Service Connect needs a task definition with a memory limit of the task.".to_owned()
    })?;
    let named = |name: &str| {
        let ports = task.containers.values().flat_map(|container| &container.ports);
        ports.filter(|port| port.name.as_deref() == Some(name)).count()
    };
    for endpoint in connect.serves.values() {
        rules::require(named(&endpoint.port_name) == 1, INVALID, || {
            format!(
                "portName {} in Service Connect is not a named port of the task definition.",
                endpoint.port_name
            )
        })?;
    }
    // "Updating this field requires a service deletion and redeployment" ("PortMapping" in the API reference).
    if let Some((before, (_, old))) =
        before.and_then(|before| Some((before, world.get::<Task>(&before.task)?)))
    {
        let kept = desired.served_ports().intersection(&before.served_ports()).copied().collect::<Vec<_>>();
        let fixed = kept.iter().all(|port| old.spoken(port) == task.spoken(port));
        rules::require(fixed, INVALID, || {
            "the protocol and appProtocol of a port are immutable in a Service Connect service.".to_owned()
        })?;
    }
    service_discovery::connectable(world, before.and_then(|before| before.connect.as_ref()), connect)
}

/// Refuses what a scheduling strategy does not go with, in the words of ECS (aws/containers-roadmap#692,
/// hashicorp/terraform-provider-aws#4825, kayac/ecspresso#20).
fn strategy(desired: &Service) -> Answer<()> {
    rules::one_of(
        INVALID,
        "schedulingStrategy",
        &desired.scheduling_strategy,
        &["REPLICA", Service::DAEMON],
    )?;
    if !desired.is_daemon() {
        return rules::require(desired.count.is_some(), INVALID, || {
            "desiredCount is required for the REPLICA scheduling strategy".to_owned()
        });
    }
    rules::require(desired.capacity.is_empty(), INVALID, || {
        "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON \
         scheduling strategy."
            .to_owned()
    })?;
    rules::require(desired.count.is_none(), INVALID, || {
        "The daemon scheduling strategy does not support a desired count for services. Remove the desired count \
         value and try again"
            .to_owned()
    })?;
    rules::require(desired.maximum_percent <= 100, INVALID, || {
        "The daemon scheduling strategy does not support values above 100 for maximumPercent on a deployment \
         configuration. Change the maximumPercent value to 100, and try again"
            .to_owned()
    })
}

fn numbers(desired: &Service) -> Answer<()> {
    rules::in_range(INVALID, "desiredCount", desired.count.unwrap_or(0), 0..=5000)?;
    let (minimum, maximum) = (desired.minimum_healthy_percent, desired.maximum_percent);
    rules::in_range(INVALID, "minimumHealthyPercent", minimum, 0..=100)?;
    rules::in_range(INVALID, "maximumPercent", maximum, 100..=200)?;
    rules::require(minimum < maximum, INVALID, || {
        "minimumHealthyPercent must be less than maximumPercent, or no deployment can make progress"
            .to_owned()
    })?;
    rules::one_of(
        INVALID,
        "propagateTags",
        &desired.propagate_tags,
        &["SERVICE", "TASK_DEFINITION", "NONE"],
    )?;
    let rebalancing = desired.zone_rebalancing.as_str();
    rules::one_of(INVALID, "availabilityZoneRebalancing", rebalancing, &["ENABLED", "DISABLED"])?;
    rules::require(rebalancing == "DISABLED" || maximum > 100, INVALID, || {
        "availabilityZoneRebalancing needs a maximumPercent greater than 100".to_owned()
    })?;
    rules::require(rebalancing == "DISABLED" || desired.classic.is_none(), INVALID, || {
        "availabilityZoneRebalancing is not supported with a Classic Load Balancer".to_owned()
    })?;
    rules::require(desired.is_balanced() || desired.health_check_grace_seconds == 0, INVALID, || {
        "Health check grace period is only valid for services configured to use load balancers".to_owned()
    })
}

/// Refuses a classic load balancer that does not know the tasks: ECS looks at its listeners.
fn classic(world: &World, desired: &Service, task: &Task, on_fargate: bool) -> Answer<()> {
    let Some(target) = &desired.classic else { return Ok(()) };
    rules::require(desired.targets.is_empty(), INVALID, || {
        "load balancer can not be specified with target groups".to_owned()
    })?;
    rules::require(!on_fargate && task.network_mode != "awsvpc", INVALID, || {
        "Classic Load Balancers are not supported for services with tasks that use the awsvpc network mode"
            .to_owned()
    })?;
    let name = &target.load_balancer;
    let Some((_, clb)) = elb::clb::find(world, name) else {
        return Err(Rejection::not_yet(INVALID, format!("The load balancer {name} does not exist.")));
    };
    let (container, port) = (&target.container, target.port);
    let opened = task.containers.get(container).into_iter().flat_map(|it| &it.ports);
    let host = opened.filter(|open| open.container_port == port).map(|open| open.host_port).next();
    let host = host.ok_or_else(|| {
        let message = format!("The container {container} did not have a container port {port} defined.");
        Rejection::invalid(INVALID, message)
    })?;
    rules::require(clb.listeners.values().any(|listener| listener.instance_port == host), INVALID, || {
        format!(
            "The load balancer {name} has no listener for the host port {host} of the container {container}."
        )
    })
}

fn targets(world: &World, desired: &Service, task: &Task) -> Answer<()> {
    for target in &desired.targets {
        let arn = &target.target_group;
        let message = format!("The specified target group {arn} does not exist.");
        let (_, group) = world.referred::<TargetGroup>(arn, INVALID, &message)?;
        opens(task, &target.container, target.port)?;
        let wanted = if task.network_mode == "awsvpc" { "ip" } else { "instance" };
        rules::require(group.target_type == wanted, INVALID, || {
            format!(
                "The provided target group {arn} has target type {}, which is incompatible with the {} network \
                 mode specified in the task definition.",
                group.target_type, task.network_mode
            )
        })?;
        if balancers_of(world, arn).is_empty() {
            let message = format!(
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            );
            return Err(Rejection::not_yet(INVALID, message));
        }
    }
    Ok(())
}

/// Changes a service. A change of what runs starts a deployment, one of the number only starts or stops tasks.
fn update_service(world: &mut World, arn: &str, desired: &Service, again: bool) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "Service not found.");
    let (record, current) = world.get::<Service>(arn).ok_or_else(missing)?;
    if record.is_deleting() {
        let message = "Service was not ACTIVE.";
        return Err(Rejection::not_found("ServiceNotActiveException", message));
    }
    let (current, last) = (current.clone(), record.deployment.clone());
    check(world, desired)?;
    connect(world, Some(&current), desired)?;
    rules::require(current.scheduling_strategy == desired.scheduling_strategy, INVALID, || {
        "the scheduling strategy of a service cannot be updated".to_owned()
    })?;
    let failed = has_failed(world, arn);
    let deploys = failed || again || runs(&current) != runs(desired);
    let settled = last.filter(|last| last.rollout == Rollout::InProgress);
    let running = settled.as_ref().map_or_else(|| placement::tasks(world, &current), |last| last.running);
    let previous = match settled {
        // A deployment that is overtaken was never complete: what ran before it is what still works.
        Some(overtaken) if overtaken.previous.is_some() => overtaken.previous,
        Some(_) => None,
        None => (!failed).then_some(current.task.clone()),
    };
    let fresh = if deploys {
        let mut fresh = deployment(world, desired, 0, previous.filter(|task| *task != desired.task));
        blue_green::begin(world, &mut fresh, desired, false);
        Some(fresh)
    } else if current.count != desired.count {
        Some(deployment(world, desired, running.min(placement::tasks(world, desired)), None))
    } else {
        None
    };
    let left: BTreeSet<String> =
        current.security_groups.difference(&desired.security_groups).cloned().collect();
    if let Some(fresh) = &fresh {
        // The tasks from before run until theirs is done, in the groups from before.
        let until = fresh.until + TASK_INTERFACES_LINGER;
        world.leave_interface(format!("tasks of {}", desired.name), left, current.subnets.clone(), until);
        if let Some(old) = current.registry.as_ref().filter(|old| Some(*old) != desired.registry.as_ref()) {
            world.registered.insert(old.registry.clone(), until);
        }
    }
    service_discovery::serve(world, current.connect.as_ref(), desired.connect.as_ref());
    let record = world.record_mut(arn).ok_or_else(missing)?;
    let mut kept = desired.clone();
    if !kept.is_balanced() {
        // An update that names none leaves it as it was.
        kept.health_check_grace_seconds = current.health_check_grace_seconds;
    }
    record.resource = kept.into();
    if let Some(fresh) = fresh {
        record.deployment = Some(fresh);
    }
    Ok(())
}

/// Sets how many tasks run, as scaling does.
pub(crate) fn scale(world: &mut World, arn: &str, count: u32) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "Service not found.");
    let now = world.get::<Service>(arn).ok_or_else(missing)?.1.clone().without_idle_grace();
    let scaled = Service { count: Some(count), ..now };
    update_service(world, arn, &scaled, false)
}

/// The fields whose change starts a deployment.
fn runs(service: &Service) -> impl PartialEq + use<> {
    let Service {
        task,
        capacity,
        targets,
        classic,
        registry,
        connect,
        subnets,
        security_groups,
        public_ip,
        platform_version,
        ..
    } = service.clone();
    // Another strategy is taken with a new deployment alone, which is what callers force.
    let places: Vec<_> = capacity.into_iter().map(|(name, item)| (name, item.weight, item.base)).collect();
    (task, places, targets, classic, registry, connect, subnets, security_groups, public_ip, platform_version)
}

/// Starts to drain a service, which must have no tasks or be deleted by force.
fn delete_service(world: &mut World, arn: &str, force: bool) -> Answer<()> {
    let missing = || Rejection::not_found(NOT_FOUND, "Service not found.");
    let (record, service) = world.get::<Service>(arn).ok_or_else(missing)?;
    if record.is_deleting() {
        return Ok(());
    }
    rules::require(force || placement::tasks(world, service) == 0, INVALID, || {
        "The service cannot be stopped while it is scaled above 0.".to_owned()
    })?;
    let delay = |arn: &String| {
        world.get::<TargetGroup>(arn).map_or(0, |(_, group)| group.deregistration_delay_seconds)
    };
    let delay = service.targets.iter().map(|target| delay(&target.target_group)).max().unwrap_or(0);
    let until = world.now + Millis::from(delay) * 1000 + CONTAINER_STOPS;
    let record = world.record_mut(arn).ok_or_else(missing)?;
    record.state = State::Deleting { word: "draining".to_owned(), until };
    Ok(())
}
