//! References inside strings: `${alb.public.dns_name}`, `${var.tag}`, `${network.vpc}`.
//!
//! Desired resources hold plain strings; a string may contain references to values that are
//! known only later. This module finds and substitutes them in any serialised value. It must not
//! know which kinds have which outputs, nor where values come from.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::address::Address;

/// Something that a string refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// `${kind.name.output}`: a value that AWS assigns to a resource of the stack.
    Output(Address, String),
    /// `${var.name}`: a sensitive variable. Other variables are replaced while the file is read.
    Variable(String),
    /// `${aws.account}`, `${aws.region}`, `${aws.partition}`, `${network.vpc}`, `${network.subnets}`,
    /// `${aws.ecs_image.x86_64}`, `${aws.ecs_image.arm64}` and the same of `aws.newest_ecs_image`;
    /// `${aws.cloudfront_origins}`, `${network.zone.1}` and so on.
    Fact(Fact),
    /// `${secret.NAME}`: the ARN of a Secrets Manager secret.
    Secret(String),
    /// `${zone.NAME}` or `${zone_for.NAME}`: the id of a hosted zone.
    Zone(Zone),
}

/// A hosted zone of Route 53 that the stack does not own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// The one with this name or id.
    Of(String),
    /// The one that answers for this domain: of those whose names it ends in, the one with the longest.
    For(String),
}

impl fmt::Display for Zone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(name) => write!(formatter, "zone.{name}"),
            Self::For(domain) => write!(formatter, "zone_for.{domain}"),
        }
    }
}

/// Something about the account that a plan reads before it can compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The twelve digits of the account.
    Account,
    /// The region.
    Region,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    Partition,
    /// The id of the VPC that the stack lives in.
    Vpc,
    /// The ids of the VPC's subnets, one for each availability zone. Stands alone in a list.
    Subnets,
    /// The id of the image that AWS recommends for instances of ECS, for what is made new: what is live keeps its own.
    EcsImage(Processor),
    /// The id of the image that AWS recommends now.
    NewestEcsImage(Processor),
    /// The id of the managed prefix list of the addresses from which CloudFront asks origins.
    CloudfrontOrigins,
    /// The name of an availability zone of a network of the stack's own, by its number from 1.
    Zone(u8),
}

/// The processor of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Processor {
    /// Intel and AMD.
    X86,
    /// Graviton.
    Arm,
}

impl Processor {
    /// AWS's word for it: `x86_64` or `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }
}

impl Reference {
    /// The reference written as `text`, without `${` and `}`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("var.") {
            return crate::address::is_name(name).then(|| Self::Variable(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("secret.") {
            return (!name.is_empty()).then(|| Self::Secret(name.to_owned()));
        }
        if let Some(name) = text.strip_prefix("zone.") {
            return (!name.is_empty()).then(|| Self::Zone(Zone::Of(name.to_owned())));
        }
        if let Some(domain) = text.strip_prefix("zone_for.") {
            return (!domain.is_empty()).then(|| Self::Zone(Zone::For(domain.to_owned())));
        }
        let fact = match text {
            "aws.account" => Some(Fact::Account),
            "aws.region" => Some(Fact::Region),
            "aws.partition" => Some(Fact::Partition),
            "network.vpc" => Some(Fact::Vpc),
            "network.subnets" => Some(Fact::Subnets),
            "aws.ecs_image.x86_64" => Some(Fact::EcsImage(Processor::X86)),
            "aws.ecs_image.arm64" => Some(Fact::EcsImage(Processor::Arm)),
            "aws.newest_ecs_image.x86_64" => Some(Fact::NewestEcsImage(Processor::X86)),
            "aws.newest_ecs_image.arm64" => Some(Fact::NewestEcsImage(Processor::Arm)),
            "aws.cloudfront_origins" => Some(Fact::CloudfrontOrigins),
            _ => zone(text).map(Fact::Zone),
        };
        if let Some(fact) = fact {
            return Some(Self::Fact(fact));
        }
        let (address, output) = text.rsplit_once('.')?;
        let address = address.parse().ok()?;
        Some(Self::Output(address, output.to_owned()))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(address, output) => write!(formatter, "{address}.{output}"),
            Self::Variable(name) => write!(formatter, "var.{name}"),
            Self::Secret(name) => write!(formatter, "secret.{name}"),
            Self::Zone(zone) => zone.fmt(formatter),
            Self::Fact(Fact::Zone(number)) => write!(formatter, "network.zone.{number}"),
            Self::Fact(fact) => formatter.write_str(match fact {
                Fact::Account => "aws.account",
                Fact::Region => "aws.region",
                Fact::Partition => "aws.partition",
                Fact::Vpc => "network.vpc",
                Fact::Subnets => "network.subnets",
                Fact::EcsImage(Processor::X86) => "aws.ecs_image.x86_64",
                Fact::EcsImage(Processor::Arm) => "aws.ecs_image.arm64",
                Fact::NewestEcsImage(Processor::X86) => "aws.newest_ecs_image.x86_64",
                Fact::NewestEcsImage(Processor::Arm) => "aws.newest_ecs_image.arm64",
                Fact::CloudfrontOrigins => "aws.cloudfront_origins",
                Fact::Zone(_) => "network.zone",
            }),
        }
    }
}

