//! Files that are no TOML, or hardly.

use super::*;

/// The first thing that is said about a file, with its place.
fn check_bytes(bytes: &[u8], expected: &str) {
    let mistakes = load(&Source { name: "stack.toml", bytes }, &Options::default()).expect_err("a mistake");
    let first = mistakes.first().expect("a mistake");
    assert_eq!(format!("{}:{} {}", first.line, first.column, first.message), expected);
}

#[test]
fn a_file_with_nothing_in_it_is_told_as_such() {
    check_bytes(b"", "0:0 the file is empty");
    check_bytes(b" \n\n\t\n", "0:0 the file is empty");
    check_bytes(b"# later\n", "0:0 the file holds only comments");
    check_bytes(b"\xef\xbb\xbf", "0:0 the file is empty");
}

#[test]
fn a_file_that_is_no_text_is_refused_at_its_first_wrong_byte() {
    check_bytes(
        b"[stack]\nname = \"\xff\"",
        "2:9 the file is not UTF-8: byte 0xff at offset 16 begins no character (line 2, column 9)",
    );
    check_bytes(
        b"ab\xc3",
        "1:3 the file is not UTF-8: byte 0xc3 at offset 2 begins no character (line 1, column 3)",
    );
    check_bytes(b"\xff\xfe[\0s\0", "0:0 the file is UTF-16, not UTF-8");
    check_bytes(b"[stack]\n\0", "2:1 the file holds a NUL byte, as no text does (line 2, column 1)");
    check_bytes(&[0; 100], "1:1 the file holds a NUL byte, as no text does (line 1, column 1)");
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let text = format!("\u{feff}{}", stack(""));
    assert_eq!(told(&text, &Options::default()), Vec::<String>::new());
}

#[test]
fn a_huge_file_is_refused_unread() {
    check_bytes(
        &vec![b'x'; 10 << 20],
        "0:0 the file is too large: 10 MiB, where a stack file may have 4 MiB",
    );
}

#[test]
fn garbage_is_cut_short() {
    for garbage in ["=\n", "x\n", "[x]\n", "\"\n", "x = [\n", "}{"] {
        let text = garbage.repeat(50_000 / garbage.len());
        let mistakes = told(&text, &Options::default());
        assert!((1..=51).contains(&mistakes.len()), "{garbage}: {}", mistakes.len());
    }
}

#[test]
fn what_stands_deep_is_refused() {
    let nested = |open: &str, close: &str| format!("x = {}1{}", open.repeat(70), close.repeat(70));
    let deep = "tables and lists stand more than 64 deep in each other";
    for text in [nested("[", "]"), nested("{ a = ", " }")] {
        let mistakes = told(&stack(&text), &Options::default());
        assert!(mistakes.iter().any(|mistake| mistake.contains(deep)), "{mistakes:?}");
    }
    for depth in [100, 100_000] {
        for text in [format!("x = {}", "[".repeat(depth)), format!("[{}x]", "a.".repeat(depth))] {
            assert!(!told(&text, &Options::default()).is_empty());
        }
    }
    check(&format!("{}a = 1", "a.".repeat(17)), &["3:1 a dotted key has more than 16 parts"]);
}

#[test]
fn broken_toml_is_told_at_every_place() {
    check(
        "x = \ny = three\nz = 'open",
        &["3:5 a value is missing", "4:5 `three` is not a value", "5:10 invalid literal string"],
    );
    check("region = ap-northeast-2", &["3:10 `ap-northeast-2` is not a value"]);
    check("resource \"a\" {}", &["3:10 key with no value"]);
    check("n = 01\nm = 1__2", &["3:5 unexpected leading zero", "4:6 `_` may only go between digits"]);
    check("[]", &["3:2 unquoted keys cannot be empty"]);
}

#[test]
fn a_bracket_that_is_never_closed_hides_what_follows() {
    check("x = [1, 2\n[ecr.api]\nname = 1", &["3:5 this list is not closed"]);
    check("x = { a = 1\n[ecr.api]\nname = 1", &["3:5 this table is not closed"]);
    check("x = three\ny = [", &["3:5 `three` is not a value", "4:5 this list is not closed"]);
    check_help("x = [1", "[", "its `]` is missing", &[]);
}

#[test]
fn what_stands_twice_is_told_with_both_places() {
    check("[ecr.api]\n[cluster.main]\n[ecr.api]\n", &["5:6 `[ecr.api]` stands twice"]);
    check_help("[ecr.api]\n[ecr.api]", "api", "the second time", &["it stands first in line 3"]);
    check_help("[ecr.a]\nname = 'x'\nname = 'y'", "name", "the second time", &["it stands first in line 4"]);
    check_help("[stack]", "stack", "the second time", &["it stands first in line 1"]);
    check_help("tags = { a = 'x', a = 'y' }", "a", "the second time", &[]);
}

#[test]
fn columns_count_characters() {
    check(
        "tags = { \"名前\" = \"é\", b = 1 }",
        &["3:26 `stack.tags.b`: expected a string, found a whole number"],
    );
}

#[test]
fn no_more_than_fifty_mistakes_are_shown() {
    let many: String = (0..60).map(|index| format!("[ecr.x{index}]\nkeep = 1\n")).collect();
    let mistakes = told(&stack(&many), &Options::default());
    assert_eq!(mistakes.len(), 51);
    assert_eq!(mistakes[0], "4:1 unknown key `keep` in `ecr.x0`");
    assert_eq!(mistakes[50], "and 10 more mistakes");
    let flood: String = (0..2000).map(|index| format!("k{index} = 1\n")).collect();
    assert_eq!(told(&flood, &Options::default()).last().expect("a mistake"), "and many more mistakes");
}
