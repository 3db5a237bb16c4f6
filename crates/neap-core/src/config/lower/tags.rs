//! Tags: the stack's, the resource's own over them, and the two that mark a resource as the stack's.
//!
//! Decides which tags a user may set. Must not know which services take tags.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Lowering;
use super::place::Place;
use crate::address::{Address, Kind};
use crate::desired::{TAG_ADDRESS, TAG_REGION, TAG_STACK};
use crate::network;

/// AWS takes fifty tags on a resource, and three of them mark it as the stack's.
const MOST: usize = 47;

/// The tags of the resource at `address`; `own` are the user's on it, with the place of its table.
pub(super) fn of(
    lowering: &mut Lowering<'_>,
    address: &Address,
    own: Option<(&Place, &BTreeMap<String, String>)>,
) -> BTreeMap<String, String> {
    let mut tags =
        if address.kind().takes_tags() { lowering.file.stack.tags.clone() } else { BTreeMap::new() };
    if let Some((place, own)) = own {
        let place = place.at("tags");
        check(lowering, &place, own);
        tags.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
        if !own.is_empty() {
            check_whole(lowering, &place, address.kind(), &tags);
        }
    }
    // They have no name but this one, by which the console shows them.
    if network::is_part(address.kind()) && tags.len() < MOST {
        let name = || format!("{}-{}", lowering.stack, address.name());
        tags.entry("Name".to_owned()).or_insert_with(name);
    }
    if address.kind().is_marked_with_region() && tags.len() < MOST {
        tags.insert(TAG_REGION.to_owned(), "${aws.region}".to_owned());
    }
    tags.insert(TAG_STACK.to_owned(), lowering.stack.to_owned());
    tags.insert(TAG_ADDRESS.to_owned(), address.to_string());
    tags
}

/// Checks the tags of `[stack]`, which everything gets, IAM roles too.
pub(super) fn check_stack(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    let place = Place::of("stack", "tags");
    check(lowering, &place, &file.stack.tags);
    check_whole(lowering, &place, Kind::Role, &file.stack.tags);
}

fn check(lowering: &mut Lowering<'_>, place: &Place, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        let place = place.at(key);
        if let Some(refusal) = refusal(key, 128) {
            lowering.report(&place, format!("the tag key `{key}` {refusal}")).on_key();
        } else if let Some(prefix) = reserved(key) {
            let owner = if prefix == "aws:" { "AWS" } else { "neap" };
            lowering
                .report(&place, format!("tag keys that begin with `{prefix}` belong to {owner}"))
                .on_key();
        }
        if lowering.plain(&place, value)
            && !value.is_empty()
            && let Some(refusal) = refusal(value, 256)
        {
            lowering.report(&place, format!("the value of the tag `{key}` {refusal}"));
        }
    }
}

fn check_whole(lowering: &mut Lowering<'_>, place: &Place, kind: Kind, tags: &BTreeMap<String, String>) {
    if tags.len() > MOST {
        let message = format!("{} tags are too many: AWS takes 50, three of which are neap's", tags.len());
        lowering.report(place, message);
    }
    let mut seen = BTreeSet::new();
    for key in tags.keys() {
        if kind == Kind::Role && !seen.insert(key.to_lowercase()) {
            lowering
                .report(&place.at(key), format!("the tag `{key}` is there twice, in another case"))
                .on_key()
                .help("IAM does not tell the case of tag keys");
        }
    }
}

fn reserved(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase();
    ["aws:", "neap:"].into_iter().find(|prefix| key.starts_with(prefix))
}

/// Why AWS would refuse `text`, of at most `limit` characters, in a tag.
fn refusal(text: &str, limit: usize) -> Option<String> {
    let length = text.chars().count();
    if text.is_empty() {
        return Some("is empty".to_owned());
    }
    if length > limit {
        return Some(format!("has {length} characters, and AWS takes at most {limit}"));
    }
    let fits = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    let misfit = text.chars().find(|c| !fits(*c))?;
    Some(format!("holds `{misfit}`; tags take letters, digits, spaces and `+ - = . _ : / @`"))
}
