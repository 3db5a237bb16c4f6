//! EC2 Auto Scaling: groups and their instances (reference section 3.13).

use std::collections::BTreeSet;

use neap_core::kinds::{AutoScalingGroup, GroupTracking, LaunchTemplate};
use neap_core::launches;
use neap_engine::cloud::CallError;

use super::request::{TagCalls, gone_is_done};
use super::{Request, launch_template};
use crate::arn;
use crate::clock::{INSTANCE_REPLACED, INSTANCES_START, INSTANCES_TERMINATE, Millis, REFRESH_CANCELS};
use crate::error::{Answer, Rejection};
use crate::record::{Alarm, Record, Refresh, State};
use crate::rules;
use crate::world::World;

const INVALID: &str = "ValidationError";
const TAGS: TagCalls =
    TagCalls { add: "autoscaling:CreateOrUpdateTags", remove: "autoscaling:DeleteTags", invalid: INVALID };
/// The most scaling policies of a group ("Quotas for Amazon EC2 Auto Scaling").
const MOST_POLICIES: usize = 50;
const STALE: &str = "instances run an earlier version of the launch template, and nothing replaces them";
const STARTING: &str = "starting instances";
const REFRESHING: &str = "replacing the instances";
const IN_PROGRESS: &str = "InstanceRefreshInProgress";

pub(crate) async fn create(request: &Request<'_>, desired: &AutoScalingGroup) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_group(world, request, desired);
    let arn = request.create("autoscaling:CreateAutoScalingGroup", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

/// Changes a group, and replaces its instances where they run something else than new ones would.
pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &AutoScalingGroup,
) -> Result<(), CallError> {
    let current = request.current::<AutoScalingGroup>(arn)?;
    let itself = |group: &AutoScalingGroup| AutoScalingGroup { target_tracking: [].into(), ..group.clone() };
    if current.scale_in_protection != desired.scale_in_protection && current.desired > 0 {
        // What is said of new instances says nothing of those that are there.
        request.call("autoscaling:SetInstanceProtection", |world| exists(world, arn)).await?;
    }
    if itself(&current) != itself(desired) {
        let update = |world: &mut World| update_group(world, arn, desired);
        request.call("autoscaling:UpdateAutoScalingGroup", update).await?;
    }
    let is_stale = |world: &World| {
        world
            .record(arn)
            .is_some_and(|record| matches!(&record.state, State::Failed { reason } if reason == STALE))
    };
    if request.sim.look(|world| is_stale(world) || is_astray(world, arn)) {
        let started =
            request.call("autoscaling:StartInstanceRefresh", |world| start_refresh(world, arn)).await;
        let is_in_way = |error: &CallError| error.code.as_deref() == Some(IN_PROGRESS);
        if started.as_ref().err().is_some_and(is_in_way)
            && !request.sim.look(|world| is_cancelled(world, arn))
        {
            let cancel = |world: &mut World| cancel_refresh(world, arn);
            gone_is_done(request.call("autoscaling:CancelInstanceRefresh", cancel).await)?;
        }
        started?;
    }
    policies(request, arn, &current, desired).await?;
    request.retag(arn, &TAGS).await
}

async fn policies(
    request: &Request<'_>,
    arn: &str,
    current: &AutoScalingGroup,
    desired: &AutoScalingGroup,
) -> Result<(), CallError> {
    for name in current.target_tracking.keys().filter(|name| !desired.target_tracking.contains_key(*name)) {
        let delete = |world: &mut World| delete_policy(world, arn, name);
        gone_is_done(request.call("autoscaling:DeletePolicy", delete).await)?;
    }
    for (name, policy) in &desired.target_tracking {
        if current.target_tracking.get(name) != Some(policy) {
            let put = |world: &mut World| put_policy(world, arn, name, policy);
            request.call("autoscaling:PutScalingPolicy", put).await?;
        }
    }
    Ok(())
}

/// Deletes the group with its instances, protected or not.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| delete_group(world, arn);
    gone_is_done(request.call("autoscaling:DeleteAutoScalingGroup", delete).await)
}

