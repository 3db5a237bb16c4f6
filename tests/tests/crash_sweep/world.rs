//! Everything that exists in the sandbox, in a form in which two runs can be compared.
//!
//! Read from the file, not through neap, so that what neap overlooks counts too. Decides what may differ between two
//! runs: what AWS assigns, and times. Whatever exists twice, is inactive, or has no address shows as a key of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::Error;

/// Everything that exists, by address.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct World(BTreeMap<String, Value>);

/// What AWS assigns, whichever name it has among the outputs.
const ASSIGNED: [&str; 6] = ["arn", "full_name", "id", "dns_name", "domain_name", "public_ip"];
/// What depends on when something happened.
const TIMES: [&str; 6] = ["visible_from", "started", "until", "running", "previous", "id"];

/// A tag in which it is noted which files a distribution knows, and the id of the invalidation that saw to it: one that a killed run
/// has begun is not the last one.
const NOTE: &str = "neap:files/";

impl World {
    /// The world in the sandbox's file.
    pub(crate) fn of(text: &str) -> Result<Self, Error> {
        let file: Value = serde_json::from_str(text)?;
        let mut records: Vec<&Value> = file["records"].as_object().ok_or("no records")?.values().collect();
        // Revisions in the order in which they were made.
        records.sort_by_key(|record| (revision(record), record["arn"].to_string()));
        let mut named: BTreeMap<String, &Value> = BTreeMap::new();
        for record in records {
            let key = (1..).map(|number| key(record, number)).find(|key| !named.contains_key(key));
            named.insert(key.unwrap_or_default(), record);
        }
        let stable = stable_names(&named);
        let mut world = Self::default();
        for (key, record) in named {
            let mut text = record.to_string();
            for (assigned, name) in &stable {
                text = text.replace(assigned, name);
            }
            let mut record: Value = serde_json::from_str(&text)?;
            forget_times(&mut record);
            world.0.insert(key, record);
        }
        for (bucket, objects) in file["objects"].as_object().into_iter().flatten() {
            for (key, object) in objects.as_object().into_iter().flatten() {
                world.0.insert(format!("{bucket}/{key}"), object["file"].clone());
            }
        }
        Ok(world)
    }

    /// The addresses of everything that exists.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl fmt::Display for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(key, record)| writeln!(formatter, "{key} {record:#}"))
    }
}

fn revision(record: &Value) -> u32 {
    let arn = record["arn"].as_str().unwrap_or_default();
    let number = arn.contains(":task-definition/").then(|| arn.rsplit(':').next()).flatten();
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// The record's address, with a number if it is not the first one there.
fn key(record: &Value, number: usize) -> String {
    let address = match (record["tags"]["neap:address"].as_str(), record["resource"]["kind"].as_str()) {
        (Some(address), _) => address.to_owned(),
        // What ECS registers for Service Connect has no address, and an id of AWS's in its ARN.
        (None, Some("discovery_service")) => {
            format!("discovery_service {}", record["outputs"]["name"].as_str().unwrap_or_default())
        }
        (None, _) => record["arn"].as_str().unwrap_or_default().to_owned(),
    };
    if number == 1 { address } else { format!("{address} #{number}") }
}

/// A stable name for each value that AWS assigned, the longest first: some are parts of others.
fn stable_names(named: &BTreeMap<String, &Value>) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (key, record) in named {
        for output in ASSIGNED {
            if let Some(value) = record["outputs"][output].as_str() {
                names.push((value.to_owned(), format!("<{key}.{output}>")));
            }
        }
    }
    names.extend(default_rules(named));
    names.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    names
}

/// The rules that do what a listener does by default, wherever one is named: they are of no record.
fn default_rules(named: &BTreeMap<String, &Value>) -> BTreeSet<(String, String)> {
    let texts: Vec<String> = named.values().map(ToString::to_string).collect();
    let arns: BTreeSet<&str> = named.values().filter_map(|record| record["arn"].as_str()).collect();
    let mut found = BTreeSet::new();
    for (key, record) in named {
        let arn = record["arn"].as_str().filter(|arn| arn.contains(":listener/"));
        let Some(arn) = arn else { continue };
        let start = format!("{}/", arn.replacen(":listener/", ":listener-rule/", 1));
        let rules = texts.iter().flat_map(|text| text.split('"').filter(|part| part.starts_with(&start)));
        let rules = rules.filter(|rule| !arns.contains(rule));
        found.extend(rules.map(|rule| (rule.to_owned(), format!("<{key}.default_rule>"))));
    }
    found
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            TIMES.iter().for_each(|time| drop(fields.shift_remove(*time)));
            for (_, note) in fields.iter_mut().filter(|(key, _)| key.starts_with(NOTE)) {
                let known = note.as_str().and_then(|note| note.split('/').next()).map(Value::from);
                *note = known.unwrap_or_default();
            }
            fields.values_mut().for_each(forget_times);
        }
        Value::Array(items) => {
            items.iter_mut().for_each(forget_times);
            // Sets of what AWS assigned stand in the order of the values, which differ.
            if items.iter().all(|item| item.as_str().is_some_and(|text| text.starts_with('<'))) {
                items.sort_by_key(ToString::to_string);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
