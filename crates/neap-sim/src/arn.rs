//! Names that AWS assigns: ARNs, ids, DNS names. All are functions of the world, so that the same commands
//! always make the same names.
//!
//! Decides their shapes. Must not know what they name.

use sha2::{Digest, Sha256};

/// The account and region in which a call is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The twelve digits of the account.
    pub(crate) account: String,
    /// The region.
    pub(crate) region: String,
}

impl Place {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub(crate) fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// The end of host names in this partition.
    pub(crate) fn domain(&self) -> &'static str {
        if self.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" }
    }

    /// The ARN of something in the region.
    pub(crate) fn arn(&self, service: &str, path: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{path}", self.partition(), self.region, self.account)
    }

    /// The ARN of something that has no region.
    pub(crate) fn global_arn(&self, service: &str, path: &str) -> String {
        format!("arn:{}:{service}::{}:{path}", self.partition(), self.account)
    }
}

fn digest(seed: &str) -> [u8; 32] {
    Sha256::digest(seed.as_bytes()).into()
}

/// `length` hexadecimal digits that depend on `seed` alone; at most 64.
pub(crate) fn hex(seed: &str, length: usize) -> String {
    let mut digits: String = digest(seed).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(length);
    digits
}

/// `length` characters of `alphabet` that depend on `seed` alone; at most 32.
pub(crate) fn letters(seed: &str, length: usize, alphabet: &[u8]) -> String {
    let letter = |byte: &u8| char::from(alphabet[usize::from(*byte) % alphabet.len()]);
    digest(seed).iter().take(length).map(letter).collect()
}

/// Capital letters and digits, as in ids of CloudFront and IAM.
pub(crate) const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Small letters and digits, as in CloudFront's host names.
pub(crate) const SMALL: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Digits, as in the host names of load balancers.
pub(crate) const DIGITS: &[u8] = b"0123456789";
