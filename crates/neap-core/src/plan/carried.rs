//! What a change leaves as it is live, although the stack has a value for it: the value is for the start only.
//!
//! Decides which fields that are. Must not know what else differs.

use crate::desired::{DesiredResource, TAG_LIMITS};
use crate::instances;
use crate::kinds::{AutoScalingGroup, LaunchTemplate, Resource, ScalableTarget, ScheduledAction};
use crate::live::LiveResource;
use crate::ownership::Owned;
use crate::reference::{self, Fact, Reference};

/// Carries forward into `filled`, which the stack writes as `wanted`, what the `live` resource has and keeps.
pub(super) fn carry(filled: &mut Resource, wanted: &DesiredResource, live: &LiveResource) {
    match (filled, &wanted.resource, &live.resource) {
        (
            Resource::LaunchTemplate(filled),
            Resource::LaunchTemplate(wanted),
            Resource::LaunchTemplate(live),
        ) => {
            image(filled, wanted, live);
        }
        (Resource::AutoScalingGroup(filled), _, Resource::AutoScalingGroup(live))
            if wanted.owned_elsewhere.contains(&Owned::Count) =>
        {
            desired(filled, live);
        }
        (Resource::ScalableTarget(filled), _, Resource::ScalableTarget(fields)) => {
            // Other limits than at the last apply are asked for now, whatever a schedule has set meanwhile.
            let asked = live.tags.get(TAG_LIMITS);
            if asked.is_none() || asked == wanted.tags.get(TAG_LIMITS) {
                limits(filled, fields);
            }
            if live.spec() == Some(wanted.spec().as_str()) {
                past(filled, fields);
            }
        }
        _ => {}
    }
}

/// A certificate that nobody uses is as good in the region where it is as in any other.
pub(super) fn stay(filled: &mut Resource, live: &Resource) {
    if let (Resource::Certificate(filled), Resource::Certificate(live)) = (filled, live) {
        filled.region.clone_from(&live.region);
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
    use crate::desired::TAG_SPEC;
    use crate::kinds::{Certificate, KindOf};
    use crate::live::{Outputs, Phase};

    fn live(resource: impl Into<Resource>) -> LiveResource {
        let resource = resource.into();
        let address = format!("{}.one", resource.kind()).parse().expect("an address");
        let (tags, outputs) = ([].into(), Outputs::new());
        LiveResource { address, id: "1".into(), resource, tags, outputs, phase: Phase::Ready }
    }

    fn template(image: &str, instance_type: &str) -> LaunchTemplate {
        LaunchTemplate {
            image: image.to_owned(),
            instance_type: instance_type.to_owned(),
            ..LaunchTemplate::example()
        }
    }

    #[track_caller]
    fn check(wanted: (&str, &str), live: (&str, &str), expected: &str) {
        let mut filled = Resource::from(template("ami-new", wanted.1));
        carry(
            &mut filled,
            &DesiredResource::plain(template(wanted.0, wanted.1)),
            &self::live(template(live.0, live.1)),
        );
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
        let carried = |fields: &AutoScalingGroup, live: u32, owned: &[Owned]| {
            let mut filled = Resource::from(fields.clone());
            let owned_elsewhere = owned.iter().copied().collect();
            let wanted = DesiredResource { owned_elsewhere, ..DesiredResource::plain(fields.clone()) };
            carry(&mut filled, &wanted, &self::live(group(0, 9, live)));
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

    #[test]
    fn a_certificate_that_nobody_uses_stays_in_its_region() {
        let mut filled = Resource::from(Certificate { region: "eu-west-1".into(), ..Certificate::example() });
        stay(&mut filled, &Certificate { region: "us-east-1".into(), ..Certificate::example() }.into());
        let Resource::Certificate(filled) = filled else { unreachable!() };
        assert_eq!(filled.region, "us-east-1");
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

    fn carried(fields: &ScalableTarget, live: &ScalableTarget, is_recorded: bool) -> ScalableTarget {
        let wanted = DesiredResource::plain(fields.clone());
        let mut live = self::live(live.clone());
        if is_recorded {
            live.tags.insert(TAG_SPEC.to_owned(), wanted.spec());
        }
        carry_limits(&wanted, &live)
    }

    fn carry_limits(wanted: &DesiredResource, live: &LiveResource) -> ScalableTarget {
        let mut filled = wanted.resource.clone();
        carry(&mut filled, wanted, live);
        let Resource::ScalableTarget(filled) = filled else { unreachable!() };
        filled
    }

    #[test]
    fn limits_that_the_stack_did_not_ask_for_before_hold_although_a_schedule_sets_the_old_ones() {
        let schedules = [("night", Some(0), Some(2)), ("day", Some(1), Some(6))];
        let mut wanted = DesiredResource::plain(scaled(1, 10, &schedules));
        wanted.tags.insert(TAG_LIMITS.to_owned(), "1-10".into());
        for (asked, expected) in [(Some("1-6"), (1, 10)), (Some("1-10"), (0, 2)), (None, (0, 2))] {
            let mut live = live(scaled(0, 2, &schedules));
            live.tags.extend(asked.map(|asked| (TAG_LIMITS.to_owned(), asked.to_owned())));
            let filled = carry_limits(&wanted, &live);
            assert_eq!((filled.min, filled.max), expected, "{asked:?}");
        }
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
