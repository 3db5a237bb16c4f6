//! EC2 auto scaling groups.
//!
//! Decides how a group is read, changed and deleted, and when its instances are replaced. Must not know what they run.

mod launches;
mod policies;

use std::collections::{BTreeMap, HashSet};

use aws_sdk_autoscaling::types as sdk;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::AutoScalingGroup;
use neap_core::launches as reasons;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::try_join;

use crate::adopt::adopt;
use crate::client::Aws;
use crate::ecs::{count, uncount};
use crate::error::{failed, refused};
use crate::found::{Found, Outcome, address_of, if_gone};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{OF_ECS, TagChanges, Tags, visible};

const DESCRIBE: &str = "autoscaling:DescribeAutoScalingGroups";
const CREATE: &str = "autoscaling:CreateAutoScalingGroup";
/// The code of StartInstanceRefresh while another replacement of the instances goes on.
const IN_PROGRESS: &str = "InstanceRefreshInProgress";
/// The type of what a tag is on.
const GROUP: &str = "auto-scaling-group";
/// The most groups that a page holds.
const PAGE: i32 = 100;
/// The most instances that a page holds.
const INSTANCES_PAGE: i32 = 1000;
/// The most instances whose protection one call sets.
const PROTECTED: usize = 50;

/// Reads the stack's groups.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> = declared::<AutoScalingGroup>(desired)
        .map(|(address, group)| (group.name.as_str(), address))
        .collect();
    match try_join!(list(aws), policies::list(aws, None)) {
        Err(error) => found.unlistable::<AutoScalingGroup>(desired, &error),
        Ok((groups, policies)) => {
            for group in &groups {
                let named = group.auto_scaling_group_name().and_then(|name| names.get(name).copied());
                let Some(address) = address_of(&tags_of(group), named) else { continue };
                let outcome = live(aws, group, &policies, address).await.map(Some);
                found.collect([(named.cloned(), outcome) as Outcome]);
            }
            found.rest_absent::<AutoScalingGroup>(desired);
        }
    }
    found
}

async fn list(aws: &Aws) -> Result<Vec<sdk::AutoScalingGroup>, CallError> {
    let pages = aws.scaling.describe_auto_scaling_groups().into_paginator().page_size(PAGE).items().send();
    pages.try_collect().await.map_err(failed(DESCRIBE))
}

async fn find(aws: &Aws, name: &str) -> Result<Option<sdk::AutoScalingGroup>, CallError> {
    let answer = aws.scaling.describe_auto_scaling_groups().auto_scaling_group_names(name).send().await;
    Ok(answer.map_err(failed(DESCRIBE))?.auto_scaling_groups.unwrap_or_default().pop())
}

fn tags_of(group: &sdk::AutoScalingGroup) -> Tags {
    let pair = |tag: &sdk::TagDescription| {
        (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned())
    };
    visible(group.tags().iter().map(pair))
}

async fn live(
    aws: &Aws,
    group: &sdk::AutoScalingGroup,
    policies: &[sdk::ScalingPolicy],
    address: Address,
) -> Result<LiveResource, CallError> {
    let fields = from_aws(group, policies);
    Ok(LiveResource {
        address,
        id: fields.name.clone(),
        outputs: group_outputs(group),
        resource: fields.into(),
        tags: tags_of(group),
        phase: phase(aws, group).await?,
    })
}

fn group_outputs(group: &sdk::AutoScalingGroup) -> Outputs {
    let name = group.auto_scaling_group_name().unwrap_or_default();
    outputs([("arn", group.auto_scaling_group_arn().unwrap_or_default()), ("name", name)])
}

fn from_aws(group: &sdk::AutoScalingGroup, policies: &[sdk::ScalingPolicy]) -> AutoScalingGroup {
    let name = group.auto_scaling_group_name().unwrap_or_default();
    let template = group.launch_template();
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',').map(str::trim);
    AutoScalingGroup {
        name: name.to_owned(),
        launch_template: template.and_then(|it| it.launch_template_id()).unwrap_or_default().to_owned(),
        launch_template_version: template.and_then(|it| it.version()).unwrap_or("$Default").to_owned(),
        min: group.min_size().map_or(0, uncount),
        max: group.max_size().map_or(0, uncount),
        desired: group.desired_capacity().map_or(0, uncount),
        subnets: subnets.filter(|subnet| !subnet.is_empty()).map(str::to_owned).collect(),
        scale_in_protection: group.new_instances_protected_from_scale_in().unwrap_or(false),
        target_tracking: policies::of_group(policies, name),
    }
}