/// The number in `network.zone.N`, as it is always written.
fn zone(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("network.zone.")?;
    let number: u8 = digits.parse().ok()?;
    (number > 0 && number.to_string() == digits).then_some(number)
}

/// Escapes the escapes of a text, for a text in which references are filled in once more later.
pub fn escaped(text: &str) -> String {
    text.replace("$${", "$$${")
}

/// Escapes the escapes in every string of `value`; see [`escaped`].
pub fn escaped_in(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(text)),
        Value::Array(items) => Value::Array(items.iter().map(escaped_in).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, member)| (key.clone(), escaped_in(member))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The string that refers to `output` of the resource at `address`.
pub fn output(address: &Address, output: &str) -> String {
    format!("${{{address}.{output}}}")
}

/// A piece of a string: text as it stands, or a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'text> {
    /// Text without references; `$${` has become `${`.
    Literal(&'text str),
    /// A reference.
    Reference(Reference),
}

/// Splits `text` into literals and references. A `${…}` that is no reference stays literal (IAM's own
/// `${aws:username}`), and `$${` is an escaped `${`.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut literal_start = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find("${").map(|offset| at + offset) {
        if found > literal_start && text[..found].ends_with('$') {
            pieces.push(Piece::Literal(&text[literal_start..found - 1]));
            literal_start = found;
            at = found + 2;
            continue;
        }
        let Some(end) = text[found..].find('}').map(|offset| found + offset) else { break };
        if let Some(reference) = Reference::parse(&text[found + 2..end]) {
            if found > literal_start {
                pieces.push(Piece::Literal(&text[literal_start..found]));
            }
            pieces.push(Piece::Reference(reference));
            literal_start = end + 1;
            at = end + 1;
        } else {
            at = found + 2;
        }
    }
    if literal_start < text.len() {
        pieces.push(Piece::Literal(&text[literal_start..]));
    }
    pieces
}

/// The references in one string, in order.
pub fn in_text(text: &str) -> Vec<Reference> {
    let reference = |piece| match piece {
        Piece::Reference(reference) => Some(reference),
        Piece::Literal(_) => None,
    };
    pieces(text).into_iter().filter_map(reference).collect()
}

