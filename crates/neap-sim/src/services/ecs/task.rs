//! Task definitions (reference section 3.14): each registration is a new revision of its family.

use std::collections::{BTreeMap, BTreeSet};

use neap_core::desired::TAG_STACK;
use neap_core::diff;
use neap_core::kinds::{Container, Task, Volume};
use neap_core::live::{LiveResource, Phase};
use neap_engine::cloud::CallError;

use super::{CLIENT, INVALID, NAME, TAGS};
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::services::Request;
use crate::services::request::gone_is_done;
use crate::world::World;

/// How many revisions one call can delete.
const BATCH: usize = 10;

/// The latest active revision of a family that a reader sees.
fn latest<'world>(world: &'world World, family: &str) -> Option<(&'world Record, &'world Task)> {
    let of_family = world.all::<Task>().filter(|(_, task)| task.family == family);
    let active = of_family.filter(|(record, _)| is_active(record));
    active.max_by_key(|(record, _)| revision(&record.arn))
}

fn is_active(record: &Record) -> bool {
    record.state == State::Ready
}

/// The ARNs of the latest active revisions of all families.
pub(crate) fn latest_of_all(world: &World) -> BTreeSet<&str> {
    let mut latest: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
    for (record, task) in world.all::<Task>().filter(|(record, _)| is_active(record)) {
        let found = (revision(&record.arn), record.arn.as_str());
        let known = latest.entry(&task.family).or_insert(found);
        *known = (*known).max(found);
    }
    latest.into_values().map(|(_, arn)| arn).collect()
}

fn revision(arn: &str) -> u32 {
    arn.rsplit_once(':').and_then(|(_, revision)| revision.parse().ok()).unwrap_or(0)
}

/// The newest active revision of a family that carries the marks of `stack`.
pub(crate) fn newest_of<'world>(world: &'world World, family: &str, stack: &str) -> Option<&'world Record> {
    let ours = |record: &Record| is_active(record) && record.is_of(stack);
    let of_family = world.all::<Task>().filter(|(record, task)| task.family == family && ours(record));
    of_family.map(|(record, _)| record).max_by_key(|record| revision(&record.arn))
}

/// The latest revision of each family that has inactive ones only: what a deletion leaves that ends half-way.
pub(crate) fn latest_of_inactive(world: &World) -> Vec<&Record> {
    let mut latest: BTreeMap<&str, &Record> = BTreeMap::new();
    for (record, task) in world.all::<Task>().filter(|(record, _)| record.state == State::Inactive) {
        let known = latest.entry(&task.family).or_insert(record);
        if revision(&record.arn) > revision(&known.arn) {
            *known = record;
        }
    }
    for (_, task) in world.all::<Task>().filter(|(record, _)| is_active(record)) {
        latest.remove(task.family.as_str());
    }
    latest.into_values().collect()
}

/// Registers a revision, unless the latest one is what is asked for: nothing else dedupes a repeated call.
pub(crate) async fn register(request: &Request<'_>, desired: &Task) -> Result<String, CallError> {
    let wanted = normalised(desired);
    let existing = request.met_earlier(|world| {
        let (record, task) = latest(world, &wanted.family)?;
        let ours = record.tags.get(TAG_STACK) == request.tags.get(TAG_STACK);
        (ours && *task == wanted).then(|| record.arn.clone())
    });
    if let Some(arn) = existing {
        request.retag(&arn, &TAGS).await?;
        return Ok(arn);
    }
    let register = |world: &mut World| register_task_definition(world, request, wanted);
    request.call("ecs:RegisterTaskDefinition", register).await
}

/// Registers a revision with what differs. Tags alone change in place, whoever registered the revision.
pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Task) -> Result<String, CallError> {
    let is_same =
        request.current::<Task>(arn).is_ok_and(|current| diff::are_alike(&normalised(desired), &current));
    if !is_same {
        return register(request, desired).await;
    }
    request.retag(arn, &TAGS).await?;
    Ok(arn.to_owned())
}

/// The latest active revision of the family, if it carries all the tags of the request, the spec hash included.
pub(crate) fn registered(world: &World, request: &Request<'_>, family: &str) -> Option<String> {
    let (record, _) = latest(world, family)?;
    request.tags.iter().all(|(key, value)| record.tags.get(key) == Some(value)).then(|| record.arn.clone())
}

