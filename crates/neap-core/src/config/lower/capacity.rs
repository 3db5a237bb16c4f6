//! Capacity: where tasks run, and in which shares.
//!
//! Decides what a share is in AWS's words. Must not know whether a cluster or a service asks.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use crate::config::shape::{Capacity, Provider, Share};
use crate::kinds::StrategyItem;

/// The capacity strategy that `capacity` asks for, by provider.
pub(super) fn strategy(
    lowering: &mut Lowering<'_>,
    place: &Place,
    capacity: &Capacity,
) -> BTreeMap<String, StrategyItem> {
    let shares = match capacity {
        Capacity::One(provider) => vec![(*provider, StrategyItem { weight: 1, base: 0 })],
        Capacity::Weighted(weighted) => {
            let fargate = weighted.fargate.map(|share| (Provider::Fargate, item(share)));
            let spot = weighted.fargate_spot.map(|share| (Provider::FargateSpot, item(share)));
            fargate.into_iter().chain(spot).collect()
        }
    };
    if shares.iter().all(|(_, item)| item.weight == 0) {
        lowering
            .report(place, "no provider has a weight above 0")
            .help("give at least one a weight, such as `{ fargate = 1 }`");
    }
    if shares.iter().filter(|(_, item)| item.base > 0).count() > 1 {
        lowering.report(place, "two providers have a base").help("AWS takes a `base` on one of them only");
    }
    shares.into_iter().map(|(provider, item)| (name(provider).to_owned(), item)).collect()
}

const fn item(share: Share) -> StrategyItem {
    match share {
        Share::Weight(weight) => StrategyItem { weight, base: 0 },
        Share::Full(full) => StrategyItem { weight: full.weight, base: full.base },
    }
}

const fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::Fargate => "FARGATE",
        Provider::FargateSpot => "FARGATE_SPOT",
    }
}
