//! A certificate of AWS Certificate Manager, validated by records in DNS.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A public certificate of ACM. It has no name: tags and its fields tell which one it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The region: the stack's own, or the one whose certificates CloudFront takes.
    pub region: String,
    /// The first name that it is for, in lower case; `*.` in front of it stands for one label.
    pub domain: String,
    /// The other names, without the first.
    pub alternative_names: BTreeSet<String>,
    /// AWS's word for the key: `RSA_2048`, `EC_prime256v1` or `EC_secp384r1`.
    pub key_algorithm: String,
    /// For each name, the id of the hosted zone that has the record by which ACM validates and renews it. Empty, and then
    /// left alone, where somebody else sees to those records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub validated_in: BTreeMap<String, String>,
}

impl Certificate {
    /// Every name that it is for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.domain).chain(&self.alternative_names).map(String::as_str)
    }

    /// How far it has come while ACM does not find all of its records: what DNS must answer, name by name.
    pub fn pending(missing: impl IntoIterator<Item = (String, String)>) -> String {
        let records: BTreeSet<String> =
            missing.into_iter().map(|(name, value)| format!("{name} CNAME {value}")).collect();
        let records: Vec<String> = records.into_iter().collect();
        if records.is_empty() {
            return "pending validation".to_owned();
        }
        format!("pending validation, which looks for {}", records.join(" and "))
    }

    /// Why ACM gave it up: its own words, such as `FAILED: CAA_ERROR`, with what they mean where that is not plain
    /// ("Troubleshoot certificate requests" of the ACM guide).
    pub fn failure(words: &str) -> String {
        let meaning = if words.ends_with("CAA_ERROR") {
            ", since a CAA record of the domain does not let Amazon issue certificates: one must name amazon.com, amazontrust.com, \
             awstrust.com or amazonaws.com"
        } else if words.ends_with("ADDITIONAL_VERIFICATION_REQUIRED") {
            ", which AWS Support can lift"
        } else {
            ""
        };
        format!("{words}{meaning}")
    }

    /// Whether it is what `other` asks for, as far as AWS cannot change it. Regions are compared where both are known.
    pub fn is_same(&self, other: &Self) -> bool {
        let unknown = |region: &str| region.contains("${");
        let region = self.region == other.region || unknown(&self.region) || unknown(&other.region);
        region
            && self.domain == other.domain
            && self.alternative_names == other.alternative_names
            && self.key_algorithm == other.key_algorithm
    }
}

impl KindOf for Certificate {
    const KIND: Kind = Kind::Certificate;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["region", "domain", "alternative_names", "key_algorithm"],
        ignore_unset: &["validated_in"],
        unordered: &["alternative_names"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        let names = ["example.com", "*.example.com"].map(|name| (name.to_owned(), "Z0123456789".to_owned()));
        Self {
            region: "eu-west-1".into(),
            domain: "example.com".into(),
            alternative_names: ["*.example.com".to_owned()].into(),
            key_algorithm: "RSA_2048".into(),
            validated_in: names.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_it_means() {
        assert!(Certificate::failure("FAILED: CAA_ERROR").contains("amazontrust.com"));
        assert_eq!(Certificate::failure("VALIDATION_TIMED_OUT"), "VALIDATION_TIMED_OUT");
    }

    #[test]
    fn what_aws_cannot_change_makes_another_certificate() {
        let one = Certificate::example();
        let check =
            |other: Certificate, expected: bool| assert_eq!(one.is_same(&other), expected, "{other:?}");
        check(Certificate { validated_in: BTreeMap::new(), ..one.clone() }, true);
        check(Certificate { region: "${aws.region}".into(), ..one.clone() }, true);
        check(Certificate { region: "us-east-1".into(), ..one.clone() }, false);
        check(Certificate { domain: "example.org".into(), ..one.clone() }, false);
        check(Certificate { alternative_names: BTreeSet::new(), ..one.clone() }, false);
        check(Certificate { key_algorithm: "EC_prime256v1".into(), ..one.clone() }, false);
        assert_eq!(one.names().collect::<Vec<_>>(), ["example.com", "*.example.com"]);
    }
}