/// Deregisters every active revision of the family that is the stack's own, and deletes the inactive ones.
pub(crate) async fn delete(request: &Request<'_>, live: &LiveResource) -> Result<(), CallError> {
    for arn in revisions(request, live, &State::Ready) {
        let deregister = |world: &mut World| {
            let missing = || Rejection::not_found(CLIENT, "The specified task definition does not exist.");
            let record = world.record_mut(&arn).ok_or_else(missing)?;
            if record.state == State::Ready {
                record.state = State::Inactive;
            }
            Ok(())
        };
        gone_is_done(request.call("ecs:DeregisterTaskDefinition", deregister).await)?;
    }
    for batch in revisions(request, live, &State::Inactive).chunks(BATCH) {
        let delete = |world: &mut World| delete_task_definitions(world, batch);
        request.call("ecs:DeleteTaskDefinitions", delete).await?;
    }
    Ok(())
}

/// Whether no revision of the family that is the stack's own can be used any more.
pub(crate) fn is_gone(world: &World, live: &LiveResource) -> bool {
    let left = |record: &Record| !record.is_deleting() && is_revision(record, live);
    !world.all::<Task>().any(|(record, _)| left(record))
}

/// Whether `record` is a revision of the family `live` that goes with it. Where a deletion ended half-way, those that were
/// registered since then stay.
fn is_revision(record: &Record, live: &LiveResource) -> bool {
    let is_half_gone = matches!(live.phase, Phase::Deleting(_));
    (!is_half_gone || revision(&record.arn) <= revision(&live.id))
        && record.resource.aws_name() == live.resource.aws_name()
        && (record.tags.get(TAG_STACK) == live.tags.get(TAG_STACK) || is_bare(record))
}

/// Whether nothing says whose it is: in a family of the stack's own, a pipeline has registered it for the stack's service.
fn is_bare(record: &Record) -> bool {
    record.tags.is_empty()
}

fn revisions(request: &Request<'_>, live: &LiveResource, state: &State) -> Vec<String> {
    request.sim.look_as_shown(|world| {
        let wanted = |record: &Record| record.state == *state && is_revision(record, live);
        let mut arns: Vec<String> = world
            .all::<Task>()
            .filter(|(record, _)| wanted(record))
            .map(|(record, _)| record.arn.clone())
            .collect();
        arns.sort_by_key(|arn| revision(arn));
        arns
    })
}

/// The definition as AWS echoes it.
fn normalised(desired: &Task) -> Task {
    let mut task = desired.clone();
    for container in task.containers.values_mut() {
        let ports = std::mem::take(&mut container.ports).into_iter().map(|mut port| {
            if port.host_port == 0 && matches!(task.network_mode.as_str(), "awsvpc" | "host") {
                port.host_port = port.container_port;
            }
            port
        });
        container.ports = ports.collect();
        if container.firelens.is_some() {
            container.user.get_or_insert_with(|| "0".to_owned());
        }
    }
    if task.ephemeral_storage_gib == Some(20) {
        task.ephemeral_storage_gib = None;
    }
    task
}

fn register_task_definition(world: &mut World, request: &Request<'_>, task: Task) -> Answer<String> {
    rules::name(CLIENT, &task.family, 255, NAME)?;
    rules::one_of(CLIENT, "the network mode", &task.network_mode, &["awsvpc", "bridge", "host", "none"])?;
    rules::one_of(CLIENT, "the architecture", &task.architecture, &["X86_64", "ARM64"])?;
    let launch = ["FARGATE", "EC2"];
    for launch_type in &task.launch_types {
        rules::one_of(CLIENT, "the launch type", launch_type, &launch)?;
    }
    containers(&task)?;
    if task.launch_types.contains("FARGATE") {
        fargate(&task)?;
    }
    rules::tags(INVALID, &request.tags)?;
    let region = world.place.clone();
    let last = world.revisions.entry(format!("{region}/{}", task.family)).or_default();
    *last += 1;
    let path = format!("task-definition/{}:{last}", task.family);
    let arn = world.place().arn("ecs", &path);
    let family = task.family.clone();
    let outputs = [("arn", arn.as_str()), ("family", &family)];
    let record = Record::new(arn.clone(), task, &request.tags, &outputs).within(&region);
    world.insert(record);
    Ok(arn)
}