fn find(world: &World, name: &str) -> Option<String> {
    let mut groups = world.all::<AutoScalingGroup>();
    groups.find(|(_, group)| group.name == name).map(|(record, _)| record.arn.clone())
}

fn missing() -> Rejection {
    Rejection::not_found(INVALID, "AutoScalingGroup name not found - null")
}

fn create_group(world: &mut World, request: &Request<'_>, desired: &AutoScalingGroup) -> Answer<String> {
    let length = desired.name.chars().count();
    rules::require((1..=255).contains(&length) && !desired.name.contains(':'), INVALID, || {
        format!("the name `{}` is not valid", desired.name)
    })?;
    rules::tags(INVALID, &request.tags)?;
    if let Some(record) = find(world, &desired.name).and_then(|arn| world.record(&arn)) {
        let message = "AutoScalingGroup by this name already exists";
        return Err(if record.is_deleting() {
            Rejection::not_yet(
                "AlreadyExists",
                format!("{message} - A group with the name is pending delete"),
            )
        } else {
            Rejection::conflict("AlreadyExists", message)
        });
    }
    check(world, desired)?;
    let id = arn::hex(&world.seed(&desired.name), 12);
    let path = format!("autoScalingGroup:{id}:autoScalingGroupName/{}", desired.name);
    let arn = world.place().arn("autoscaling", &path);
    let outputs = [("arn", arn.as_str()), ("name", &desired.name)];
    let fields = AutoScalingGroup { target_tracking: [].into(), ..desired.clone() };
    let starting = starting(world, desired, 0);
    let mut record = Record::new(arn.clone(), fields, &request.tags, &outputs);
    record = record.called(&desired.name).within(&world.place);
    if desired.desired > 0 {
        record.state = starting;
    }
    world.insert(record);
    Ok(arn)
}

fn check(world: &World, desired: &AutoScalingGroup) -> Answer<()> {
    rules::require(desired.min <= desired.max, INVALID, || {
        format!("Max bound, {}, must be greater than or equal to min bound, {}", desired.max, desired.min)
    })?;
    rules::require((desired.min..=desired.max).contains(&desired.desired), INVALID, || {
        format!(
            "Desired capacity:{} must be between the specified min size:{} and max size:{}",
            desired.desired, desired.min, desired.max
        )
    })?;
    rules::require(!desired.subnets.is_empty(), INVALID, || {
        "At least one Availability Zone or VPC Subnet is required.".to_owned()
    })?;
    for subnet in &desired.subnets {
        let found = world.subnet(subnet).is_some();
        let message = format!("The subnet ID '{subnet}' does not exist");
        if !found && world.made_subnet(subnet) {
            return Err(Rejection::not_yet(INVALID, message));
        }
        rules::require(found, INVALID, || message)?;
    }
    launch_template::startable(world, &desired.launch_template, &desired.launch_template_version).map(drop)
}

/// How a group is that launches what it lacks beside those that are running. What AWS cannot launch it tries again and again.
fn starting(world: &World, group: &AutoScalingGroup, running: u32) -> State {
    let why = why_not(world, group);
    match why {
        Some(why) => {
            let so_far = launches::in_service(running as usize, group.desired);
            State::Settling { word: launches::with_failure(&so_far, why), until: Millis::MAX }
        }
        None => State::Settling { word: STARTING.to_owned(), until: world.now + INSTANCES_START },
    }
}

/// Why AWS cannot launch instances for a group, if it cannot.
fn why_not<'world>(world: &'world World, group: &AutoScalingGroup) -> Option<&'world String> {
    let mut templates = world.all::<LaunchTemplate>();
    let (_, template) = templates.find(|(record, _)| record.id == group.launch_template)?;
    world.launch_failures.get(&template.instance_type)
}

/// Whether AWS cannot launch the instances of a group.
pub(crate) fn is_stuck(record: &Record) -> bool {
    matches!(record.state, State::Settling { until: Millis::MAX, .. })
}

/// Lets the groups launch what can be launched again.
pub(crate) fn try_again(world: &mut World) {
    let stuck = world.all::<AutoScalingGroup>().filter(|(record, _)| is_stuck(record));
    let stuck: Vec<(String, State)> =
        stuck.map(|(record, group)| (record.arn.clone(), starting(world, group, 0))).collect();
    for (arn, state) in stuck {
        if running_refresh(world, &arn).is_some() {
            replace(world, &arn);
        } else if let Some(record) = world.record_mut(&arn) {
            record.state = state;
        }
    }
}