/// Puts the protection from scale-in on the instances of a group, or takes it off. What is said of new ones says nothing of
/// them: with it no policy could ever take one away, and without it ECS's managed termination protection does not hold for
/// them (`AutoScalingGroupProvider` of ECS's API reference).
async fn protect(aws: &Aws, name: &str, protected: bool) -> Result<(), CallError> {
    let Some(group) = find(aws, name).await? else { return Ok(()) };
    let ids: Vec<String> = unlike(&group, protected).map(str::to_owned).collect();
    for ids in ids.chunks(PROTECTED) {
        let call = aws.scaling.set_instance_protection().auto_scaling_group_name(name);
        let call = call.set_instance_ids(Some(ids.to_vec())).protected_from_scale_in(protected);
        call.send().await.map_err(failed("autoscaling:SetInstanceProtection"))?;
    }
    Ok(())
}

/// The ids of the instances whose protection is another one. AWS refuses to set that of an instance which starts or goes ("is
/// not in InService or EnteringStandby or Standby").
fn unlike(group: &sdk::AutoScalingGroup, protected: bool) -> impl Iterator<Item = &str> {
    use sdk::LifecycleState::{EnteringStandby, InService, Standby};
    let stays =
        |it: &&sdk::Instance| matches!(it.lifecycle_state(), Some(InService | EnteringStandby | Standby));
    let differs = move |it: &&sdk::Instance| it.protected_from_scale_in() == Some(!protected);
    group.instances().iter().filter(stays).filter(differs).filter_map(sdk::Instance::instance_id)
}

/// How many instances run another version of the launch template than new ones would.
fn n_stale(group: &sdk::AutoScalingGroup) -> usize {
    let wanted = group.launch_template().and_then(|template| template.version());
    // `$Latest` and `$Default` say nothing about what is running.
    let Some(wanted) = wanted.filter(|version| version.parse::<u64>().is_ok()) else { return 0 };
    let other = |instance: &&sdk::Instance| {
        let version = instance.launch_template().and_then(|template| template.version());
        let leaves = instance.lifecycle_state().is_some_and(|state| state.as_str().starts_with("Terminat"));
        !leaves && version.is_some_and(|version| version != wanted)
    };
    group.instances().iter().filter(other).count()
}

async fn phase(aws: &Aws, group: &sdk::AutoScalingGroup) -> Result<Phase, CallError> {
    let (phase, attempts) = look(aws, group).await?;
    Ok(match (phase, launches::failure(&attempts)) {
        (Phase::Settling(detail), Some((_, why))) => Phase::Settling(reasons::with_failure(&detail, why)),
        (phase, _) => phase,
    })
}

/// How far a group is by itself, and the attempts to launch the instances that it lacks.
async fn look(aws: &Aws, group: &sdk::AutoScalingGroup) -> Result<(Phase, Vec<sdk::Activity>), CallError> {
    let phase = bare_phase(aws, group).await?;
    let attempts = match &phase {
        Phase::Settling(_) => {
            launches::attempts(aws, group.auto_scaling_group_name().unwrap_or_default()).await?
        }
        Phase::Ready | Phase::Deleting(_) | Phase::Failed(_) => Vec::new(),
    };
    Ok((phase, attempts))
}

async fn bare_phase(aws: &Aws, group: &sdk::AutoScalingGroup) -> Result<Phase, CallError> {
    if let Some(status) = group.status() {
        return Ok(Phase::Deleting(status.to_ascii_lowercase()));
    }
    let stale = n_stale(group);
    if stale > 0 {
        let name = group.auto_scaling_group_name().unwrap_or_default();
        let latest = latest_refresh(aws, name).await?;
        let shown = latest.as_ref().and_then(|refresh| refresh.instance_refresh_id());
        // What ended before says nothing of the one that was started a moment ago and is not shown yet.
        return Ok(match aws.recent.refresh(name) {
            Some(started) if shown != Some(started.as_str()) => {
                Phase::Settling("replacing the instances".to_owned())
            }
            _ => replacing(stale, latest.as_ref()),
        });
    }
    let in_service =
        |instance: &&sdk::Instance| instance.lifecycle_state() == Some(&sdk::LifecycleState::InService);
    let running = group.instances().iter().filter(in_service).count();
    let wanted = group.desired_capacity().map_or(0, uncount);
    Ok(if u32::try_from(running).unwrap_or(u32::MAX) < wanted {
        Phase::Settling(reasons::in_service(running, wanted))
    } else {
        Phase::Ready
    })
}

