//! References that users write: bare names where one kind fits, `${kind.name.output}` inside strings.
//!
//! Decides what each refers to and writes it in full; whether that exists is asked once everything is lowered. Must
//! not know which field holds what.

use super::context::Lowering;
use super::place::{Place, quoted};
use crate::address::{Address, Kind, is_name};
use crate::outputs;
use crate::reference::{self, Reference};

/// A reference, and where the user wrote it.
pub(super) struct Use {
    /// Where it stands.
    pub(super) place: Place,
    /// What it refers to.
    pub(super) address: Address,
    /// The output that `${…}` asks for; none for a bare name.
    pub(super) output: Option<String>,
}

/// What `${…}` may begin with, beside kinds.
const HEADS: [&str; 4] = ["var", "aws", "network", "secret"];
/// What is known about account and network.
const FACTS: [&str; 6] = [
    "aws.cloudfront_origins",
    "aws.account",
    "aws.region",
    "aws.partition",
    "network.vpc",
    "network.subnets",
];

impl Lowering<'_> {
    /// The reference to the resource of `kind` that a field names.
    pub(super) fn named(&mut self, place: &Place, kind: Kind, name: &str) -> String {
        let address = Address::new(kind, name);
        let text = reference::output(&address, outputs::default_name(kind));
        self.uses.push(Use { place: place.clone(), address, output: None });
        text
    }

    /// A string with every reference written in full.
    pub(super) fn text(&mut self, place: &Place, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.find("${").map(|start| rest.split_at(start)) {
            result.push_str(before);
            let inner = after.find('}').map(|end| &after[2..end]);
            let is_escaped = before.ends_with('$');
            let full = inner.filter(|_| !is_escaped).and_then(|inner| self.in_full(place, inner));
            rest = match (full, inner) {
                (Some(full), Some(inner)) => {
                    result.push_str("${");
                    result.push_str(&full);
                    &after[2 + inner.len()..]
                }
                _ => {
                    result.push_str("${");
                    &after[2..]
                }
            };
        }
        result.push_str(rest);
        result
    }

    /// The strings of a map, each with its references in full.
    pub(super) fn texts<'map>(
        &mut self,
        place: &Place,
        texts: impl IntoIterator<Item = (&'map String, &'map String)>,
    ) -> std::collections::BTreeMap<String, String> {
        let text = |(key, text): (&String, &String)| (key.clone(), self.text(&place.at(key), text));
        texts.into_iter().map(text).collect()
    }

    /// The strings of a list, each with its references in full.
    pub(super) fn list(&mut self, place: &Place, texts: &[String]) -> Vec<String> {
        texts.iter().enumerate().map(|(index, text)| self.text(&place.item(index), text)).collect()
    }

    /// Checks a string that must be known without AWS: names, tags, comments. Says whether it is.
    pub(super) fn plain(&mut self, place: &Place, text: &str) -> bool {
        let references = reference::in_text(text);
        for reference in &references {
            self.report(place, format!("`${{{reference}}}` cannot stand here"))
                .help("this value must be known before anything is read or made");
        }
        references.is_empty()
    }

    /// What stands between `${` and `}`, written in full; nothing if it is no reference.
    fn in_full(&mut self, place: &Place, inner: &str) -> Option<String> {
        match Reference::parse(inner) {
            Some(Reference::Output(address, output)) => {
                self.uses.push(Use { place: place.clone(), address, output: Some(output) });
                Some(inner.to_owned())
            }
            Some(Reference::Variable(name)) => {
                if !self.file.var.contains_key(&name) {
                    let known = self.file.var.keys().map(String::as_str);
                    self.report(place, format!("there is no variable `{name}`")).nearest(&name, known);
                }
                Some(inner.to_owned())
            }
            Some(Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_)) => Some(inner.to_owned()),
            None => match inner.parse::<Address>() {
                Ok(address) => {
                    let output = outputs::default_name(address.kind()).to_owned();
                    let full = format!("{address}.{output}");
                    self.uses.push(Use { place: place.clone(), address, output: Some(output) });
                    Some(full)
                }
                Err(_) => {
                    self.suspect(place, inner);
                    None
                }
            },
        }
    }

    /// Reports what looks like a reference and is none. IAM's `${aws:username}` and a shell's `${HOME}` do not.
    fn suspect(&mut self, place: &Place, inner: &str) {
        let of_reference = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let Some((head, _)) = inner.split_once('.') else { return };
        let is_head = HEADS.contains(&head) || Kind::from_table(head).is_some();
        if !is_head && !inner.chars().all(of_reference) {
            return;
        }
        let message = format!("`${{{inner}}}` refers to nothing");
        let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
        let report = self.report(place, message);
        let report = if matches!(head, "aws" | "network") {
            report.nearest(inner, FACTS).help(format!("known are {}", quoted(FACTS)))
        } else if Kind::from_table(head).is_some() {
            report.help("references read like `${ecr.api}` or `${ecr.api.arn}`")
        } else {
            report.nearest(head, kinds.chain(HEADS))
        };
        report.help(format!("for the text itself write `$${{{inner}}}`"));
    }
}

