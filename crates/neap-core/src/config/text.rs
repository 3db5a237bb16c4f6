//! From the bytes of a file to a tree of values: what must hold before any key is looked at.
//!
//! Decides how large and how deep a file may be, and in which words broken TOML is told.

use toml::de::DeTable;
use toml_parser::lexer::TokenKind;

use super::diagnostic::{Diagnostic, FULL, Findings, LIMIT, position};
use super::tree::{self, Node};
use super::words;

/// The largest file that is read. Ten thousand resources take about two of these four MiB.
const LARGEST: usize = 4 << 20;

/// Above this size only the first mistake of broken TOML is told: garbage has one in every line.
const ALL_MISTAKES: usize = 256 << 10;

/// How many parts a dotted key may have. The parser itself has no bound and would run out of stack.
const KEY_PARTS: usize = 16;

/// The text of a file.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    if bytes.len() > LARGEST {
        let (size, largest) = (bytes.len().div_ceil(1 << 20), LARGEST >> 20);
        let message = format!("the file is too large: {size} MiB, where a stack file may have {largest} MiB");
        return Err(Diagnostic::whole(message).help("is this the right file?"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Diagnostic::whole("the file is UTF-16, not UTF-8").help("save it as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    match text.find('\0') {
        Some(offset) => {
            Err(place(text, offset, "holds a NUL byte, as no text does", "is this the right file?"))
        }
        None => Ok(text),
    }
}

fn not_utf8(bytes: &[u8], offset: usize) -> Diagnostic {
    let valid = std::str::from_utf8(&bytes[..offset]).unwrap_or_default();
    let what = format!("is not UTF-8: byte 0x{:02x} at offset {offset} begins no character", bytes[offset]);
    place(valid, offset, &what, "save it as UTF-8")
}

/// A mistake of the file at a byte that no snippet can show.
fn place(text: &str, offset: usize, what: &str, help: &str) -> Diagnostic {
    let (line, column) = position(text, offset);
    let diagnostic = Diagnostic::whole(format!("the file {what} (line {line}, column {column})"));
    Diagnostic { line, column, ..diagnostic }.help(help)
}

/// The tree of a text, or everything that is wrong with its TOML.
pub(crate) fn parse(text: &str, findings: &mut Findings) -> Option<Node> {
    if let Some(diagnostic) = too_deep(text) {
        findings.add(&[], diagnostic);
        return None;
    }
    let (document, mut errors) = if text.len() <= ALL_MISTAKES {
        let (document, errors) = DeTable::parse_recoverable(text);
        (Some(document), errors)
    } else {
        DeTable::parse(text).map_or_else(|error| (None, vec![error]), |document| (Some(document), Vec::new()))
    };
    broken(text, &mut errors, findings);
    if !errors.is_empty() {
        return None;
    }
    let root = tree::build(document?, findings);
    if root.table().is_some_and(tree::Table::is_empty) {
        findings.add(&[], empty(text));
        return None;
    }
    Some(root)
}

fn empty(text: &str) -> Diagnostic {
    let what = if text.trim_start_matches('\u{feff}').trim().is_empty() {
        "the file is empty"
    } else {
        "the file holds only comments"
    };
    Diagnostic::whole(what)
        .help("a stack begins with `[stack]` and `name = \"…\"`; `neap init` writes a commented one")
}

/// Finds a dotted key with too many parts.
fn too_deep(text: &str) -> Option<Diagnostic> {
    let (mut parts, mut start) = (0, 0);
    for token in toml_parser::Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => parts += 1,
            TokenKind::Atom | TokenKind::BasicString | TokenKind::LiteralString | TokenKind::Whitespace => {
                if parts == 0 {
                    start = token.span().start();
                }
            }
            _ => parts = 0,
        }
        if parts > KEY_PARTS {
            let span = start..token.span().end();
            return Some(Diagnostic::at(span, format!("a dotted key has more than {KEY_PARTS} parts")));
        }
    }
    None
}

