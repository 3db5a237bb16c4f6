//! The files of a bucket as a reading shows them.
//!
//! Decides which buckets are looked through, and what of their objects counts. Must not know how objects are listed.

use std::collections::BTreeMap;

use super::{Files, site};
use crate::address::{Address, Kind};
use crate::desired::{Desired, TAG_ADDRESS, TAG_FILES, TAG_STACK};
use crate::kinds::{BucketFiles, Resource};
use crate::live::{LiveResource, Outputs, Phase, Reading};

/// A bucket of the stack's own that may hold files.
#[derive(Debug, Clone)]
pub struct Shelf<'a> {
    /// The address of its files.
    pub address: Address,
    /// The bucket.
    pub bucket: &'a LiveResource,
    /// What the stack wants in it; nothing where it wants none any more.
    pub wanted: Option<&'a BucketFiles>,
}

/// The buckets to look through: those that files are wanted in, and those whose tags say that there are some. One that the stack
/// does not have any more goes with all that is in it, or stays with it, so nobody asks.
pub fn shelves<'a>(desired: &'a Desired, readings: &'a BTreeMap<Address, Reading>) -> Vec<Shelf<'a>> {
    let shelf = |(at, reading): (&Address, &'a Reading)| {
        let Reading::Present(bucket) = reading else { return None };
        let address = Address::new(Kind::BucketFiles, at.name());
        let wanted = desired.resources.get(&address).and_then(|wanted| match &wanted.resource {
            Resource::BucketFiles(files) => Some(files),
            _ => None,
        });
        let is_marked = bucket.tags.contains_key(TAG_FILES);
        (wanted.is_some() || is_marked).then_some(Shelf { address, bucket, wanted })
    };
    readings.iter().filter(|(at, _)| at.kind() == Kind::Bucket).filter_map(shelf).collect()
}

/// What the desired files at `address` are while nothing is known of the objects: unreadable with their bucket, else absent.
pub fn without_objects(address: &Address, readings: &BTreeMap<Address, Reading>) -> Reading {
    match readings.get(&Address::new(Kind::Bucket, address.name())) {
        Some(Reading::Unreadable(failure)) => Reading::Unreadable(failure.clone()),
        _ => Reading::Absent,
    }
}

impl Shelf<'_> {
    /// The live files, given every object in the bucket; nothing where there are none and never were. What neap has not uploaded
    /// counts only where something of ours is to take its place.
    pub fn live(
        &self,
        stack: &str,
        mut objects: Files,
        readings: &BTreeMap<Address, Reading>,
    ) -> Option<LiveResource> {
        let is_wanted = |key: &String| self.wanted.is_some_and(|wanted| wanted.files.contains_key(key));
        objects.retain(|key, file| file.is_marked() || is_wanted(key));
        if objects.is_empty() && !self.bucket.tags.contains_key(TAG_FILES) {
            return None;
        }
        let name = self.bucket.resource.aws_name().to_owned();
        let sites = self.wanted.into_iter().flat_map(|wanted| wanted.sites.keys());
        let sites = sites.filter_map(|at| {
            let Some(Reading::Present(live)) = readings.get(&at.parse::<Address>().ok()?) else {
                return None;
            };
            let Resource::Cloudfront(distribution) = &live.resource else { return None };
            let arn = live.outputs.get("arn")?;
            Some((at.clone(), site(self.address.name(), arn, distribution, &live.tags)?))
        });
        let fields = BucketFiles {
            bucket: name.clone(),
            folder: String::new(),
            sites: sites.collect(),
            files: objects,
        };
        let marks = [(TAG_STACK, stack.to_owned()), (TAG_ADDRESS, self.address.to_string())];
        Some(LiveResource {
            address: self.address.clone(),
            id: name.clone(),
            resource: fields.into(),
            tags: marks.map(|(key, value)| (key.to_owned(), value)).into(),
            outputs: Outputs::from([("bucket".to_owned(), name)]),
            phase: Phase::Ready,
        })
    }
}