/// The name of the table that a text refers to alone where a table of `kind` belongs: `site`, `${certificate.site}` or
/// `${certificate.site.arn}`.
pub(super) fn table_of(kind: Kind, text: &str) -> Option<&str> {
    let reference = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let Some(reference) = reference else { return is_name(text).then_some(text) };
    let name = reference.strip_prefix(kind.as_str())?.strip_prefix('.')?;
    Some(name.strip_suffix(".arn").unwrap_or(name))
}

/// Reports every reference to something that the stack does not have.
pub(super) fn check(lowering: &mut Lowering<'_>) {
    let uses = std::mem::take(&mut lowering.uses);
    for used in &uses {
        if lowering.is_hopeless() {
            break;
        }
        if lowering.resources.contains_key(&used.address) {
            check_output(lowering, used);
        } else if used.output.is_some() {
            missing(lowering, used);
        } else {
            misnamed(lowering, used);
        }
    }
    lowering.uses = uses;
}

fn check_output(lowering: &mut Lowering<'_>, used: &Use) {
    let Some(output) = &used.output else { return };
    let kind = used.address.kind();
    let known = outputs::names(kind);
    if !known.contains(&output.as_str()) {
        lowering
            .report(&used.place, format!("`{}` has no output `{output}`", used.address))
            .nearest(output, known.iter().copied())
            .help(format!("`{kind}` has {}", quoted(known)));
    }
}

fn missing(lowering: &mut Lowering<'_>, used: &Use) {
    let addresses: Vec<String> = lowering.resources.keys().map(ToString::to_string).collect();
    let text = used.address.to_string();
    lowering
        .report(&used.place, format!("there is no `{text}` in this stack"))
        .nearest(&text, addresses.iter().map(String::as_str));
}

fn misnamed(lowering: &mut Lowering<'_>, used: &Use) {
    let (kind, name) = (used.address.kind(), used.address.name());
    let of_kind = |address: &&Address| address.kind() == kind;
    let known: Vec<String> =
        lowering.resources.keys().filter(of_kind).map(|address| address.name().to_owned()).collect();
    let is_namesake = |address: &&Address| address.names() == used.address.names();
    let namesakes = quoted(lowering.resources.keys().filter(is_namesake));
    let bare = name.trim_start_matches("${").trim_end_matches('}').trim_start_matches(kind.as_str());
    let bare = bare.trim_start_matches('.').split('.').next().unwrap_or(name);
    let report = lowering.report(&used.place, format!("no `{kind}` is called `{name}`"));
    let report = if namesakes.is_empty() {
        report
    } else {
        report.label(format!("the stack has {namesakes}, of another kind"))
    };
    let report = if known.iter().any(|known| known == bare) {
        report.help(format!("write the name alone: `{bare}`"))
    } else {
        report.nearest(name, known.iter().map(String::as_str))
    };
    if report.0.help.is_empty() {
        let help = if known.is_empty() {
            format!("add a table `[{kind}.{name}]`")
        } else {
            format!("this stack has {}", quoted(&known))
        };
        report.help(help);
    }
}
