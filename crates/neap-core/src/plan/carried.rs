//! What a change leaves as it is live, although the stack has a value for it: the value is for the start only.
//!
//! Decides which fields that are. Must not know what else differs.

use std::collections::BTreeSet;

use crate::instances;
use crate::kinds::{AutoScalingGroup, LaunchTemplate, Resource, ScalableTarget, ScheduledAction};
use crate::ownership::Owned;
use crate::reference::{self, Fact, Reference};

/// Carries forward into `filled`, which the stack writes as `wanted`, what the `live` resource has and keeps; `owned` is what
/// others change of it, and `is_recorded` says whether the last apply has made of it what the stack asks for now.
pub(super) fn carry(
    filled: &mut Resource,
    wanted: &Resource,
    live: &Resource,
    owned: &BTreeSet<Owned>,
    is_recorded: bool,
) {
    match (filled, wanted, live) {
        (
            Resource::LaunchTemplate(filled),
            Resource::LaunchTemplate(wanted),
            Resource::LaunchTemplate(live),
        ) => {
            image(filled, wanted, live);
        }
        (Resource::AutoScalingGroup(filled), _, Resource::AutoScalingGroup(live))
            if owned.contains(&Owned::Count) =>
        {
            desired(filled, live);
        }
        (Resource::ScalableTarget(filled), _, Resource::ScalableTarget(live)) => {
            limits(filled, live);
            if is_recorded {
                past(filled, live);
            }
        }
        _ => {}
    }
}

/// The recommended image changes every few weeks, and instances are not replaced for that: they keep theirs as long as
/// it fits their processor.
fn image(filled: &mut LaunchTemplate, wanted: &LaunchTemplate, live: &LaunchTemplate) {
    let references = reference::in_text(&wanted.image);
    let [Reference::Fact(Fact::EcsImage(processor))] = references.as_slice() else { return };
    let live_processor = instances::processor(&live.instance_type);
    let fits = live.instance_type == filled.instance_type || live_processor == Some(*processor);
    if fits && !live.image.is_empty() {
        filled.image.clone_from(&live.image);
    }
}

/// What scales the instances owns their number, within the limits.
fn desired(filled: &mut AutoScalingGroup, live: &AutoScalingGroup) {
    filled.desired = live.desired.max(filled.min).min(filled.max.max(filled.min));
}

/// Limits that one of the schedules sets hold until another does.
fn limits(filled: &mut ScalableTarget, live: &ScalableTarget) {
    let sets = |of: fn(&ScheduledAction) -> Option<u32>, value: u32| {
        filled.scheduled_actions.values().any(|action| of(action) == Some(value))
    };
    let min = if sets(|action| action.min, live.min) { live.min } else { filled.min };
    let max = if sets(|action| action.max, live.max) { live.max } else { filled.max };
    if min <= max {
        (filled.min, filled.max) = (min, max);
    }
}

