//! The table of a certificate.
//!
//! Decides its keys and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A public certificate of AWS Certificate Manager. It is requested where it is used: in the stack's region for a listener,
/// in us-east-1 for a distribution.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateTable {
    /// The name that it is for, such as `example.com` or `*.example.com`.
    pub domain: String,
    /// More names that it is for.
    #[serde(default)]
    pub alternative_names: Vec<String>,
    /// The Route 53 hosted zone for the records that validate its names: its name or id. By default each name's own: of the
    /// account's public zones the one that fits it best. A private one does not do.
    pub zone: Option<String>,
    /// Who puts the records in DNS that validate and renew it.
    #[serde(default)]
    pub validation: Validation,
    /// The algorithm of its key.
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// Who puts the records in DNS that validate a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// neap, in a hosted zone of the account. They stay when the certificate goes: other certificates share them.
    #[default]
    Route53,
    /// Somebody, somewhere else: an apply waits for them, and says which.
    Outside,
}

/// The algorithm of a certificate's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// RSA with 2048 bits, which every client knows.
    #[default]
    #[serde(rename = "RSA_2048")]
    Rsa2048,
    /// ECDSA on the curve P-256.
    #[serde(rename = "EC_prime256v1")]
    P256,
    /// ECDSA on the curve P-384, which CloudFront does not take.
    #[serde(rename = "EC_secp384r1")]
    P384,
}
