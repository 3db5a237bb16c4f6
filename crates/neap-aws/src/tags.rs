//! Tags: what a create sends, what a read shows, and what an update has to change.
//!
//! Decides which tags are the stack's and which are AWS's own. Must not know how a service carries them.

use std::collections::BTreeMap;

use neap_core::desired::TAG_SPEC;
use neap_core::files::is_note;

use crate::error::incomplete;
use crate::remote::Wanted;
use neap_engine::cloud::CallError;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// The tag of what ECS makes or manages, whatever its value.
pub(crate) const OF_ECS: &str = "AmazonECSManaged";

/// Whether a tag belongs to AWS: never shown, changed or removed.
pub(crate) fn is_aws_own(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower.starts_with("aws:") || lower.starts_with("ecs:") || key.starts_with(OF_ECS)
}

/// The tags of a live resource without AWS's own.
pub(crate) fn visible<K: Into<String>, V: Into<String>>(tags: impl IntoIterator<Item = (K, V)>) -> Tags {
    let pairs = tags.into_iter().map(|(key, value)| (key.into(), value.into()));
    pairs.filter(|(key, _)| !is_aws_own(key)).collect()
}

impl<T> Wanted<'_, T> {
    /// The tags that the resource shall have, the spec hash included.
    pub(crate) fn all_tags(&self) -> Tags {
        let mut tags = self.tags.clone();
        tags.insert(TAG_SPEC.to_owned(), self.spec.to_owned());
        tags
    }

    /// What has to change in a live resource's tags.
    pub(crate) fn tag_changes(&self, live: &Tags) -> TagChanges {
        TagChanges::between(live, &self.all_tags())
    }
}

/// The difference between the tags that are and those that shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TagChanges {
    /// Tags to set.
    pub(crate) set: Tags,
    /// Keys to remove.
    pub(crate) remove: Vec<String>,
}

impl TagChanges {
    /// What turns `live` into `wanted`.
    pub(crate) fn between(live: &Tags, wanted: &Tags) -> Self {
        let differs = |(key, value): &(&String, &String)| live.get(*key) != Some(*value);
        let set = wanted.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect();
        let gone = |key: &&String| !wanted.contains_key(*key) && !is_aws_own(key) && !is_note(key);
        let remove = live.keys().filter(gone).cloned().collect();
        Self { set, remove }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// Converts tags to and from a service's own tag type, whose builder checks that key and value are there.
macro_rules! sdk_tags {
    ($to:ident, $from:ident, $tag:ty, checked) => {
        /// The tags as the service takes them.
        pub(crate) fn $to(tags: &Tags) -> Result<Vec<$tag>, CallError> {
            let tag = |(key, value): (&String, &String)| <$tag>::builder().key(key).value(value).build();
            tags.iter().map(tag).collect::<Result<_, _>>().map_err(|_| incomplete("tags", "key"))
        }

        /// The tags that the service shows, without AWS's own.
        pub(crate) fn $from(tags: &[$tag]) -> Tags {
            visible(tags.iter().map(|tag| (tag.key(), tag.value())))
        }
    };
    ($to:ident, $from:ident, $tag:ty, keyed) => {
        /// The tags as the service takes them.
        pub(crate) fn $to(tags: &Tags) -> Result<Vec<$tag>, CallError> {
            let tag = |(key, value): (&String, &String)| <$tag>::builder().key(key).value(value).build();
            tags.iter().map(tag).collect::<Result<_, _>>().map_err(|_| incomplete("tags", "key"))
        }

        /// The tags that the service shows, without AWS's own.
        pub(crate) fn $from(tags: &[$tag]) -> Tags {
            visible(tags.iter().map(|tag| (tag.key(), tag.value().unwrap_or_default())))
        }
    };
    ($to:ident, $from:ident, $tag:ty, plain) => {
        /// The tags as the service takes them.
        pub(crate) fn $to(tags: &Tags) -> Vec<$tag> {
            tags.iter().map(|(key, value)| <$tag>::builder().key(key).value(value).build()).collect()
        }

        /// The tags that the service shows, without AWS's own.
        pub(crate) fn $from(tags: &[$tag]) -> Tags {
            let pair = |tag: &$tag| {
                (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned())
            };
            visible(tags.iter().map(pair))
        }
    };
}

sdk_tags!(to_ecs, from_ecs, aws_sdk_ecs::types::Tag, plain);
sdk_tags!(to_ec2, from_ec2, aws_sdk_ec2::types::Tag, plain);
sdk_tags!(to_elb, from_elb, aws_sdk_elasticloadbalancingv2::types::Tag, plain);
sdk_tags!(to_clb, from_clb, aws_sdk_elasticloadbalancing::types::Tag, keyed);
sdk_tags!(to_acm, from_acm, aws_sdk_acm::types::Tag, keyed);
sdk_tags!(to_cloudfront, from_cloudfront, aws_sdk_cloudfront::types::Tag, keyed);
sdk_tags!(to_iam, from_iam, aws_sdk_iam::types::Tag, checked);
sdk_tags!(to_ecr, from_ecr, aws_sdk_ecr::types::Tag, checked);
sdk_tags!(to_s3, from_s3, aws_sdk_s3::types::Tag, checked);
sdk_tags!(to_cloud_map, from_cloud_map, aws_sdk_servicediscovery::types::Tag, checked);

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn awss_own_tags_are_not_shown() {
        let shown =
            visible([("team", "infra"), ("aws:cloudformation:stack-name", "x"), ("ecs:cluster", "y")]);
        assert_eq!(shown, tags(&[("team", "infra")]));
    }

    #[test]
    fn only_what_differs_is_set_and_only_our_leftovers_are_removed() {
        let live =
            tags(&[("a", "1"), ("b", "1"), ("c", "1"), ("AmazonECSManaged", ""), ("neap:files/web", "1")]);
        let changes = TagChanges::between(&live, &tags(&[("a", "1"), ("b", "2"), ("d", "1")]));
        let expected = TagChanges { set: tags(&[("b", "2"), ("d", "1")]), remove: vec!["c".into()] };
        assert_eq!(changes, expected);
    }

    #[test]
    fn tags_survive_every_services_type() {
        let all = tags(&[("neap:stack", "course"), ("team", "")]);
        assert_eq!(from_ecs(&to_ecs(&all)), all);
        assert_eq!(from_ec2(&to_ec2(&all)), all);
        assert_eq!(from_elb(&to_elb(&all)), all);
        assert_eq!(from_clb(&to_clb(&all).expect("keys")), all);
        assert_eq!(from_ecr(&to_ecr(&all).expect("keys")), all);
        assert_eq!(from_s3(&to_s3(&all).expect("keys")), all);
        assert_eq!(from_cloud_map(&to_cloud_map(&all).expect("keys")), all);
        assert_eq!(from_iam(&to_iam(&all).expect("keys")), all);
        assert_eq!(from_acm(&to_acm(&all).expect("keys")), all);
        assert_eq!(from_cloudfront(&to_cloudfront(&all).expect("keys")), all);
    }

    #[test]
    fn the_spec_hash_travels_with_the_tags() {
        let own = tags(&[("neap:stack", "course")]);
        let wanted = Wanted { fields: &(), tags: &own, spec: "0123", owned: &[].into() };
        assert_eq!(wanted.all_tags()[TAG_SPEC], "0123");
        assert_eq!(wanted.tag_changes(&own).set, tags(&[(TAG_SPEC, "0123")]));
    }
}
