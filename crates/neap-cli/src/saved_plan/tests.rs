//! Which bytes are taken for a saved plan.

use super::file::{FORMAT, Unfit, VERSION};
use super::*;
use crate::fixture;

fn saved() -> SavedPlan {
    let mut plan = fixture::course();
    let mut desired = Desired { stack: plan.stack.clone(), ..Desired::default() };
    let mut live = BTreeMap::new();
    for change in &mut plan.changes {
        if let Some(wanted) = &change.desired {
            desired.resources.insert(change.address.clone(), wanted.clone());
        }
        if let Some(found) = change.live.take() {
            let phase = Phase::Settling("PROVISIONING".into());
            live.insert(format!("{} {}", found.address, found.id), Seen { hash: "0123".into(), phase });
        }
    }
    SavedPlan {
        format: FORMAT.to_owned(),
        version: VERSION,
        digest: String::new(),
        stack_file: "stack.toml".into(),
        environment: None,
        variables: [("owner".to_owned(), "me".to_owned())].into(),
        desired,
        plan,
        live,
    }
    .sealed()
}

#[test]
fn what_was_written_is_what_is_read() {
    let saved = saved();
    assert_eq!(SavedPlan::parse(&saved.bytes()), Ok(saved));
}

#[test]
fn no_byte_of_a_saved_plan_can_be_changed() {
    let bytes = saved().bytes();
    assert!(bytes.len() > 10_000, "{}", bytes.len());
    // Each edit is parsed, which takes its time; a prime distance comes upon every part of the file.
    for at in (0..bytes.len()).filter(|at| *at < 300 || at % 13 == 0) {
        let check = |what: &str, edited: &[u8]| {
            assert!(SavedPlan::parse(edited).is_err(), "{what} at {at} of {}", bytes.len());
        };
        let mut edited = bytes.clone();
        edited[at] ^= 1;
        check("a flipped bit", &edited);
        edited.remove(at);
        check("a byte less", &edited);
        edited.splice(at..at, [bytes[at], bytes[at]]);
        check("a byte twice", &edited);
        check("an end", &bytes[..at]);
    }
}

#[test]
fn the_same_in_other_words_is_refused() {
    let text = String::from_utf8(saved().bytes()).expect("text");
    let check = |edited: String, expected: Unfit| {
        assert_ne!(edited, text);
        assert_eq!(SavedPlan::parse(edited.as_bytes()), Err(expected));
    };
    check(text.replacen(",\"", ", \"", 1), Unfit::Edited);
    check(text.replacen("course", "\\u0063ourse", 1), Unfit::Edited);
    check(text.trim_end().to_owned(), Unfit::Edited);
    check(text.replacen("\"version\":2", "\"version\":3", 1), Unfit::Version(3));
    check(text.replacen(FORMAT, "neap saved plant", 1), Unfit::Damaged("it does not call itself one".into()));
    let more = text.replacen('{', "{\"more\":1,", 1);
    let Err(Unfit::Damaged(why)) = SavedPlan::parse(more.as_bytes()) else { panic!("{more}") };
    assert!(why.starts_with("unknown field `more`"), "{why}");
}
