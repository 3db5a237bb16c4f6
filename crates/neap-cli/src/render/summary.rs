//! How an apply ended: counts, outputs, and what failed, why, and what to run next.

use std::collections::BTreeMap;

use neap_core::address::{Address, Kind};
use neap_core::diff::SENSITIVE;
use neap_core::live::Outputs;
use neap_core::plan::{Plan, Verb};
use neap_engine::apply::Summary;
use neap_engine::event::Outcome;

pub(crate) use super::failure::failure;
use super::style::{self, paint};
use super::value::is_sensitive;

/// One line that says what was done, and how long it took.
pub(crate) fn done(plan: &Plan, summary: &Summary) -> String {
    let mut counts = [(0, "created"), (0, "updated"), (0, "deleted"), (0, "settled")];
    for (step, result) in plan.steps.iter().zip(&summary.steps) {
        let index = match step.verb {
            Verb::Create => 0,
            Verb::Update | Verb::Narrow => 1,
            Verb::Delete => 2,
            Verb::Wait => 3,
            // The first half of an update.
            Verb::Widen => continue,
        };
        counts[index].0 += usize::from(result.outcome == Outcome::Done);
    }
    let told = counts.iter().filter(|(number, _)| *number > 0);
    let told: Vec<String> = told.map(|(number, word)| format!("{number} {word}")).collect();
    let told = if told.is_empty() { "nothing was done".to_owned() } else { told.join(", ") };
    let word = if summary.is_success() { "Done" } else { "Unfinished" };
    let style = if summary.is_success() { style::GOOD } else { style::CHANGE };
    format!("{}: {told} in {}\n", paint(style, word), style::duration(summary.elapsed))
}

/// The stack's outputs, one per line; the site's URL comes last unless an output has its name.
pub(crate) fn outputs(outputs: &BTreeMap<String, String>, url: Option<&str>) -> String {
    let url = url.filter(|_| !outputs.contains_key("url")).map(|url| ("url", url.to_owned()));
    let shown = outputs.iter().map(|(name, value)| (name.as_str(), shown(value)));
    shown.chain(url).map(|(name, value)| format!("{} = {value}\n", paint(style::NAME, name))).collect()
}

/// An output's value as it may be shown.
pub(crate) fn shown(value: &str) -> String {
    if is_sensitive(value) { SENSITIVE.to_owned() } else { value.to_owned() }
}

/// Where the stack answers: its distribution, or else its load balancer.
pub(crate) fn url(resources: &BTreeMap<Address, Outputs>) -> Option<String> {
    let first = |kind: Kind, output: &str| {
        let of_kind = resources.iter().filter(|(address, _)| address.kind() == kind);
        of_kind.filter_map(|(_, outputs)| outputs.get(output)).next()
    };
    let site = first(Kind::Cloudfront, "domain_name").map(|domain| format!("https://{domain}"));
    site.or_else(|| first(Kind::Alb, "dns_name").map(|name| format!("http://{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, plain, summary};

    #[test]
    fn a_success_counts_what_was_done() {
        let plan = fixture::course();
        let summary = summary(vec![Outcome::Done; plan.steps.len()]);
        assert_eq!(plain(&done(&plan, &summary)), "Done: 3 created, 2 updated, 2 deleted in 31s\n");
    }

    #[test]
    fn the_site_answers_at_its_distribution_or_else_at_its_load_balancer() {
        let alb =
            (Address::new(Kind::Alb, "public"), Outputs::from([("dns_name".into(), "lb.example".into())]));
        let site = (
            Address::new(Kind::Cloudfront, "s"),
            Outputs::from([("domain_name".into(), "d.example".into())]),
        );
        assert_eq!(url(&[alb.clone()].into()).as_deref(), Some("http://lb.example"));
        assert_eq!(url(&[alb, site].into()).as_deref(), Some("https://d.example"));
        assert_eq!(url(&BTreeMap::new()), None);
    }

    #[test]
    fn an_output_called_url_takes_the_place_of_the_sites_own() {
        let own = BTreeMap::from([("url".to_owned(), "http://own".to_owned())]);
        assert_eq!(plain(&outputs(&own, Some("http://lb"))), "url = http://own\n");
        assert_eq!(plain(&outputs(&BTreeMap::new(), Some("http://lb"))), "url = http://lb\n");
        let secret = BTreeMap::from([("token".to_owned(), "x${var.token}".to_owned())]);
        assert_eq!(plain(&outputs(&secret, None)), "token = (sensitive)\n");
    }
}