fn containers(task: &Task) -> Answer<()> {
    let essential = task.containers.values().any(|container| container.essential);
    rules::require(essential, CLIENT, || {
        "Invalid 'containerDefinitions' setting: at least one essential container is required.".to_owned()
    })?;
    for (name, container) in &task.containers {
        rules::name(CLIENT, name, 255, NAME)?;
        rules::require(!container.image.is_empty(), CLIENT, || {
            "Container.image should not be empty.".into()
        })?;
        let sized = task.memory.or(container.memory).or(container.memory_reservation).is_some();
        rules::require(sized, CLIENT, || {
            "Invalid setting for container: at least one of 'memory' or 'memoryReservation' must be specified."
                .to_owned()
        })?;
        let reserved = container.memory_reservation.zip(container.memory);
        rules::require(reserved.is_none_or(|(soft, hard)| soft <= hard), CLIENT, || {
            format!("container {name}: memoryReservation cannot exceed memory")
        })?;
        container_refers(task, name, container)?;
        ports(task, name, container)?;
    }
    log_router(task)?;
    file_systems(task)?;
    let memory: u32 = task.containers.values().filter_map(|container| container.memory).sum();
    let cpu: u32 = task.containers.values().map(|container| container.cpu).sum();
    rules::require(task.memory.is_none_or(|limit| memory <= limit), CLIENT, || {
        "The total memory of the containers cannot exceed the memory of the task.".to_owned()
    })?;
    rules::require(task.cpu.is_none_or(|limit| cpu <= limit), CLIENT, || {
        "The total cpu of the containers cannot exceed the cpu of the task.".to_owned()
    })?;
    circular(task)
}

/// Refuses a container that names another container or a volume that is not there.
fn container_refers(task: &Task, name: &str, container: &Container) -> Answer<()> {
    for (other, condition) in &container.depends_on {
        rules::require(task.containers.contains_key(other) && other != name, CLIENT, || {
            format!("container {name} depends on {other}, which is no other container of the task")
        })?;
        let conditions = ["START", "COMPLETE", "SUCCESS", "HEALTHY"];
        rules::one_of(CLIENT, "the condition of a dependency", condition, &conditions)?;
        let checked = task.containers.get(other).is_some_and(|other| other.health_check.is_some());
        rules::require(condition != "HEALTHY" || checked, CLIENT, || {
            format!("container {name} waits until {other} is HEALTHY, which has no health check")
        })?;
    }
    for mount in &container.mounts {
        rules::require(task.volumes.contains_key(&mount.volume), CLIENT, || {
            format!("Unknown volume '{}' in the mount points of container {name}.", mount.volume)
        })?;
    }
    Ok(())
}

/// Refuses file systems that could not be mounted so.
fn file_systems(task: &Task) -> Answer<()> {
    for volume in task.volumes.values() {
        let Volume::Efs { root, transit_encryption, access_point, iam, .. } = volume else { continue };
        rules::require(access_point.is_none() || root == "/", CLIENT, || {
            "When an EFS access point is specified, the root directory must be omitted or set to /."
                .to_owned()
        })?;
        rules::require(*transit_encryption || !(*iam || access_point.is_some()), CLIENT, || {
            "Transit encryption must be enabled when EFS IAM authorization or an access point is used."
                .to_owned()
        })?;
        rules::require(!*iam || task.task_role.is_some(), CLIENT, || {
            "A task role is required when EFS IAM authorization is enabled.".to_owned()
        })?;
    }
    Ok(())
}

/// Refuses a log router that nobody uses or that is no administrator, and containers that use one that is not there.
fn log_router(task: &Task) -> Answer<()> {
    let routers: Vec<&Container> =
        task.containers.values().filter(|container| container.firelens.is_some()).collect();
    let sends =
        |container: &&Container| container.logs.as_ref().is_some_and(|logs| logs.driver == "awsfirelens");
    let used = task.containers.values().any(|container| sends(&container));
    rules::require(routers.len() <= 1, CLIENT, || {
        "Only one container can have a firelensConfiguration object.".to_owned()
    })?;
    rules::require(routers.is_empty() || used, CLIENT, || {
        "When a firelensConfiguration object is specified, at least one container has to be configured with the \
         awsfirelens log driver."
            .to_owned()
    })?;
    rules::require(!used || !routers.is_empty(), CLIENT, || {
        "When a container is configured with the awsfirelens log driver, a container with a firelensConfiguration \
         object is required."
            .to_owned()
    })?;
    for container in routers {
        rules::require(!sends(&container), CLIENT, || {
            "The awsfirelens log driver cannot be used on a firelens container.".to_owned()
        })?;
        let user = container.user.as_deref().unwrap_or("0");
        rules::require(user.split(':').next() == Some("0"), CLIENT, || {
            "If 'user' field is specified on firelens container, then 'UID' has to be '0'.".to_owned()
        })?;
        let options = container.firelens.iter().flat_map(|firelens| &firelens.options);
        for (option, value) in options {
            let allowed: &[&str] = match option.as_str() {
                "enable-ecs-log-metadata" => &["true", "false"],
                "config-file-type" if task.launch_types.contains("FARGATE") => &["file"],
                "config-file-type" => &["file", "s3"],
                _ => continue,
            };
            rules::one_of(CLIENT, option, value, allowed)?;
        }
    }
    Ok(())
}