/// How far a replacement of instances is, with what AWS says of the last one.
fn replacing(stale: usize, refresh: Option<&sdk::InstanceRefresh>) -> Phase {
    use sdk::InstanceRefreshStatus::{Baking, InProgress, Pending, RollbackInProgress};
    let what = if stale == 1 { "1 instance runs" } else { "instances run" };
    let number = if stale == 1 { String::new() } else { format!("{stale} ") };
    let status = refresh.and_then(|refresh| refresh.status());
    match (refresh, status) {
        (Some(refresh), Some(Pending | InProgress | Baking | RollbackInProgress)) => {
            let done = refresh.percentage_complete().unwrap_or(0);
            Phase::Settling(format!("replacing the instances, {done} % done"))
        }
        (refresh, _) => {
            let why = refresh.and_then(|refresh| refresh.status_reason()).unwrap_or("nothing replaces them");
            Phase::Failed(format!("{number}{what} an earlier version of the launch template: {why}"))
        }
    }
}

async fn latest_refresh(aws: &Aws, name: &str) -> Result<Option<sdk::InstanceRefresh>, CallError> {
    let call = aws.scaling.describe_instance_refreshes().auto_scaling_group_name(name).max_records(1);
    let answer = call.send().await.map_err(failed("autoscaling:DescribeInstanceRefreshes"))?;
    Ok(answer.instance_refreshes.unwrap_or_default().into_iter().next())
}

/// Whether any instance of a group is in a subnet that is not one of the group's. AWS moves instances only to balance zones
/// (hashicorp/terraform#9579), so those of a subnet that left would keep it for ever (hashicorp/terraform#7743); CloudFormation
/// replaces instances for the same reason ("UpdatePolicy attribute": a change of `VPCZoneIdentifier`).
async fn is_astray(aws: &Aws, group: &AutoScalingGroup) -> Result<bool, CallError> {
    let filter = |name: &str, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        aws_sdk_ec2::types::Filter::builder().name(name).set_values(Some(values)).build()
    };
    let call = aws
        .ec2
        .describe_instances()
        .filters(filter("tag:aws:autoscaling:groupName", &[&group.name]))
        .filters(filter("instance-state-name", &["pending", "running"]));
    let pages = call.into_paginator().page_size(INSTANCES_PAGE).items().send();
    let reservations: Vec<aws_sdk_ec2::types::Reservation> =
        pages.try_collect().await.map_err(failed("ec2:DescribeInstances"))?;
    let mut instances = reservations.iter().flat_map(|it| it.instances());
    Ok(instances.any(|instance| instance.subnet_id().is_some_and(|subnet| !group.subnets.contains(subnet))))
}

