//! What scales a service: the scalable target that its table implies.
//!
//! Decides whose requests count and which limits make sense. Must not know how many tasks run.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Lowering;
use super::place::{Place, quoted};
use super::{schedule, step};
use crate::address::{Address, Kind};
use crate::config::shape::{ScalingTable, ServiceTable, Suspended, Tracking};
use crate::desired::TAG_LIMITS;
use crate::kinds::{ScalableTarget, TargetTracking};
use crate::reference;

/// Lowers what scales the service at `address`, whose tasks register with the target groups `groups`.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    table: &ServiceTable,
    groups: &[&str],
) {
    let Some(scaling) = &table.scaling else { return };
    let at = place.at("scaling");
    if table.is_daemon() {
        lowering
            .report(&at, "a daemon cannot be scaled")
            .help("one of its tasks runs on each instance: leave out `scaling`, or `strategy`");
        return;
    }
    limits(lowering, place, table, scaling);
    let mut target_tracking = BTreeMap::new();
    for (name, metric, tracking) in
        [("cpu", ScalableTarget::CPU, &scaling.cpu), ("memory", ScalableTarget::MEMORY, &scaling.memory)]
    {
        if let Some(tracking) = tracking {
            percent(lowering, &at.at(name), name, tracking);
            target_tracking.insert(name.to_owned(), policy(metric, None, tracking));
        }
    }
    if let Some(tracking) = &scaling.requests_per_target {
        let at = at.at("requests_per_target");
        if table.is_blue_green() {
            lowering
                .report(
                    &at,
                    "AWS counts the requests of one target group, and blue/green deployments alternate",
                )
                .help("scale by `cpu` or `memory`");
        }
        let label = resource_label(lowering, &at, tracking, groups);
        let policy = policy(ScalableTarget::REQUESTS, label, tracking);
        target_tracking.insert("requests_per_target".to_owned(), policy);
    }
    let scheduled_actions = schedule::lower(lowering, &at, scaling);
    let step_scaling = step::lower(lowering, &at, address, table, scaling);
    if target_tracking.is_empty() && step_scaling.is_empty() && scheduled_actions.is_empty() {
        lowering
            .report(&at, "nothing says when tasks come and go")
            .help("add `cpu`, `memory`, `requests_per_target`, a step or a schedule, such as `cpu = 60`");
    }
    let target = ScalableTarget {
        service: reference::output(address, "arn"),
        min: scaling.min,
        max: scaling.max,
        suspended: suspended(lowering, &at.at("suspend"), &scaling.suspend),
        target_tracking,
        step_scaling,
        scheduled_actions,
    };
    let at = Address::new(Kind::ScalableTarget, address.name());
    lowering.imply(at.clone(), address, "scales it", target);
    if let Some(desired) = lowering.resources.get_mut(&at) {
        desired.tags.insert(TAG_LIMITS.to_owned(), format!("{}-{}", scaling.min, scaling.max));
    }
}

fn limits(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable, scaling: &ScalingTable) {
    let (min, max) = (scaling.min, scaling.max);
    if max < min {
        let message = format!("at most {max} tasks, and at least {min}");
        lowering.report(&place.at("scaling").at("max"), message).help("`max` must not be below `min`");
    } else if let Some(count) = table.count.filter(|count| !(min..=max).contains(count)) {
        let message = format!("{count} tasks at first are outside of {min} to {max}");
        lowering.report(&place.at("count"), message).help("AWS would move the number at once");
    }
}

fn percent(lowering: &mut Lowering<'_>, place: &Place, name: &str, tracking: &Tracking) {
    let full = tracking.full();
    let value = if matches!(tracking, Tracking::Full(_)) { place.at("target") } else { place.clone() };
    if full.target > 100 {
        lowering
            .report(&value, format!("{} percent of the {name}", full.target))
            .help("tasks have 100 at most, so they would never be scaled out");
    }
    if full.group.is_some() {
        lowering
            .report(&place.at("group"), "`group` is for `requests_per_target` alone")
            .help("leave `group` out");
    }
}

fn policy(metric: &str, resource_label: Option<String>, tracking: &Tracking) -> TargetTracking {
    let full = tracking.full();
    TargetTracking {
        metric: metric.to_owned(),
        resource_label,
        target: f64::from(full.target),
        scale_in_cooldown: full.scale_in_cooldown,
        scale_out_cooldown: full.scale_out_cooldown,
        disable_scale_in: full.disable_scale_in,
    }
}

/// Whose requests count: the load balancer and the target group, by the ends of their ARNs.
fn resource_label(
    lowering: &mut Lowering<'_>,
    place: &Place,
    tracking: &Tracking,
    groups: &[&str],
) -> Option<String> {
    let chosen = tracking.full().group;
    let group = match (&chosen, groups) {
        (Some(group), _) if groups.contains(&group.as_str()) => group,
        (Some(group), _) => {
            lowering
                .report(&place.at("group"), format!("`{group}` is no target of the service"))
                .nearest(group, groups.iter().copied())
                .help(format!("its targets are {}", quoted(groups)));
            return None;
        }
        (None, [group]) => *group,
        (None, []) => {
            lowering
                .report(place, "no load balancer sends the service requests")
                .help("give the service a `target`, or scale by `cpu` or `memory`");
            return None;
        }
        (None, _) => {
            lowering
                .report(place, "the service has several target groups")
                .help(format!("say which: `{{ target = …, group = … }}`, one of {}", quoted(groups)));
            return None;
        }
    };
    // That nobody forwards to it is told where the service names it.
    let balancer = lowering.routes.get(group).and_then(|routes| routes.first())?.balancer.clone();
    if balancer.kind() == Kind::Nlb {
        lowering
            .report(place, format!("`{balancer}` sees connections and counts no requests"))
            .help("scale by `cpu` or `memory`");
        return None;
    }
    let balancer = reference::output(&balancer, "full_name");
    let group = reference::output(&Address::new(Kind::TargetGroup, group), "full_name");
    Some(format!("{balancer}/{group}"))
}

fn suspended(lowering: &mut Lowering<'_>, place: &Place, words: &[Suspended]) -> BTreeSet<String> {
    for (index, word) in words.iter().enumerate() {
        if words[..index].contains(word) {
            lowering.report(&place.item(index), "it is in the list twice");
        }
    }
    let word = |word: &Suspended| match word {
        Suspended::ScaleIn => "scale_in",
        Suspended::ScaleOut => "scale_out",
        Suspended::Schedule => "schedule",
    };
    words.iter().map(|it| word(it).to_owned()).collect()
}