fn ports(task: &Task, name: &str, container: &Container) -> Answer<()> {
    for port in &container.ports {
        rules::one_of(CLIENT, "a port's protocol", &port.protocol, &["tcp", "udp"])?;
        let free = !matches!(task.network_mode.as_str(), "awsvpc" | "host");
        rules::require(free || port.host_port == port.container_port, CLIENT, || {
            format!(
                "container {name}: with network mode {}, the host ports and container ports must match",
                task.network_mode
            )
        })?;
    }
    Ok(())
}

/// Refuses containers that wait for each other.
fn circular(task: &Task) -> Answer<()> {
    let mut started: BTreeSet<&String> = BTreeSet::new();
    loop {
        let ready = |(name, container): &(&String, &Container)| {
            !started.contains(name) && container.depends_on.keys().all(|other| started.contains(other))
        };
        let next: Vec<&String> = task.containers.iter().filter(ready).map(|(name, _)| name).collect();
        if next.is_empty() {
            break;
        }
        started.extend(next);
    }
    rules::require(started.len() == task.containers.len(), CLIENT, || {
        "Container dependencies are circular.".to_owned()
    })
}

/// Refuses what cannot run on Fargate.
fn fargate(task: &Task) -> Answer<()> {
    rules::require(task.network_mode == "awsvpc", CLIENT, || {
        "Fargate only supports network mode 'awsvpc'.".to_owned()
    })?;
    let (cpu, memory) = (task.cpu.unwrap_or_default(), task.memory.unwrap_or_default());
    rules::require(is_fargate_size(cpu, memory), CLIENT, || {
        format!("No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.")
    })?;
    let host = task.volumes.values().any(|volume| matches!(volume, Volume::Host { .. }));
    rules::require(!host, CLIENT, || {
        "When networkMode is awsvpc on Fargate, a volume cannot have a host source path.".to_owned()
    })?;
    if let Some(size) = task.ephemeral_storage_gib {
        rules::in_range(CLIENT, "the ephemeral storage", size, 21..=200)?;
    }
    let needs_role = |container: &&Container| {
        let logs = container.logs.as_ref().is_some_and(|logs| logs.driver == "awslogs");
        logs || container.image.contains(".dkr.ecr.") || !container.secrets.is_empty()
    };
    let needed = task.containers.values().any(|container| needs_role(&container));
    rules::require(!needed || task.execution_role.is_some(), CLIENT, || {
        "Fargate requires task definition to have execution role ARN to support ECR images, secrets and the log \
         driver awslogs."
            .to_owned()
    })
}

/// Whether Fargate has tasks of this size.
fn is_fargate_size(cpu: u32, memory: u32) -> bool {
    let (range, step) = match cpu {
        256 => return matches!(memory, 512 | 1024 | 2048),
        512 => (1024..=4096, 1024),
        1024 => (2048..=8192, 1024),
        2048 => (4096..=16_384, 1024),
        4096 => (8192..=30_720, 1024),
        8192 => (16_384..=61_440, 4096),
        16_384 => (32_768..=122_880, 8192),
        _ => return false,
    };
    range.contains(&memory) && memory.is_multiple_of(step)
}

fn delete_task_definitions(world: &mut World, arns: &[String]) -> Answer<()> {
    let until = world.now;
    for arn in arns {
        let active = world.record(arn).is_some_and(|record| record.state == State::Ready);
        rules::require(!active, INVALID, || {
            format!("The specified task definition {arn} is ACTIVE: it must be INACTIVE to be deleted.")
        })?;
    }
    for arn in arns {
        if let Some(record) = world.record_mut(arn) {
            record.state = State::Deleting { word: "DELETE_IN_PROGRESS".to_owned(), until };
        }
    }
    Ok(())
}
