//! One life: create, no change, change in place, replacement, orphan, destroy, conflict.
//!
//! Decides what must hold at each age, and that nothing is asked for beyond the stack's own policies. Must not know any stack.

use std::collections::BTreeSet;

use neap_http_tests::{Permitted, Stack, World};
use serde_json::{Value, json};

use crate::stacks::{NEVER_USED, Unused};

/// What stays after a destroy: neither emulator ever forgets a deleted revision, and all certificates for a name share the record
/// that validates them.
const STAYS: [&str; 2] = ["inactive task definitions", "validation records"];

/// One example, and how it is changed in the course of its life.
pub(crate) struct Life {
    /// The stack.
    pub(crate) stack: Stack,
    /// How many of each kind the independent reader must see.
    pub(crate) counts: Value,
    /// Edits that AWS can make in place.
    pub(crate) in_place: &'static [(&'static str, &'static str)],
    /// The edit that replaces something.
    pub(crate) replacement: (&'static str, &'static str),
    /// The kind of which one has another name then.
    pub(crate) replaced: &'static str,
    /// The edits after which something live is no longer declared.
    pub(crate) orphan: &'static [(&'static str, &'static str)],
    /// The kind of which one is gone then.
    pub(crate) orphaned: &'static str,
    /// What `neap policy` allows to change and this life, unlike others, has no use for.
    pub(crate) unused: Unused,
    /// A call that takes a name that the stack needs, and what the plan must say of it.
    pub(crate) foreign: (&'static str, &'static str, Value, &'static str),
}

impl Life {
    /// Lives it in `world`.
    pub(crate) fn run(&self, world: World) {
        let permitted = Permitted::new(world);
        let world = permitted.world();
        permitted.neap(&["plan", "--detailed-exitcode"]).expect(2);
        assert_eq!(world.listing(), json!({}), "a plan changes nothing");
        permitted.neap(&["apply", "--yes"]).expect(0);
        assert_eq!(counts(&world.listing()), self.counts);
        no_change(&permitted);

        for (old, new) in self.in_place {
            world.edit(old, new);
        }
        let plan = permitted.neap(&["plan"]).expect(0);
        assert!(plan.stdout.contains(" 0 to replace, 0 to delete"), "in place only:\n{}", plan.stdout);
        permitted.neap(&["apply", "--yes"]).expect(0);
        no_change(&permitted);

        let before = world.listing()[self.replaced].clone();
        world.edit(self.replacement.0, self.replacement.1);
        permitted.neap(&["apply", "--yes"]).expect(0);
        let after = world.listing()[self.replaced].clone();
        assert_eq!(before.as_array().map(Vec::len), after.as_array().map(Vec::len), "one for the other");
        assert_ne!(before, after, "a new name stands beside the old until it is gone");
        no_change(&permitted);

        let before = number(&counts(&world.listing())[self.orphaned]);
        for (old, new) in self.orphan {
            world.edit(old, new);
        }
        permitted.neap(&["apply", "--yes"]).expect(0);
        assert_eq!(number(&counts(&world.listing())[self.orphaned]), before - 1, "the orphan is gone");
        no_change(&permitted);

        permitted.neap(&["destroy", "--yes"]).expect(0);
        nothing_left(&permitted);
        self.conflict(&permitted);
        self.uses_what_it_may(&permitted);
    }

    fn conflict(&self, permitted: &Permitted) {
        let world = permitted.world();
        let (service, operation, arguments, name) = &self.foreign;
        world.call(service, operation, arguments);
        let before = world.listing();
        let plan = permitted.neap(&["plan"]).expect(1);
        assert!(plan.stderr.contains(name), "the plan says what has the name:\n{}", plan.stderr);
        permitted.neap(&["apply", "--yes"]).expect(1);
        // It has the very name and nobody's tags, so nothing is proven; and it is left alone all the same.
        let destroy = permitted.neap(&["destroy", "--yes"]).expect(4);
        assert!(destroy.stderr.contains(name), "destroy says what has the name:\n{}", destroy.stderr);
        assert!(destroy.stderr.contains("left alone"), "{}", destroy.stderr);
        assert_eq!(world.listing(), before, "what is not the stack's own is left alone");
    }

    fn uses_what_it_may(&self, permitted: &Permitted) {
        // What no life has a use for is of kinds that not every stack has.
        let never = NEVER_USED.iter().flat_map(|(_, actions)| *actions);
        let never = never.filter(|action| permitted.allows(action));
        let listed = never.chain(self.unused.iter().flat_map(|(_, actions)| *actions));
        let listed: BTreeSet<String> = listed.map(|&action| action.to_owned()).collect();
        assert_eq!(permitted.unused(), listed, "what is allowed and never asked for is listed with a reason");
    }
}

fn no_change(permitted: &Permitted) {
    let plan = permitted.neap(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
}

fn nothing_left(permitted: &Permitted) {
    let mut listing = permitted.world().listing();
    if let Some(listing) = listing.as_object_mut() {
        STAYS.iter().for_each(|kind| drop(listing.remove(*kind)));
    }
    assert_eq!(listing, json!({}), "destroy leaves nothing");
    // Both keep deleted revisions as `DELETE_IN_PROGRESS`, which is what AWS calls them while it still has them.
    let check = permitted.neap(&["destroy", "--check"]).expect(0);
    assert!(check.stdout.contains("is left"), "{}", check.stdout);
}

fn counts(listing: &Value) -> Value {
    let count =
        |(kind, names): (&String, &Value)| (kind.clone(), json!(names.as_array().map_or(0, Vec::len)));
    let kinds = listing.as_object().into_iter().flatten().filter(|(kind, _)| !STAYS.contains(&kind.as_str()));
    Value::Object(kinds.map(count).collect())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}