fn update_group(world: &mut World, arn: &str, desired: &AutoScalingGroup) -> Answer<()> {
    check(world, desired)?;
    let before = n_instances(world, arn);
    let starting = starting(world, desired, before);
    let group = world.change::<AutoScalingGroup>(arn, INVALID)?;
    let template =
        |group: &AutoScalingGroup| (group.launch_template.clone(), group.launch_template_version.clone());
    let changed = template(group) != template(desired);
    let left: BTreeSet<String> = group.subnets.difference(&desired.subnets).cloned().collect();
    let target_tracking = std::mem::take(&mut group.target_tracking);
    *group = AutoScalingGroup { target_tracking, ..desired.clone() };
    let record = world.record_mut(arn).ok_or_else(missing)?;
    if record.is_deleting() {
        return Err(Rejection::invalid(INVALID, "AutoScalingGroup is pending delete"));
    }
    if before > 0 && !left.is_empty() {
        let astray = world.astray.entry(arn.to_owned()).or_default();
        astray.subnets.extend(left);
        astray.is_leaving = false;
    }
    let record = world.record_mut(arn).ok_or_else(missing)?;
    if changed && before > 0 {
        record.state = State::Failed { reason: STALE.to_owned() };
    } else if desired.desired > before {
        record.state = starting;
    }
    Ok(())
}

/// Whether instances of a group are in subnets that it has left, and stay there.
fn is_astray(world: &World, arn: &str) -> bool {
    world.astray.get(arn).is_some_and(|astray| !astray.is_leaving)
}

/// The group whose instances are in one of these subnets, though it has left them.
pub(super) fn astray_in<'world>(world: &'world World, subnets: &BTreeSet<String>) -> Option<&'world str> {
    world.astray.iter().find_map(|(arn, astray)| {
        let (record, group) = world.get::<AutoScalingGroup>(arn)?;
        let is_there = !astray.is_leaving || record.state != State::Ready;
        (is_there && !astray.subnets.is_disjoint(subnets)).then_some(group.name.as_str())
    })
}

fn start_refresh(world: &mut World, arn: &str) -> Answer<()> {
    world.change::<AutoScalingGroup>(arn, INVALID)?;
    if running_refresh(world, arn).is_some() {
        let message =
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.";
        return Err(Rejection::not_yet(IN_PROGRESS, message));
    }
    replace(world, arn);
    Ok(())
}

/// Lets a replacement of the instances of a group begin, or begin again.
fn replace(world: &mut World, arn: &str) {
    let Some(group) = world.get::<AutoScalingGroup>(arn).map(|(_, group)| group.clone()) else { return };
    let (word, until) = match why_not(world, &group) {
        Some(why) => (launches::with_failure(REFRESHING, why), Millis::MAX),
        None => (REFRESHING.to_owned(), world.now + Millis::from(group.desired) * INSTANCE_REPLACED),
    };
    world.refreshes.insert(arn.to_owned(), Refresh { until, is_cancelled: false });
    if let Some(astray) = world.astray.get_mut(arn) {
        astray.is_leaving = true;
    }
    if let Some(record) = world.record_mut(arn) {
        record.state = State::Settling { word, until };
    }
}

/// The replacement of the instances of a group that goes on.
fn running_refresh<'world>(world: &'world World, arn: &str) -> Option<&'world Refresh> {
    world.refreshes.get(arn).filter(|refresh| refresh.until > world.now)
}

fn is_cancelled(world: &World, arn: &str) -> bool {
    running_refresh(world, arn).is_some_and(|refresh| refresh.is_cancelled)
}

