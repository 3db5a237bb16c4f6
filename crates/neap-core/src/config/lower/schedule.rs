//! Schedules of scaling: when other limits hold.
//!
//! Decides which expressions AWS takes ("Scheduled scaling" of Application Auto Scaling), and which limits make sense. Must not know
//! what time it is.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use crate::config::shape::{ScalingTable, ScheduleTable};
use crate::kinds::ScheduledAction;

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
            start: table.start.clone(),
            end: table.end.clone(),
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

fn expression(lowering: &mut Lowering<'_>, place: &Place, when: &str) -> String {
    if lowering.plain(place, when) && !is_expression(when) {
        lowering.report(place, format!("`{when}` is no schedule")).help(
            "schedules read like `cron(0 22 * * ? *)` with six fields, `rate(1 day)` or `at(2026-12-01T08:00:00)`",
        );
    }
    when.to_owned()
}

fn is_expression(when: &str) -> bool {
    let inside = |word: &str| when.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inside("cron") {
        return fields.split(' ').filter(|field| !field.is_empty()).count() == 6;
    }
    if let Some(rate) = inside("rate") {
        let Some((value, unit)) = rate.split_once(' ') else { return false };
        let units = ["minute", "minutes", "hour", "hours", "day", "days"];
        return value.parse::<u32>().is_ok_and(|value| value > 0) && units.contains(&unit);
    }
    let Some(moment) = inside("at") else { return false };
    let form = "0000-00-00T00:00:00";
    let fits =
        |(letter, form): (char, char)| if form == '0' { letter.is_ascii_digit() } else { letter == form };
    moment.len() == form.len() && moment.chars().zip(form.chars()).all(fits)
}

fn timezone(lowering: &mut Lowering<'_>, place: &Place, zone: Option<&str>) -> String {
    let Some(zone) = zone else { return ScheduledAction::UTC.to_owned() };
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "/_+-".contains(letter);
    if lowering.plain(place, zone) && (zone.is_empty() || !zone.chars().all(fits)) {
        lowering
            .report(place, format!("`{zone}` is no time zone"))
            .help("time zones have names like `Europe/Dublin` or `UTC`");
    }
    zone.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_have_the_forms_of_aws() {
        for right in [
            "cron(0 22 * * ? *)",
            "cron(0/15  * ? * MON-FRI *)",
            "rate(1 day)",
            "rate(30 minutes)",
            "at(2026-12-01T08:00:00)",
        ] {
            assert!(is_expression(right), "{right}");
        }
        for wrong in [
            "",
            "0 22 * * *",
            "cron(0 22 * * ?)",
            "rate(0 days)",
            "rate(1 week)",
            "rate(day)",
            "at(2026-12-01)",
            "at(2026-12-01 08:00:00)",
            "at(2026-12-01T08:00:00",
        ] {
            assert!(!is_expression(wrong), "{wrong}");
        }
    }
}
