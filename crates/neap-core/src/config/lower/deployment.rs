//! How many tasks of a service run, and how they are replaced: what cannot be.
//!
//! Decides which numbers and strategies no deployment can follow. Must not know what the tasks contain.

use super::context::Lowering;
use super::ground;
use super::place::Place;
use crate::config::shape::ServiceTable;
use crate::ownership::Owned;

/// The most subnets of a service.
const MOST_SUBNETS: usize = 16;

/// Reports what no deployment of the service at `place` can follow.
pub(super) fn check(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable, has_target: bool) {
    let (minimum, maximum) = table.percents();
    if minimum >= 100 && maximum <= 100 {
        let key = if table.is_daemon() { "minimum_healthy_percent" } else { "maximum_percent" };
        let help = if table.is_daemon() {
            "lower `minimum_healthy_percent` below 100"
        } else {
            "raise `maximum_percent` above 100, or lower `minimum_healthy_percent` below it"
        };
        lowering
            .report(&place.at(key), "no task may stop and none may start, so nothing can be deployed")
            .help(help);
    }
    if table.health_check_grace.is_some_and(|seconds| seconds > 0) && !has_target {
        lowering
            .report(&place.at("health_check_grace"), "a grace period without a target")
            .help("only a load balancer's health checks have one: add a `target`, or leave it out");
    }
    let subnets = table.subnets.ids().len();
    if subnets > MOST_SUBNETS {
        let message = format!("{subnets} subnets; AWS takes at most {MOST_SUBNETS}");
        lowering.report(&place.at("subnets"), message);
    }
    if table.is_daemon() {
        check_daemon(lowering, place, table);
    }
}

/// One task runs on each instance: there must be some, and nobody chooses the number.
fn check_daemon(lowering: &mut Lowering<'_>, place: &Place, table: &ServiceTable) {
    if table.capacity.is_some() {
        lowering
            .report(&place.at("capacity"), "a daemon has no capacity of its own")
            .help("it runs on every instance of its cluster: leave `capacity` out");
    } else if lowering.file.cluster.contains_key(&table.cluster)
        && ground::instances(lowering.file, table).is_empty()
    {
        lowering
            .report(
                &place.at("strategy"),
                format!("a daemon on Fargate: `cluster.{}` has no instances", table.cluster),
            )
            .help("AWS runs daemons on instances alone: give the cluster some, or leave `strategy` out");
    }
    if table.count.is_some() {
        lowering
            .report(&place.at("count"), "a daemon has no count")
            .help("one task runs on each instance of the cluster: leave `count` out");
    }
    if let Some(maximum) = table.maximum_percent.filter(|maximum| *maximum > 100) {
        lowering
            .report(
                &place.at("maximum_percent"),
                format!("a daemon has at most 100 percent of its tasks, not {maximum}"),
            )
            .help("no instance runs two of them, so AWS takes no more than 100");
    }
    if let Some(index) = table.owned_elsewhere.iter().position(|word| *word == Owned::Count) {
        lowering
            .report(&place.at("owned_elsewhere").item(index), "a daemon has no count that others could own")
            .help("one task runs on each instance of the cluster: leave the word out");
    }
}