/// Every reference in `value`, with the path (`default_action.target_groups[0].target_group`) where it stands.
pub fn in_value(value: &Value) -> Vec<(String, Reference)> {
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

fn walk(value: &Value, path: &str, found: &mut Vec<(String, Reference)>) {
    match value {
        Value::String(text) => {
            found.extend(in_text(text).into_iter().map(|reference| (path.to_owned(), reference)));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(member, &path, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What a reference stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// One string.
    One(String),
    /// A list, spliced into the list in which the reference stands alone.
    Many(Vec<String>),
    /// Not known yet: the reference stays.
    Unknown,
}

/// Replaces every reference in `value` for which `resolve` has an answer; others stay as they are written.
pub fn substitute(value: &Value, resolve: &dyn Fn(&Reference) -> Resolved) -> Value {
    match value {
        Value::String(text) => Value::String(substitute_text(text, resolve)),
        Value::Array(items) => Value::Array(items.iter().flat_map(|item| splice(item, resolve)).collect()),
        Value::Object(members) => {
            let member = |(key, member): (&String, &Value)| (key.clone(), substitute(member, resolve));
            Value::Object(members.iter().map(member).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn splice(item: &Value, resolve: &dyn Fn(&Reference) -> Resolved) -> Vec<Value> {
    if let Value::String(text) = item
        && let [Piece::Reference(reference)] = pieces(text).as_slice()
        && let Resolved::Many(values) = resolve(reference)
    {
        return values.into_iter().map(Value::String).collect();
    }
    vec![substitute(item, resolve)]
}

/// Replaces the references of one string; a list becomes its members joined by commas.
pub fn substitute_text(text: &str, resolve: &dyn Fn(&Reference) -> Resolved) -> String {
    // Most texts are plain, and there can be very many.
    if !text.contains('$') {
        return text.to_owned();
    }
    let mut result = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Literal(literal) => result.push_str(literal),
            Piece::Reference(reference) => match resolve(&reference) {
                Resolved::One(value) => result.push_str(&value),
                Resolved::Many(values) => result.push_str(&values.join(",")),
                Resolved::Unknown => result.extend(["${", &reference.to_string(), "}"]),
            },
        }
    }
    result
}

/// Substitutes the references of a typed value by way of its serialised form.
///
/// # Errors
///
/// Fails when the substituted value is no longer of the type, which would be a bug in a kind.
pub fn substitute_in<T: Serialize + DeserializeOwned>(
    value: &T,
    resolve: &dyn Fn(&Reference) -> Resolved,
) -> Result<T, serde_json::Error> {
    serde_json::from_value(substitute(&serde_json::to_value(value)?, resolve))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(value: &str) -> Resolved {
        Resolved::One(value.to_owned())
    }

    #[test]
    fn references_are_found_between_literals() {
        let found = in_text("http://${alb.public.dns_name}/x/${var.tag}");
        let alb: Address = "alb.public".parse().expect("an address");
        assert_eq!(found, [Reference::Output(alb, "dns_name".into()), Reference::Variable("tag".into())]);
    }

    #[test]
    fn what_is_no_reference_stays_as_it_is() {
        for text in ["${aws:username}", "$", "${", "${}", "a ${b c} d", "${HOME}"] {
            assert_eq!(substitute_text(text, &|_| one("x")), text);
        }
    }

    #[test]
    fn a_doubled_dollar_is_an_escaped_reference() {
        assert_eq!(substitute_text("$${var.tag}", &|_| one("x")), "${var.tag}");
        assert_eq!(substitute_text("a$${var.tag}b${var.tag}", &|_| one("x")), "a${var.tag}bx");
    }

    #[test]
    fn an_unknown_reference_stays_and_a_list_is_spliced() {
        let value = json!({ "subnets": ["${network.subnets}"], "arn": "${alb.public.arn}" });
        let resolve = |reference: &Reference| match reference {
            Reference::Fact(Fact::Subnets) => Resolved::Many(vec!["a".into(), "b".into()]),
            _ => Resolved::Unknown,
        };
        let expected = json!({ "subnets": ["a", "b"], "arn": "${alb.public.arn}" });
        assert_eq!(substitute(&value, &resolve), expected);
    }
}
