//! Where the stack's lock lies.
//!
//! Decides what is a place for it. Must not know how a lock works.

use super::context::Lowering;
use super::place::Place;
use crate::desired::LockPlace;

/// What `[stack] lock` says, or the default.
pub(super) fn place(lowering: &mut Lowering<'_>) -> LockPlace {
    let text = match lowering.file.stack.lock.as_deref() {
        None | Some("ssm") => return LockPlace::Ssm,
        Some("none") => return LockPlace::None,
        Some(text) => text,
    };
    let at = Place::of("stack", "lock");
    let Some(path) = text.strip_prefix("s3://") else {
        lowering
            .report(&at, format!("`{text}` is no place for a lock"))
            .help("`\"ssm\"`, `\"s3://bucket/prefix\"` and `\"none\"` are places");
        return LockPlace::default();
    };
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    if !is_bucket(bucket) {
        lowering.report(&at, format!("`{bucket}` is not the name of a bucket")).help(
            "names of buckets have 3 to 63 lower-case letters, digits, dots and hyphens: `\"s3://my-bucket/locks\"`",
        );
    }
    if let Some(wrong) = prefix.chars().find(|character| !is_safe(*character)) {
        lowering
            .report(&at, format!("`{wrong}` does not belong into the name of an object"))
            .help("letters, digits and `/ - _ .` are understood everywhere");
    }
    let prefix = prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    LockPlace::S3 { bucket: bucket.to_owned(), prefix }
}

/// Whether `text` has the form of a bucket's name.
fn is_bucket(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&text.len())
        && text.starts_with(is_inner)
        && text.ends_with(is_inner)
        && !text.contains("..")
        && text.chars().all(|c| is_inner(c) || matches!(c, '.' | '-'))
}

const fn is_safe(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '/' | '-' | '_' | '.')
}
