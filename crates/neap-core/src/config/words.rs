//! The words in which mistakes are told: lists, kinds of values, and the nearest known name.

use super::tree::{Content, Node};

/// How many allowed values are listed before the rest is cut off.
const LISTED: usize = 40;

/// `values` in backticks, with commas.
pub(crate) fn list<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = values.into_iter().map(|value| format!("`{value}`")).collect();
    if quoted.len() > LISTED {
        quoted.truncate(LISTED);
        quoted.push("…".to_owned());
    }
    quoted.join(", ")
}

/// `words` with commas, and `or` before the last.
pub(crate) fn either(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// What a value is called in a sentence.
pub(crate) const fn kind(node: &Node) -> &'static str {
    match node.content {
        Content::Text(_) => "a string",
        Content::Integer(_) => "a whole number",
        Content::Float(_) => "a number with a fraction",
        Content::Boolean(_) => "a boolean",
        Content::Datetime => "a date",
        Content::List(_) => "a list",
        Content::Table(_) => "a table",
        Content::Unknown => "a value that is not known",
    }
}

/// A path as users write it: `alb.public.listener.http.rule[0].priority`.
pub(crate) fn path(keys: &[String]) -> String {
    let mut shown = String::new();
    for key in keys {
        if !shown.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            shown.extend(["[", key, "]"]);
        } else {
            shown.extend([if shown.is_empty() { "" } else { "." }, key]);
        }
    }
    shown
}

/// The start of a text that may be long or broken over lines.
pub(crate) fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// The candidate that `word` was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A whole paragraph is no misspelt name, and comparing it would take long.
    if word.len() > 100 {
        return None;
    }
    let plain = plain(word);
    let distance =
        |candidate: &'a str| (strsim::damerau_levenshtein(&plain, &self::plain(candidate)), candidate);
    let (distance, candidate) = candidates.into_iter().map(distance).min_by_key(|(distance, _)| *distance)?;
    let letters = plain.chars().count();
    let close_enough = distance <= letters.max(3) / 3 && distance < letters;
    (close_enough && candidate != word).then_some(candidate)
}

/// A word without what differs between ways of writing: `keepImages`, `keep-images` and `KEEP_IMAGES` are one.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let check = |word: &str, expected: Option<&str>| {
            let candidates = ["keep_images", "name", "scan_on_push", "protect", "tags"];
            assert_eq!(nearest(word, candidates), expected, "{word}");
        };
        check("kep_images", Some("keep_images"));
        check("keepImages", Some("keep_images"));
        check("tag", Some("tags"));
        check("nmae", Some("name"));
        check("lifecycle", None);
        check("name", None);
        check("x", None);
        check("", None);
        check(&"x".repeat(10_000), None);
    }

    #[test]
    fn paths_read_as_they_are_written() {
        let check = |keys: &[&str], expected: &str| {
            let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
            assert_eq!(path(&keys), expected);
        };
        check(&["service", "api", "count"], "service.api.count");
        check(&["alb", "a", "listener", "b", "rule", "0", "forward"], "alb.a.listener.b.rule[0].forward");
        check(&[], "");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt("one\ntwo"), "one…");
        assert_eq!(excerpt(&"é".repeat(100)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn alternatives_are_joined() {
        assert_eq!(either(&["a"]), "a");
        assert_eq!(either(&["a", "b", "c"]), "a, b or c");
        assert_eq!(list(["x", "y"]), "`x`, `y`");
        assert!(list(["x"; 100]).ends_with("`x`, …"));
    }
}
