//! What an undisturbed life looks like: which requests it makes, and what there is after each command.
//!
//! Everything else is measured against it.

use std::collections::BTreeMap;

use neap_http_tests::{Ended, Stack};
use serde_json::Value;

use crate::crew::Site;

/// An undisturbed apply and destroy of one stack.
pub(crate) struct Calm {
    pub(crate) stack: Stack,
    /// The operations of each command that may change something, in order.
    pub(crate) apply: Vec<String>,
    pub(crate) destroy: Vec<String>,
    /// How often each command asks for which operation, reading or not.
    pub(crate) apply_operations: BTreeMap<String, usize>,
    pub(crate) destroy_operations: BTreeMap<String, usize>,
    /// What there is after each, as the independent reader sees it.
    pub(crate) built: Value,
    pub(crate) left: Value,
}

impl Calm {
    /// Lives it.
    pub(crate) fn watch(site: &Site, stack: Stack) -> Self {
        let disturbed = site.world(stack);
        let apply = disturbed.neap(&["apply", "--yes"], Vec::new());
        assert_eq!(apply.run.code, 0, "{stack:?}: {}", apply.run.stderr);
        let built = disturbed.world.listing();
        let destroy = disturbed.neap(&["destroy", "--yes"], Vec::new());
        assert_eq!(destroy.run.code, 0, "{stack:?}: {}", destroy.run.stderr);
        Self {
            stack,
            apply: mutations(&apply),
            destroy: mutations(&destroy),
            apply_operations: operations(&apply),
            destroy_operations: operations(&destroy),
            built,
            left: disturbed.world.listing(),
        }
    }
}

fn mutations(ended: &Ended) -> Vec<String> {
    ended.mutations().map(|seen| seen.operation.to_string()).collect()
}

fn operations(ended: &Ended) -> BTreeMap<String, usize> {
    let mut operations = BTreeMap::new();
    for seen in &ended.seen {
        *operations.entry(seen.operation.to_string()).or_insert(0) += 1;
    }
    operations
}
