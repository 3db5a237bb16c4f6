//! Why resources are replaced, in words for people.
//!
//! Decides what of all that differs is the cause. Must not choose an action.

use std::collections::BTreeSet;

use super::{FieldChange, Reason};
use crate::reference::{self, Reference};

/// It follows others that are made anew.
pub(super) fn replaced(dependencies: &[String]) -> Reason {
    Reason::DependencyReplaced { dependencies: dependencies.to_vec() }
}

/// Why fields that cannot change in place must change. A name that ends in a hash of such fields changes with them,
/// so it is a cause only where there is no other.
pub(super) fn immutable(fields: &mut [FieldChange]) -> Reason {
    let is_name = |field: &FieldChange| matches!(field.path.as_str(), "name" | "family");
    let named = fields.iter().any(|field| field.forces_replacement && !is_name(field));
    for field in fields.iter_mut().filter(|field| named && is_name(field)) {
        field.forces_replacement = false;
    }
    let forcing: Vec<&FieldChange> = fields.iter().filter(|field| field.forces_replacement).collect();
    let unknown: Vec<BTreeSet<String>> = forcing.iter().map(|field| unknown_in(field)).collect();
    if !unknown.is_empty() && unknown.iter().all(|found| !found.is_empty()) {
        let dependencies: BTreeSet<String> = unknown.into_iter().flatten().collect();
        return replaced(&dependencies.into_iter().collect::<Vec<_>>());
    }
    Reason::Immutable { fields: forcing.into_iter().map(|field| field.path.clone()).collect() }
}

/// The addresses whose outputs a change waits for.
pub(super) fn unknown_in(field: &FieldChange) -> BTreeSet<String> {
    let address = |(_, reference)| match reference {
        Reference::Output(address, _) => Some(address.to_string()),
        Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    };
    field.after.iter().flat_map(reference::in_value).filter_map(address).collect()
}
