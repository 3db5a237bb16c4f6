//! The paths that a distribution's caches must forget.
//!
//! Decides paths and when all of them are meant. Must not know which distribution, nor when it was asked last.

use super::Changes;
use crate::kinds::Site;

/// The most paths that are named one by one. AWS takes the first thousand of a month for nothing, and charges for each one after
/// that; `/*` is one path, whatever it covers ("Pay for file invalidation").
pub const MOST_PATHS: usize = 100;

/// All of a distribution.
pub const ALL: &str = "/*";

/// The paths to invalidate when files have changed so, sorted: of what was there before and is other or gone now. A new file is
/// not in any cache. Where the key changed that answers `/`, that one goes too. None are named where too many would be, or where
/// `changes` is not known: then it is everything. So it is where a function rewrites paths, since the one that a viewer asked for should
/// go as well as the one that came of it ("What you need to know when invalidating paths"), and nobody knows the former.
pub fn invalidation(changes: Option<&Changes>, site: &Site) -> Vec<String> {
    let Some(changes) = changes else { return vec![ALL.to_owned()] };
    let mut paths: Vec<String> =
        changes.changed.iter().chain(&changes.removed).map(|key| path(key)).collect();
    let root = &site.root;
    if !root.is_empty() && (changes.changed.contains(root) || changes.removed.contains(root)) {
        paths.push("/".to_owned());
    }
    if paths.len() > MOST_PATHS || (site.rewritten && !paths.is_empty()) {
        return vec![ALL.to_owned()];
    }
    paths.sort();
    paths
}

/// The path of a key, as RFC 1738 has it and CloudFront asks for it ("Specify the objects to invalidate"). A star at its end
/// would be a wildcard, so it is encoded like whatever is neither letter, digit nor one of `-_.~`.
fn path(key: &str) -> String {
    let mut path = String::with_capacity(key.len() + 1);
    path.push('/');
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push_str(&super::hex(&[byte]).to_ascii_uppercase());
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{BucketFiles, KindOf};

    fn site(root: &str, rewritten: bool) -> Site {
        Site { root: root.into(), rewritten, ..BucketFiles::example().sites["cloudfront.site"].clone() }
    }

    fn changes(new: &[&str], changed: &[&str], removed: &[&str]) -> Changes {
        let set = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Changes { new: set(new), changed: set(changed), removed: set(removed) }
    }

    #[test]
    fn only_what_was_there_before_is_invalidated() {
        let changes = changes(&["new.js"], &["app.js"], &["old.js"]);
        assert_eq!(invalidation(Some(&changes), &site("index.html", false)), ["/app.js", "/old.js"]);
        assert!(invalidation(Some(&Changes::default()), &site("index.html", false)).is_empty());
    }

    #[test]
    fn the_root_object_is_also_the_root() {
        let changes = changes(&[], &["index.html"], &[]);
        assert_eq!(invalidation(Some(&changes), &site("index.html", false)), ["/", "/index.html"]);
        assert_eq!(invalidation(Some(&changes), &site("", false)), ["/index.html"]);
    }

    #[test]
    fn of_rewritten_paths_everything_is_invalidated_once_anything_was_there_before() {
        let rewritten = site("index.html", true);
        assert_eq!(invalidation(Some(&changes(&[], &["index.html"], &[])), &rewritten), ["/*"]);
        assert!(invalidation(Some(&changes(&["new.js"], &[], &[])), &rewritten).is_empty());
    }

    #[test]
    fn paths_are_encoded_and_never_wildcards() {
        let changes = changes(&[], &["a b/ü*", "c~d-e_f.g"], &[]);
        assert_eq!(invalidation(Some(&changes), &site("", false)), ["/a%20b/%C3%BC%2A", "/c~d-e_f.g"]);
    }

    #[test]
    fn too_many_paths_and_unknown_ones_are_all_of_them() {
        let keys: Vec<String> = (0..=MOST_PATHS).map(|number| number.to_string()).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let site = site("", false);
        assert_eq!(invalidation(Some(&changes(&[], &keys, &[])), &site), ["/*"]);
        assert_eq!(invalidation(Some(&changes(&[], &keys[1..], &[])), &site).len(), MOST_PATHS);
        assert_eq!(invalidation(None, &site), ["/*"]);
    }
}