/// Replaces the instances one by one, each new one first, protected or not: with `all` also those that start from the same
/// template as new ones would. A group has one replacement at a time: one that still goes on, perhaps since AWS cannot launch
/// what it shall bring, is cancelled, and the repeat of the call starts the new one.
async fn refresh(aws: &Aws, name: &str, all: bool) -> Result<(), CallError> {
    let preferences = sdk::RefreshPreferences::builder()
        .min_healthy_percentage(100)
        .max_healthy_percentage(200)
        .scale_in_protected_instances(sdk::ScaleInProtectedInstances::Refresh)
        .skip_matching(!all)
        .build();
    let call = aws.scaling.start_instance_refresh().auto_scaling_group_name(name).preferences(preferences);
    match call.send().await.map_err(failed("autoscaling:StartInstanceRefresh")) {
        Ok(started) => {
            let id = started.instance_refresh_id().unwrap_or_default();
            aws.recent.refreshed(name, id);
            if all {
                aws.recent.operating(name, id);
            }
            Ok(())
        }
        Err(error) if error.code.as_deref() == Some(IN_PROGRESS) => {
            cancel(aws, name).await?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Cancels the replacement that goes on, unless it is being cancelled or has ended. Instances that are on their way stay, and the
/// next one looks at them as at all others, so they need not be waited for.
async fn cancel(aws: &Aws, name: &str) -> Result<(), CallError> {
    let latest = latest_refresh(aws, name).await?;
    if latest.is_some_and(|refresh| refresh.status() == Some(&sdk::InstanceRefreshStatus::Cancelling)) {
        return Ok(());
    }
    let call = aws.scaling.cancel_instance_refresh().auto_scaling_group_name(name);
    let answer = call.wait_for_transitioning_instances(false).send().await;
    if_gone(answer.map_err(failed("autoscaling:CancelInstanceRefresh")))
}

/// How far the replacement with this id is, whose instances nothing else tells from new ones.
async fn moved(aws: &Aws, name: &str, id: &str) -> Result<Progress, CallError> {
    let call =
        aws.scaling.describe_instance_refreshes().auto_scaling_group_name(name).instance_refresh_ids(id);
    let answer = call.send().await.map_err(failed("autoscaling:DescribeInstanceRefreshes"))?;
    let Some(refresh) = answer.instance_refreshes().first() else {
        return Ok(Progress::Pending("replacing the instances".to_owned()));
    };
    if refresh.status() == Some(&sdk::InstanceRefreshStatus::Successful) {
        aws.recent.over(name);
        return Ok(Progress::Done);
    }
    Ok(match replacing(0, Some(refresh)) {
        Phase::Settling(detail) => Progress::Pending(detail),
        _ => {
            let why = refresh.status_reason().unwrap_or("nothing replaces them");
            Progress::Failed(format!("instances are in subnets that the group has left: {why}"))
        }
    })
}

fn template(fields: &AutoScalingGroup) -> sdk::LaunchTemplateSpecification {
    sdk::LaunchTemplateSpecification::builder()
        .launch_template_id(&fields.launch_template)
        .version(&fields.launch_template_version)
        .build()
}

fn subnets(fields: &AutoScalingGroup) -> String {
    fields.subnets.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// Tags as the service takes them; instances get them too, so that each tells whose it is.
fn to_tags(group: &str, tags: &Tags) -> Vec<sdk::Tag> {
    let tag = |(key, value): (&String, &String)| {
        let tag = sdk::Tag::builder().key(key).value(value).propagate_at_launch(true);
        tag.resource_id(group).resource_type(GROUP).build()
    };
    tags.iter().map(tag).collect()
}

/// The tags that a group is made with: `tags`, and the mark by which ECS knows the instances that it manages. ECS puts that on a group only when a
/// capacity provider comes, and instances that are there by then never get it: they count for no provider, and are never scaled in
/// (hashicorp/terraform-provider-aws#12582; the provider's documents ask for the tag where `min_size` is above 0).
fn first_tags(group: &str, tags: &Tags) -> Vec<sdk::Tag> {
    let mut marked = tags.clone();
    marked.insert(OF_ECS.to_owned(), String::new());
    to_tags(group, &marked)
}

async fn retag(aws: &Aws, group: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let call = aws.scaling.create_or_update_tags().set_tags(Some(to_tags(group, &changes.set)));
        call.send().await.map_err(failed("autoscaling:CreateOrUpdateTags"))?;
    }
    if !changes.remove.is_empty() {
        let tag = |key: &String| sdk::Tag::builder().key(key).resource_id(group).resource_type(GROUP).build();
        let call = aws.scaling.delete_tags().set_tags(Some(changes.remove.iter().map(tag).collect()));
        call.send().await.map_err(failed("autoscaling:DeleteTags"))?;
    }
    Ok(())
}

impl Remote for AutoScalingGroup {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        aws.recent.launches_from(&fields.name, HashSet::new());
        let call = aws
            .scaling
            .create_auto_scaling_group()
            .auto_scaling_group_name(&fields.name)
            .launch_template(template(fields))
            .min_size(count(fields.min))
            .max_size(count(fields.max))
            .desired_capacity(count(fields.desired))
            .vpc_zone_identifier(subnets(fields))
            .new_instances_protected_from_scale_in(fields.scale_in_protection)
            .set_tags(Some(first_tags(&fields.name, &wanted.all_tags())));
        let conflict = call.send().await.map_err(failed(CREATE)).err();
        let found = match conflict {
            Some(error) if error.kind != ErrorKind::Conflict => return Err(error),
            // Its ARN holds an id that only a look tells.
            _ => find(aws, &fields.name).await?,
        };
        match (conflict, found) {
            (None, Some(group)) => {
                policies::put(aws, &fields.name, &BTreeMap::new(), &fields.target_tracking).await?;
                Ok(group_outputs(&group))
            }
            (None, None) => {
                let message = format!("`{}` is not visible yet", fields.name);
                Err(refused(ErrorKind::NotYet, DESCRIBE, message))
            }
            (Some(conflict), found) => {
                let found = match found {
                    Some(group) => match address_of(&tags_of(&group), None) {
                        Some(address) => {
                            let policies = policies::list(aws, Some(&fields.name)).await?;
                            Some(live(aws, &group, &policies, address).await?)
                        }
                        None => return Err(conflict),
                    },
                    None => None,
                };
                adopt(aws, wanted, found, conflict).await
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        // What failed before says nothing of what is wanted now, whatever has come of the group since.
        let earlier = launches::ids(&launches::attempts(aws, &after.name).await?);
        aws.recent.launches_from(&after.name, earlier);
        if before.scale_in_protection != after.scale_in_protection {
            protect(aws, &after.name, after.scale_in_protection).await?;
        }
        let itself = |group: &Self| Self { target_tracking: BTreeMap::new(), ..group.clone() };
        if itself(before) != itself(after) {
            let desired = (before.desired != after.desired).then(|| count(after.desired));
            let call = aws
                .scaling
                .update_auto_scaling_group()
                .auto_scaling_group_name(&after.name)
                .launch_template(template(after))
                .min_size(count(after.min))
                .max_size(count(after.max))
                .set_desired_capacity(desired)
                .vpc_zone_identifier(subnets(after))
                .new_instances_protected_from_scale_in(after.scale_in_protection);
            call.send().await.map_err(failed("autoscaling:UpdateAutoScalingGroup"))?;
        }
        let starts_from =
            |group: &Self| (group.launch_template.clone(), group.launch_template_version.clone());
        let is_stale =
            starts_from(before) != starts_from(after) || matches!(held.live.phase, Phase::Failed(_));
        // Asked each time, for a run that broke off after it had changed the subnets.
        let is_astray = is_astray(aws, after).await?;
        if (is_stale || is_astray) && before.desired > 0 {
            refresh(aws, &after.name, is_astray).await?;
        }
        policies::put(aws, &after.name, &before.target_tracking, &after.target_tracking).await?;
        retag(aws, &after.name, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let call = aws.scaling.delete_auto_scaling_group().auto_scaling_group_name(&held.fields.name);
        // Otherwise AWS refuses as long as there are instances, and ECS's protection keeps those for ever.
        let answer = call.force_delete(true).send().await;
        if_gone(answer.map_err(failed("autoscaling:DeleteAutoScalingGroup")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let Some(group) = find(aws, &wanted.fields.name).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        let name = &wanted.fields.name;
        let (phase, attempts) = look(aws, &group).await?;
        Ok(match (phase, launches::failure(&attempts)) {
            (Phase::Ready, _) => match aws.recent.operation(name) {
                Some(id) => moved(aws, name, &id).await?,
                None => Progress::Done,
            },
            (Phase::Settling(detail), None) => Progress::Pending(detail),
            (Phase::Settling(detail), Some((attempt, why))) => {
                let id = attempt.activity_id().unwrap_or_default();
                let is_new = aws.recent.is_new_launch(name, id, || launches::ids(&attempts));
                let detail = reasons::with_failure(&detail, why);
                if is_new && reasons::is_hopeless(why) {
                    Progress::Failed(detail)
                } else {
                    Progress::Pending(detail)
                }
            }
            (Phase::Deleting(detail) | Phase::Failed(detail), _) => Progress::Failed(detail),
        })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let Some(group) = find(aws, &held.fields.name).await? else { return Ok(Progress::Done) };
        if group.status().is_none() {
            Self::delete(aws, held).await?;
        }
        let left = group.instances().len();
        Ok(Progress::Pending(format!("terminating, {left} instances left")))
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    fn group(fields: &AutoScalingGroup, versions: &[&str]) -> sdk::AutoScalingGroup {
        let instance = |version: &&str| {
            let template = sdk::LaunchTemplateSpecification::builder().version(*version).build();
            let instance = sdk::Instance::builder().instance_id("i-1").launch_template(template);
            instance.lifecycle_state(sdk::LifecycleState::InService).build()
        };
        sdk::AutoScalingGroup::builder()
            .auto_scaling_group_name(&fields.name)
            .launch_template(template(fields))
            .min_size(count(fields.min))
            .max_size(count(fields.max))
            .desired_capacity(count(fields.desired))
            .vpc_zone_identifier(subnets(fields))
            .new_instances_protected_from_scale_in(fields.scale_in_protection)
            .set_instances(Some(versions.iter().map(instance).collect()))
            .build()
    }

    #[test]
    fn a_group_reads_back_as_it_was_created() {
        let example = AutoScalingGroup { target_tracking: BTreeMap::new(), ..AutoScalingGroup::example() };
        assert_eq!(from_aws(&group(&example, &[]), &[]), example);
        let two = AutoScalingGroup { subnets: ["subnet-1", "subnet-2"].map(String::from).into(), ..example };
        assert_eq!(from_aws(&group(&two, &[]), &[]), two);
    }

    #[test]
    fn a_group_is_made_with_the_mark_that_its_first_instances_need_and_it_is_no_tag_of_the_stack() {
        let tags = first_tags("one", &Tags::from([("team".into(), "web".into())]));
        let key = |tag: &sdk::Tag| (tag.key().unwrap_or_default().to_owned(), tag.propagate_at_launch());
        let keys: Vec<_> = tags.iter().map(key).collect();
        assert_eq!(keys, [("AmazonECSManaged".to_owned(), Some(true)), ("team".to_owned(), Some(true))]);
        let live = sdk::AutoScalingGroup::builder();
        let described = tags.iter().map(|tag| {
            let described = sdk::TagDescription::builder().set_key(tag.key.clone());
            described.set_value(tag.value.clone()).build()
        });
        let live = live.set_tags(Some(described.collect())).build();
        assert_eq!(tags_of(&live), Tags::from([("team".into(), "web".into())]));
    }

    #[test]
    fn instances_that_are_there_get_what_new_ones_get_unless_they_start_or_go() {
        use sdk::LifecycleState::{InService, Pending, Standby, Terminating};
        let instance = |(id, state, protected): (&str, sdk::LifecycleState, bool)| {
            let instance = sdk::Instance::builder().instance_id(id).lifecycle_state(state);
            instance.protected_from_scale_in(protected).build()
        };
        let instances = [
            ("i-1", InService, true),
            ("i-2", InService, false),
            ("i-3", Standby, true),
            ("i-4", Terminating, true),
            ("i-5", Pending, false),
        ];
        let instances = instances.map(instance).into();
        let group = sdk::AutoScalingGroup::builder().set_instances(Some(instances)).build();
        assert_eq!(unlike(&group, false).collect::<Vec<_>>(), ["i-1", "i-3"]);
        assert_eq!(unlike(&group, true).collect::<Vec<_>>(), ["i-2"]);
    }

    #[test]
    fn instances_of_an_earlier_version_are_stale() {
        let second = AutoScalingGroup { launch_template_version: "2".into(), ..AutoScalingGroup::example() };
        assert_eq!(n_stale(&group(&second, &["1", "2", "1"])), 2);
        let latest = AutoScalingGroup { launch_template_version: "$Latest".into(), ..second };
        assert_eq!(n_stale(&group(&latest, &["1"])), 0);
    }

    #[test]
    fn stale_instances_are_being_replaced_or_nothing_replaces_them() {
        let refresh = |status: sdk::InstanceRefreshStatus| {
            sdk::InstanceRefresh::builder()
                .status(status)
                .percentage_complete(50)
                .status_reason("no room")
                .build()
        };
        let running = refresh(sdk::InstanceRefreshStatus::InProgress);
        assert_eq!(
            replacing(2, Some(&running)),
            Phase::Settling("replacing the instances, 50 % done".into())
        );
        let cancelled = refresh(sdk::InstanceRefreshStatus::Cancelling);
        assert!(
            matches!(replacing(1, Some(&cancelled)), Phase::Failed(_)),
            "nothing takes its place by itself"
        );
        let failed = refresh(sdk::InstanceRefreshStatus::Failed);
        let expected = "1 instance runs an earlier version of the launch template: no room";
        assert_eq!(replacing(1, Some(&failed)), Phase::Failed(expected.into()));
        let expected = "2 instances run an earlier version of the launch template: nothing replaces them";
        assert_eq!(replacing(2, None), Phase::Failed(expected.into()));
    }

    #[test]
    fn instances_have_the_tags_of_their_group() {
        let tags = to_tags("a", &[("team".to_owned(), "web".to_owned())].into());
        assert_eq!(tags[0].propagate_at_launch(), Some(true));
        assert_eq!((tags[0].resource_id(), tags[0].resource_type()), (Some("a"), Some(GROUP)));
    }
}
