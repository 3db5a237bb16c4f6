//! What an apply would delete with all that is in it, so that a reading looks into it: an apply that takes away what neap has not put
//! there is refused.
//!
//! Decides which buckets and repositories those are, before there is a plan. Must not know how it is looked.

use std::collections::BTreeMap;

use crate::address::{Address, Kind};
use crate::config::Secrets;
use crate::desired::{Desired, TAG_FILES, is_kept};
use crate::diff;
use crate::kinds::{Ecr, KindOf as _};
use crate::live::{LiveResource, Reading};

/// The buckets that an apply would delete with all that is in them, each with whether neap may have uploaded any of that.
pub fn buckets(orphans: &[LiveResource]) -> impl Iterator<Item = (&LiveResource, bool)> {
    let leaves = |live: &&LiveResource| live.kind() == Kind::Bucket && !is_kept(&live.tags);
    orphans.iter().filter(leaves).map(|bucket| (bucket, bucket.tags.contains_key(TAG_FILES)))
}

/// The repositories that an apply would delete: those that stand at no desired name, and those whose successor has their name and
/// cannot be made of them.
pub fn repositories<'a>(
    desired: &Desired,
    readings: &'a BTreeMap<Address, Reading>,
    orphans: &'a [LiveResource],
) -> Vec<&'a LiveResource> {
    let replaced = |(address, reading): (&Address, &'a Reading)| {
        let (Reading::Present(live), Kind::Ecr) = (reading, address.kind()) else { return None };
        let wanted = desired.resources.get(address)?.resource.fields();
        // The value of a variable that nobody may see counts as another one: then it is only looked in vain.
        let changes = diff::diff(&wanted, &live.resource.fields(), &Ecr::POLICY, &Secrets::default());
        changes.iter().any(|change| change.forces_replacement).then_some(live.as_ref())
    };
    let leaves = |live: &&LiveResource| live.kind() == Kind::Ecr;
    orphans.iter().filter(leaves).chain(readings.iter().filter_map(replaced)).collect()
}
