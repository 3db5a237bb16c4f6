//! Schedules of scaling: when other limits hold.
//!
//! Decides which limits make sense. Must not know what time it is, nor what a schedule looks like.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use crate::config::shape::{ScalingTable, ScheduleTable};
use crate::kinds::ScheduledAction;
use crate::when;

/// Lowers the schedules of what scales a service, whose table is at `place`.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    scaling: &ScalingTable,
) -> BTreeMap<String, ScheduledAction> {
    let mut actions = BTreeMap::new();
    for (name, table) in &scaling.schedule {
        let place = place.at("schedule").at(name);
        lowering.check_key(&place, name);
        limits(lowering, &place, table, scaling);
        let action = ScheduledAction {
            schedule: expression(lowering, &place.at("when"), &table.when),
            timezone: timezone(lowering, &place.at("timezone"), table.timezone.as_deref()),
            start: moment(lowering, &place.at("start"), table.start.as_ref()),
            end: moment(lowering, &place.at("end"), table.end.as_ref()),
            min: table.min,
            max: table.max,
        };
        if let (Some(start), Some(end)) = (&action.start, &action.end)
            && start >= end
        {
            lowering.report(&place.at("end"), "it ends before it starts");
        }
        actions.insert(name.clone(), action);
    }
    actions
}

/// What is not set stays as it is at that time, which is at least as wide as the limits of the target.
fn limits(lowering: &mut Lowering<'_>, place: &Place, table: &ScheduleTable, scaling: &ScalingTable) {
    let (min, max) = match (table.min, table.max) {
        (None, None) => {
            lowering.report(place, "the schedule changes nothing").help("add `min`, `max` or both");
            return;
        }
        (min, max) => (min.unwrap_or(0), max.unwrap_or_else(|| scaling.max.max(widest(scaling)))),
    };
    if max < min {
        let key = if table.min.is_some() { "min" } else { "max" };
        let message = format!("at least {min} tasks, and at most {max}");
        lowering.report(&place.at(key), message).help("`min` must not be above `max`");
    }
}

/// The most tasks that any schedule allows.
fn widest(scaling: &ScalingTable) -> u32 {
    scaling.schedule.values().filter_map(|table| table.max).max().unwrap_or(0)
}

fn expression(lowering: &mut Lowering<'_>, place: &Place, expression: &str) -> String {
    if lowering.plain(place, expression)
        && let Some(why) = when::refusal(expression)
    {
        lowering.report(place, format!("`{expression}` is no schedule: {why}")).help(
            "schedules read like `cron(0 22 * * ? *)` with six fields, `rate(1 day)` or `at(2026-12-01T08:00:00)`",
        );
    }
    expression.to_owned()
}

fn timezone(lowering: &mut Lowering<'_>, place: &Place, zone: Option<&str>) -> String {
    let Some(zone) = zone else { return ScheduledAction::UTC.to_owned() };
    if lowering.plain(place, zone) && !when::is_time_zone(zone) {
        lowering
            .report(place, format!("`{zone}` is no time zone"))
            .nearest(zone, when::time_zones())
            .help("time zones have names like `Europe/Dublin` or `UTC`");
    }
    zone.to_owned()
}

/// A moment in UTC, of which the shape has seen no more than the form.
fn moment(lowering: &mut Lowering<'_>, place: &Place, moment: Option<&String>) -> Option<String> {
    let moment = moment?;
    if !moment.strip_suffix('Z').is_some_and(when::is_moment) {
        lowering.report(place, format!("there is no moment `{moment}`"));
    }
    Some(moment.clone())
}