/// A schedule whose time comes once has come if it was put and is not there: AWS may forget it then, and would not take it
/// again.
fn past(filled: &mut ScalableTarget, live: &ScalableTarget) {
    filled
        .scheduled_actions
        .retain(|name, action| !action.is_once() || live.scheduled_actions.contains_key(name));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KindOf;

    fn template(image: &str, instance_type: &str) -> LaunchTemplate {
        LaunchTemplate {
            image: image.to_owned(),
            instance_type: instance_type.to_owned(),
            ..LaunchTemplate::example()
        }
    }

    #[track_caller]
    fn check(wanted: (&str, &str), live: (&str, &str), expected: &str) {
        let wanted = template(wanted.0, wanted.1);
        let mut filled = Resource::from(template("ami-new", &wanted.instance_type));
        carry(&mut filled, &wanted.into(), &template(live.0, live.1).into(), &BTreeSet::new(), true);
        let Resource::LaunchTemplate(filled) = filled else { unreachable!() };
        assert_eq!(filled.image, expected);
    }

    #[test]
    fn instances_keep_their_image_while_it_fits_their_processor() {
        let x86 = "${aws.ecs_image.x86_64}";
        check((x86, "t3.micro"), ("ami-old", "t3.micro"), "ami-old");
        check((x86, "t3.small"), ("ami-old", "t3.micro"), "ami-old");
        check(("${aws.ecs_image.arm64}", "t4g.micro"), ("ami-old", "t3.micro"), "ami-new");
        check(("${aws.newest_ecs_image.x86_64}", "t3.micro"), ("ami-old", "t3.micro"), "ami-new");
        check(("ami-new", "t3.micro"), ("ami-old", "t3.micro"), "ami-new");
    }

    #[test]
    fn the_number_of_instances_is_carried_forward_within_the_limits() {
        let group = |min: u32, max: u32, desired: u32| AutoScalingGroup {
            min,
            max,
            desired,
            ..AutoScalingGroup::example()
        };
        let carried = |wanted: &AutoScalingGroup, live: u32, owned: &[Owned]| {
            let (mut filled, live) = (Resource::from(wanted.clone()), group(0, 9, live).into());
            carry(&mut filled, &wanted.clone().into(), &live, &owned.iter().copied().collect(), true);
            let Resource::AutoScalingGroup(filled) = filled else { unreachable!() };
            filled.desired
        };
        for (wanted, live, expected) in
            [(group(1, 3, 1), 2, 2), (group(0, 3, 1), 0, 0), (group(2, 3, 2), 1, 2), (group(0, 2, 0), 5, 2)]
        {
            assert_eq!(carried(&wanted, live, &[Owned::Count]), expected);
        }
        assert_eq!(carried(&group(1, 3, 2), 3, &[]), 2, "nothing scales them");
    }

    fn scaled(min: u32, max: u32, schedules: &[(&str, Option<u32>, Option<u32>)]) -> ScalableTarget {
        let action = |(schedule, min, max): &(&str, Option<u32>, Option<u32>)| {
            let example = ScalableTarget::example().scheduled_actions["night"].clone();
            let action =
                ScheduledAction { schedule: (*schedule).to_owned(), min: *min, max: *max, ..example };
            ((*schedule).to_owned(), action)
        };
        let scheduled_actions = schedules.iter().map(action).collect();
        ScalableTarget { min, max, scheduled_actions, ..ScalableTarget::example() }
    }

    fn carried(wanted: &ScalableTarget, live: &ScalableTarget, is_recorded: bool) -> ScalableTarget {
        let mut filled = Resource::from(wanted.clone());
        carry(&mut filled, &wanted.clone().into(), &live.clone().into(), &BTreeSet::new(), is_recorded);
        let Resource::ScalableTarget(filled) = filled else { unreachable!() };
        filled
    }

    #[test]
    fn limits_that_a_schedule_has_set_are_no_difference() {
        let schedules = [("night", Some(0), Some(2)), ("day", None, Some(6))];
        for (wanted, live, expected) in [
            ((1, 6), (0, 2), (0, 2)),
            ((1, 6), (1, 2), (1, 2)),
            ((1, 6), (1, 6), (1, 6)),
            // Neither the stack nor a schedule says so.
            ((1, 6), (3, 9), (1, 6)),
            ((1, 6), (3, 2), (1, 2)),
            // What is carried must fit what is new.
            ((4, 8), (1, 2), (4, 8)),
        ] {
            let wanted = scaled(wanted.0, wanted.1, &schedules);
            let filled = carried(&wanted, &scaled(live.0, live.1, &schedules), true);
            assert_eq!((filled.min, filled.max), expected);
        }
        let filled = carried(&scaled(1, 6, &[]), &scaled(0, 2, &[]), true);
        assert_eq!((filled.min, filled.max), (1, 6), "without schedules others have changed it");
    }

    #[test]
    fn a_schedule_of_one_time_may_be_gone_once_it_was_put() {
        let once = ("at(2026-12-01T08:00:00)", Some(1), None);
        let again = ("rate(1 day)", Some(1), None);
        let wanted = scaled(1, 6, &[once, again]);
        let names = |is_recorded: bool, live: &ScalableTarget| {
            carried(&wanted, live, is_recorded).scheduled_actions.len()
        };
        assert_eq!(names(true, &scaled(1, 6, &[again])), 1);
        assert_eq!(names(true, &scaled(1, 6, &[])), 1, "one that comes again is missing");
        assert_eq!(names(false, &scaled(1, 6, &[again])), 2, "it was never put");
        assert_eq!(names(true, &scaled(1, 6, &[once, again])), 2);
    }
}