/// Cancels what replaces the instances. Those that it has not replaced stay as they are.
fn cancel_refresh(world: &mut World, arn: &str) -> Answer<()> {
    if running_refresh(world, arn).is_none() {
        let message = "No in progress or pending Instance Refresh found for the group";
        return Err(Rejection::not_found("ActiveInstanceRefreshNotFound", message));
    }
    let refresh = Refresh { until: world.now + REFRESH_CANCELS, is_cancelled: true };
    world.refreshes.insert(arn.to_owned(), refresh);
    if let Some(astray) = world.astray.get_mut(arn) {
        astray.is_leaving = false;
    }
    world.record_mut(arn).ok_or_else(missing)?.state = State::Failed { reason: STALE.to_owned() };
    Ok(())
}

fn exists(world: &World, arn: &str) -> Answer<()> {
    world.get::<AutoScalingGroup>(arn).map(drop).ok_or_else(missing)
}

fn put_policy(world: &mut World, arn: &str, name: &str, policy: &GroupTracking) -> Answer<()> {
    let GroupTracking { metric, target, .. } = policy;
    let known = [AutoScalingGroup::CPU, AutoScalingGroup::NETWORK_IN, AutoScalingGroup::NETWORK_OUT];
    rules::one_of(INVALID, "predefinedMetricType", metric, &known)?;
    rules::require(*target > 0.0, INVALID, || format!("the target value {target} is not above zero"))?;
    let group = world.change::<AutoScalingGroup>(arn, INVALID)?;
    if !group.target_tracking.contains_key(name) && group.target_tracking.len() >= MOST_POLICIES {
        return Err(Rejection::quota("LimitExceeded", "too many scaling policies on the group"));
    }
    group.target_tracking.insert(name.to_owned(), policy.clone());
    let made = alarms(&group.name, name);
    world.alarms.retain(|alarm| !made.contains(alarm));
    world.alarms.extend(made);
    Ok(())
}

fn delete_policy(world: &mut World, arn: &str, name: &str) -> Answer<()> {
    let group = world.change::<AutoScalingGroup>(arn, INVALID)?;
    let gone = group.target_tracking.remove(name);
    let left = alarms(&group.name, name);
    gone.ok_or_else(|| Rejection::not_found(INVALID, "PolicyName not found"))?;
    world.alarms.retain(|alarm| !left.contains(alarm));
    Ok(())
}

/// The alarms that target tracking keeps for a policy, under names of AWS's own.
fn alarms(group: &str, policy: &str) -> [Alarm; 2] {
    ["AlarmHigh", "AlarmLow"].map(|side| Alarm {
        name: format!("TargetTracking-{group}-{side}-{}", arn::hex(&format!("{group}/{policy}/{side}"), 12)),
        service: String::new(),
        group: Some(group.to_owned()),
    })
}

fn delete_group(world: &mut World, arn: &str) -> Answer<()> {
    // Its policies go with it, and their alarms.
    let name = world.get::<AutoScalingGroup>(arn).map(|(_, group)| group.name.clone());
    world.alarms.retain(|alarm| alarm.group.is_none() || alarm.group != name);
    world.refreshes.remove(arn);
    let until = world.now + if n_instances(world, arn) > 0 { INSTANCES_TERMINATE } else { 0 };
    let record = world.record_mut(arn).ok_or_else(missing)?;
    if !record.is_deleting() {
        record.state = State::Deleting { word: "delete in progress".to_owned(), until };
    }
    Ok(())
}

/// How many instances a group has: none where its first could not be launched.
pub(crate) fn n_instances(world: &World, arn: &str) -> u32 {
    world.get::<AutoScalingGroup>(arn).map_or(0, |(record, group)| match &record.state {
        State::Settling { word, until: Millis::MAX } if !word.starts_with(REFRESHING) => 0,
        _ => group.desired,
    })
}

/// The groups whose instances join a cluster, each with the template that its instances start from.
pub(crate) fn of_cluster<'world>(
    world: &'world World,
    cluster: &str,
) -> Vec<(&'world Record, &'world AutoScalingGroup, &'world LaunchTemplate)> {
    let template = |group: &AutoScalingGroup| {
        world.all::<LaunchTemplate>().find(|(record, _)| record.id == group.launch_template)
    };
    let groups = world.all::<AutoScalingGroup>();
    let joined = groups.filter_map(|(record, group)| Some((record, group, template(group)?.1)));
    joined.filter(|(.., template)| template.cluster == cluster).collect()
}