/// Tells what is no TOML, up to a bracket that is never closed.
fn broken(text: &str, errors: &mut [toml::de::Error], findings: &mut Findings) {
    if errors.is_empty() {
        return;
    }
    let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    errors.sort_by_key(start);
    let unclosed = unclosed(text);
    let until = unclosed
        .as_ref()
        .and_then(|diagnostic| diagnostic.span.as_ref())
        .map_or(usize::MAX, |span| span.start);
    for (index, error) in errors.iter().take_while(|error| start(error) < until).take(FULL).enumerate() {
        // Looking each up in the text takes long, and only the first are shown.
        let diagnostic = if index < LIMIT {
            syntax(text, error)
        } else {
            Diagnostic::at(error.span().unwrap_or(0..0), error.message())
        };
        findings.add(&[], diagnostic);
    }
    if let Some(diagnostic) = unclosed {
        findings.add(&[], diagnostic);
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let (start, end) = (text.floor_char_boundary(span.start), text.ceil_char_boundary(span.end));
    let written = &text[start..end];
    match error.message() {
        message if message.starts_with("string values must be quoted") && written.is_empty() => {
            Diagnostic::at(span, "a value is missing").label("nothing stands after the `=`")
        }
        "duplicate key" => duplicate(text, start, end),
        // The parser takes every bare word for a boolean, by its first letter.
        message
            if message.starts_with("invalid boolean")
                || message.starts_with("string values must be quoted") =>
        {
            let shown = words::excerpt(written);
            Diagnostic::at(span, format!("`{shown}` is not a value"))
                .label("neither a number, a boolean nor a string")
                .help(format!("strings are written in quotes: `\"{shown}\"`"))
        }
        message => match message.split_once(", expected ") {
            Some((what, expected)) if expected != "nothing" => {
                Diagnostic::at(span, what.to_owned()).label(format!("expected {expected}"))
            }
            Some((what, _)) => Diagnostic::at(span, what.to_owned()).label("this is not TOML"),
            None => Diagnostic::at(span, message.to_owned()).label("this is not TOML"),
        },
    }
}

/// The bracket of a list or an inline table that is never closed. Everything after it would be told as wrong.
fn unclosed(text: &str) -> Option<Diagnostic> {
    let (mut open, mut in_value): (Vec<(usize, TokenKind)>, bool) = (Vec::new(), false);
    let mut found = None;
    for token in toml_parser::Source::new(text).lex() {
        let start = token.span().start();
        match token.kind() {
            // Only a table within a list may have keys, so this one belongs to the file again.
            TokenKind::Equals
                if open.last().is_some_and(|(_, kind)| *kind == TokenKind::LeftSquareBracket) =>
            {
                found = open.first().copied();
                break;
            }
            TokenKind::Equals => in_value = true,
            kind @ (TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket) if in_value => {
                open.push((start, kind));
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => drop(open.pop()),
            TokenKind::Newline if open.is_empty() => in_value = false,
            TokenKind::Eof => found = open.first().copied(),
            _ => {}
        }
    }
    let (start, kind) = found?;
    let (what, bracket) = match kind {
        TokenKind::LeftSquareBracket => ("list", ']'),
        _ => ("table", '}'),
    };
    let diagnostic = Diagnostic::at(start..start + 1, format!("this {what} is not closed"));
    Some(diagnostic.label(format!("its `{bracket}` is missing")))
}

fn duplicate(text: &str, start: usize, end: usize) -> Diagnostic {
    let first = first_of(text, start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let header = text[line_start..].trim_start().starts_with('[');
    let name = words::excerpt(if header { header_of(&text[line_start..]) } else { &text[start..end] });
    let diagnostic = Diagnostic::at(start..end, format!("`{name}` stands twice")).label("the second time");
    match first {
        Some(line) => diagnostic.help(format!("it stands first in line {line}")),
        None => diagnostic,
    }
}

/// The line in which what stands twice at `offset` stands first: an equal header, or an equal key under this one.
fn first_of(text: &str, offset: usize) -> Option<usize> {
    let here = text[..offset].matches('\n').count();
    let lines: Vec<&str> = text.lines().collect();
    let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let current = lines.get(here)?.trim_start();
    if current.starts_with('[') {
        let header = header_of(current);
        return lines[..here]
            .iter()
            .position(|line| header_of(line.trim_start()) == header)
            .map(|line| line + 1);
    }
    let wanted = key(current)?;
    for (index, line) in lines[..here].iter().enumerate().rev() {
        if line.trim_start().starts_with('[') {
            return None;
        }
        if key(line).as_deref() == Some(&wanted) {
            return Some(index + 1);
        }
    }
    None
}

/// The header that a line begins with: `[ecr.api]`.
fn header_of(line: &str) -> &str {
    let line = line.trim_start();
    let end = line.find(['\n', '#']).unwrap_or(line.len());
    line[..end].trim_end()
}
