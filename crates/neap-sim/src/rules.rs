//! Rules that several services share: names, tags, numbers, fields that cannot change.
//!
//! Decides what AWS refuses before it looks at what exists. Must not know the world.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use neap_core::kinds::Resource;
use serde_json::Value;

use crate::error::{Answer, Rejection};

/// Refuses the request with `code` and `message` unless `holds`.
pub(crate) fn require(holds: bool, code: &str, message: impl FnOnce() -> String) -> Answer<()> {
    if holds { Ok(()) } else { Err(Rejection::invalid(code, message())) }
}

/// Refuses a number outside its range.
pub(crate) fn in_range(code: &str, what: &str, value: u32, range: RangeInclusive<u32>) -> Answer<()> {
    require(range.contains(&value), code, || {
        format!("{what} must be between {} and {}, not {value}", range.start(), range.end())
    })
}

/// Refuses a word that is not one of `allowed`.
pub(crate) fn one_of(code: &str, what: &str, value: &str, allowed: &[&str]) -> Answer<()> {
    require(allowed.contains(&value), code, || {
        format!("{what} must be one of {}, not `{value}`", allowed.join(", "))
    })
}

/// Refuses a name that is too short, too long, or has other characters than letters, digits and those of `others`.
pub(crate) fn name(code: &str, value: &str, longest: usize, others: &str) -> Answer<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    let length = value.chars().count();
    require((1..=longest).contains(&length), code, || {
        format!("the name `{value}` must have 1 to {longest} characters, not {length}")
    })?;
    require(value.chars().all(allowed), code, || {
        format!("the name `{value}` may hold only letters, digits and `{others}`")
    })
}

/// Refuses the name of a load balancer or target group: 32 letters, digits and hyphens, none at an end.
pub(crate) fn balancer_name(value: &str) -> Answer<()> {
    name("ValidationError", value, 32, "-")?;
    require(!value.starts_with('-') && !value.ends_with('-'), "ValidationError", || {
        format!("the name `{value}` cannot begin or end with a hyphen")
    })
}

/// Refuses tags that no service takes (section 1.2).
pub(crate) fn tags(code: &str, tags: &BTreeMap<String, String>) -> Answer<()> {
    let own = tags.keys().filter(|key| !key.to_ascii_lowercase().starts_with("aws:")).count();
    require(own == tags.len(), code, || "tag keys beginning with `aws:` are reserved".to_owned())?;
    require(own <= 50, code, || format!("a resource can have 50 tags, not {own}"))?;
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    for (key, value) in tags {
        let lengths = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        require(lengths, code, || format!("the tag `{key}` is too long"))?;
        let characters = key.chars().chain(value.chars()).all(allowed);
        require(characters, code, || format!("the tag `{key}` has characters that are not allowed"))?;
    }
    Ok(())
}

/// The first field that differs between `live` and `desired` and that AWS cannot change in place.
pub(crate) fn immutable_change(live: &Resource, desired: &Resource) -> Option<&'static str> {
    let policy = Resource::policy(live.kind());
    let (live, desired) = (live.fields(), desired.fields());
    let changed = |path: &&&str| {
        let (before, after) = (at(&live, path), at(&desired, path));
        let left_alone = after.is_none() && policy.ignore_unset.contains(path);
        before != after && !left_alone
    };
    policy.replace.iter().find(changed).copied()
}

fn at<'value>(fields: &'value Value, path: &str) -> Option<&'value Value> {
    path.split('.').try_fold(fields, |value, member| value.get(member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use neap_core::address::Kind;
    use neap_core::kinds::{Ecr, KindOf};

    #[test]
    fn names_are_refused_by_length_and_by_character() {
        for (value, accepted) in
            [("course-api", true), ("", false), ("a_b", false), ("-a", false), ("a-", false)]
        {
            assert_eq!(balancer_name(value).is_ok(), accepted, "{value}");
        }
        assert!(balancer_name(&"a".repeat(32)).is_ok());
        assert!(balancer_name(&"a".repeat(33)).is_err());
    }

    #[test]
    fn tags_are_refused_by_prefix_number_length_and_character() {
        let one =
            |key: &str, value: &str| tags("Invalid", &[(key.to_owned(), value.to_owned())].into()).is_ok();
        assert!(one("neap:address", "alb.public.listener.http"));
        assert!(!one("aws:name", "x"));
        assert!(!one("AWS:name", "x"));
        assert!(!one(&"k".repeat(129), "x"));
        assert!(!one("k", &"v".repeat(257)));
        assert!(!one("k", "a*b"));
        let many = (0..51).map(|index| (index.to_string(), String::new())).collect();
        assert!(tags("Invalid", &many).is_err());
    }

    #[test]
    fn a_field_that_cannot_change_is_found_and_an_unset_one_is_left_alone() {
        let live = Resource::example(Kind::Ecr);
        let mut desired = Ecr::example();
        desired.kms_key = None;
        desired.scan_on_push = false;
        assert_eq!(immutable_change(&live, &desired.clone().into()), None);
        desired.encryption = "AES256".into();
        assert_eq!(immutable_change(&live, &desired.into()), Some("encryption"));
    }
}
