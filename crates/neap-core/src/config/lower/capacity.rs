//! Capacity: where tasks run, and in which shares.
//!
//! Decides what a share is in AWS's words, and which shares AWS takes together. Must not know how instances are made.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::{Place, quoted};
use super::{ground, instances};
use crate::config::shape::{Capacity, ClusterCapacity, ClusterTable, FullShare};
use crate::kinds::StrategyItem;

/// Fargate's providers, by the words for them.
pub(super) const FARGATE: [(&str, &str); 2] = [("fargate", "FARGATE"), ("fargate_spot", "FARGATE_SPOT")];
/// The most providers of a strategy ("CapacityProviderStrategyItem" of ECS's API reference).
const MOST_PROVIDERS: usize = 20;

/// A strategy, by capacity provider.
pub(super) type Strategy = BTreeMap<String, StrategyItem>;

/// Whether a provider is one of Fargate's.
pub(super) fn is_fargates(provider: &str) -> bool {
    provider.starts_with("FARGATE")
}

/// The strategy that `capacity` asks for in the cluster `name`. What nobody knows is left out.
pub(super) fn strategy(
    stack: &str,
    name: &str,
    cluster: Option<&ClusterTable>,
    capacity: &Capacity,
) -> Strategy {
    let provider = |word: &str| {
        let fargate = FARGATE.into_iter().find(|(known, _)| *known == word);
        let block = cluster.filter(|cluster| cluster.instances.contains_key(word));
        fargate
            .map(|(_, provider)| provider.to_owned())
            .or_else(|| block.map(|_| instances::provider(stack, name, Some(word))))
    };
    let shares = capacity.shares().into_iter();
    let item = |(word, share): (&str, FullShare)| {
        Some((provider(word)?, StrategyItem { weight: share.weight, base: share.base }))
    };
    shares.filter_map(item).collect()
}

/// The strategy of the services of the cluster `name` that say nothing.
pub(super) fn default(stack: &str, name: &str, cluster: &ClusterTable) -> Strategy {
    if let Some(capacity) = shares(cluster) {
        return strategy(stack, name, Some(cluster), &capacity);
    }
    let own = ground::by_default(cluster).into_iter();
    let own: Strategy = own
        .map(|block| (instances::provider(stack, name, block.name), StrategyItem { weight: 1, base: 0 }))
        .collect();
    if own.is_empty() { strategy(stack, name, None, &Capacity::One("fargate".to_owned())) } else { own }
}

/// What a cluster's `capacity` names; none where it is a table of instances, or is not said.
pub(super) fn shares(cluster: &ClusterTable) -> Option<Capacity> {
    match cluster.capacity.as_ref()? {
        ClusterCapacity::One(name) => Some(Capacity::One(name.clone())),
        ClusterCapacity::Weighted(shares) => Some(Capacity::Weighted(shares.clone())),
        ClusterCapacity::Instances(_) => None,
    }
}

/// Reports what AWS does not take of `capacity` in the cluster `name`.
pub(super) fn check(lowering: &mut Lowering<'_>, place: &Place, name: &str, capacity: &Capacity) {
    let Some(cluster) = lowering.file.cluster.get(name) else { return };
    let shares = capacity.shares();
    let known: Vec<&str> = FARGATE
        .into_iter()
        .map(|(word, _)| word)
        .chain(cluster.instances.keys().map(String::as_str))
        .collect();
    let mut unknown = 0;
    for (word, _) in shares.iter().filter(|(word, _)| !known.contains(word)) {
        unknown += 1;
        let place = if matches!(capacity, Capacity::One(_)) { place.clone() } else { place.at(word) };
        let report = lowering.report(&place, format!("`cluster.{name}` has no capacity called `{word}`"));
        let report = if matches!(capacity, Capacity::One(_)) { report } else { report.on_key() };
        report.nearest(word, known.iter().copied()).help(format!(
            "it has {}; `[cluster.{name}.instances.{word}]` would give it more",
            quoted(&known)
        ));
    }
    let fargate = |word: &str| FARGATE.iter().any(|(known, _)| *known == word);
    let n_fargate = shares.iter().filter(|(word, _)| fargate(word)).count();
    if unknown == 0 && n_fargate > 0 && n_fargate < shares.len() {
        lowering
            .report(place, "Fargate and instances in one strategy")
            .help("AWS takes one or the other: let a service of its own run on the other");
    }
    if shares.len() > MOST_PROVIDERS {
        let message = format!("{} providers; AWS takes at most {MOST_PROVIDERS}", shares.len());
        lowering.report(place, message);
    }
    if shares.iter().all(|(_, share)| share.weight == 0) {
        lowering
            .report(place, "no provider has a weight above 0")
            .help("give at least one a weight, such as `{ fargate = 1 }`");
    }
    if shares.iter().filter(|(_, share)| share.base > 0).count() > 1 {
        lowering.report(place, "two providers have a base").help("AWS takes a `base` on one of them only");
    }
}
