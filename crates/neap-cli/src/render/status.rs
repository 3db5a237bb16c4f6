//! What is live of a stack, one line for each resource and its outputs below.

use std::collections::BTreeMap;

use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::live::{Environment, Live, LiveResource, Phase, ReadFailure, Reading};

use super::style::{self, paint};

/// What is live at each desired address, then what is the stack's own and no longer declared.
pub(crate) fn status(desired: &Desired, live: &Live) -> String {
    let Environment { account, region, .. } = &live.environment;
    let stack = paint(style::STRONG, &desired.stack);
    let width = desired.resources.keys().map(|address| address.to_string().len()).max().unwrap_or(0);
    let name = |address: &Address| paint(style::NAME, &format!("{:width$}", address.to_string()));
    let mut lines = vec![format!("Stack {stack} in account {account}, region {region}"), String::new()];
    let mut counts = BTreeMap::<&str, usize>::new();
    for address in desired.resources.keys() {
        let reading = live.readings.get(address).unwrap_or(&Reading::Absent);
        *counts.entry(word(reading)).or_default() += 1;
        lines.push(format!("{}  {}", name(address), state(reading)));
        if let Reading::Present(live) = reading {
            lines.extend(outputs(live));
        }
    }
    for orphan in &live.orphans {
        *counts.entry("no longer declared").or_default() += 1;
        let state = format!("no longer declared, {}", phase(&orphan.phase));
        lines.push(format!("{}  {}", name(&orphan.address), paint(style::CHANGE, &state)));
        lines.push(format!("    {}", orphan.id));
    }
    let counts: Vec<String> = counts.iter().map(|(word, number)| format!("{number} {word}")).collect();
    let counts = if counts.is_empty() { "no resources".to_owned() } else { counts.join(", ") };
    lines.push(format!("\n{}: {counts}\n", paint(style::STRONG, "Status")));
    lines.join("\n")
}

/// A reading in a word or two, to count by.
pub(crate) const fn word(reading: &Reading) -> &'static str {
    match reading {
        Reading::Absent => "not there",
        Reading::Present(live) => match live.phase {
            Phase::Ready => "ready",
            Phase::Settling(_) => "settling",
            Phase::Deleting(_) => "being deleted",
            Phase::Failed(_) => "failed",
        },
        Reading::Foreign(_) => "name taken",
        Reading::Unreadable(_) => "unreadable",
    }
}

fn state(reading: &Reading) -> String {
    match reading {
        Reading::Absent => paint(style::FAINT, "not there"),
        Reading::Present(live) => {
            let style = match live.phase {
                Phase::Ready => style::GOOD,
                Phase::Settling(_) => style::CHANGE,
                Phase::Deleting(_) | Phase::Failed(_) => style::GONE,
            };
            paint(style, &phase(&live.phase))
        }
        Reading::Foreign(live) => {
            paint(style::GONE, "name taken by something that is not the stack's own: ") + &live.id
        }
        Reading::Unreadable(ReadFailure { operation, code, message, .. }) => {
            let code = code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
            paint(style::GONE, "unreadable: ") + &format!("{operation}: {code}{message}")
        }
    }
}

fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Ready => "ready".to_owned(),
        Phase::Settling(detail) => format!("settling: {detail}"),
        Phase::Deleting(detail) => format!("being deleted: {detail}"),
        Phase::Failed(detail) => format!("failed: {detail}"),
    }
}

fn outputs(live: &LiveResource) -> impl Iterator<Item = String> {
    let width = live.outputs.keys().map(String::len).max().unwrap_or(0);
    live.outputs.iter().map(move |(name, value)| format!("    {name:width$}  {value}"))
}
