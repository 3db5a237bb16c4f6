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

#[cfg(test)]
mod tests {
    use neap_core::address::Kind;
    use neap_core::kinds::Resource;

    use super::*;
    use crate::fixture;

    #[test]
    fn every_state_has_its_line() {
        let address = |name: &str| Address::new(Kind::Ecr, name);
        let live = |name: &str, phase| {
            let mut live = fixture::live(&address(name), Resource::example(Kind::Ecr));
            live.outputs =
                [("arn".to_owned(), "arn:1".to_owned()), ("uri".to_owned(), "u".to_owned())].into();
            Box::new(LiveResource { phase, ..live })
        };
        let failure = ReadFailure {
            operation: "ecr:DescribeRepositories".into(),
            code: Some("AccessDenied".into()),
            message: "no".into(),
            denied: true,
        };
        let readings = [
            ("absent", Reading::Absent),
            ("ready", Reading::Present(live("ready", Phase::Ready))),
            ("settling", Reading::Present(live("settling", Phase::Settling("provisioning".into())))),
            ("taken", Reading::Foreign(live("taken", Phase::Ready))),
            ("unreadable", Reading::Unreadable(failure)),
        ];
        let desired = |(name, _): &(&str, _)| (address(name), fixture::desired(Resource::example(Kind::Ecr)));
        let desired = Desired {
            stack: "course".into(),
            resources: readings.iter().map(desired).collect(),
            ..Desired::default()
        };
        let mut world = Live::empty(fixture::environment());
        world.readings = readings.into_iter().map(|(name, reading)| (address(name), reading)).collect();
        world.orphans = vec![*live("gone", Phase::Deleting("draining".into()))];
        let text = anstream::adapter::strip_str(&status(&desired, &world)).to_string();
        insta::assert_snapshot!(text, @r"
        Stack course in account 123456789012, region eu-west-1

        ecr.absent      not there
        ecr.ready       ready
            arn  arn:1
            uri  u
        ecr.settling    settling: provisioning
            arn  arn:1
            uri  u
        ecr.taken       name taken by something that is not the stack's own: arn:aws:example:eu-west-1:123456789012:ecr.taken
        ecr.unreadable  unreadable: ecr:DescribeRepositories: AccessDenied: no
        ecr.gone        no longer declared, being deleted: draining
            arn:aws:example:eu-west-1:123456789012:ecr.gone

        Status: 1 name taken, 1 no longer declared, 1 not there, 1 ready, 1 settling, 1 unreadable
        ");
    }
}
