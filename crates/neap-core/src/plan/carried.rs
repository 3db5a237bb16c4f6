//! What a change leaves as it is live, although the stack has a value for it: the value is for the start only.
//!
//! Decides which fields that are. Must not know what else differs.

use crate::instances;
use crate::kinds::{AutoScalingGroup, LaunchTemplate, Resource};
use crate::reference::{self, Fact, Reference};

/// Carries forward into `filled`, which the stack writes as `wanted`, what the `live` resource has and keeps.
pub(super) fn carry(filled: &mut Resource, wanted: &Resource, live: &Resource) {
    match (filled, wanted, live) {
        (
            Resource::LaunchTemplate(filled),
            Resource::LaunchTemplate(wanted),
            Resource::LaunchTemplate(live),
        ) => {
            image(filled, wanted, live);
        }
        (Resource::AutoScalingGroup(filled), _, Resource::AutoScalingGroup(live)) => desired(filled, live),
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

/// Managed scaling owns the number of instances, within the limits.
fn desired(filled: &mut AutoScalingGroup, live: &AutoScalingGroup) {
    filled.desired = live.desired.max(filled.min).min(filled.max.max(filled.min));
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
        carry(&mut filled, &wanted.into(), &template(live.0, live.1).into());
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
        for (wanted, live, expected) in
            [(group(1, 3, 1), 2, 2), (group(0, 3, 1), 0, 0), (group(2, 3, 2), 1, 2), (group(0, 2, 0), 5, 2)]
        {
            let mut filled = Resource::from(wanted.clone());
            carry(&mut filled, &wanted.into(), &group(0, 9, live).into());
            let Resource::AutoScalingGroup(filled) = filled else { unreachable!() };
            assert_eq!(filled.desired, expected);
        }
    }
}
