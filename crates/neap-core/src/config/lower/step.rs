//! Step scaling: an alarm on a metric, and what is done while it rings.
//!
//! Decides which steps cover one side of the threshold, and what the alarm looks at. Must not know who else scales.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::{
    Adjustment, Aggregation, Metric, MissingData, Number, ScalingTable, ServiceTable, Statistic,
    StepPolicyTable, UsageMetric,
};
use crate::kinds::{Resource, Step, StepAlarm, StepScaling};
use crate::reference;

/// The most steps of a policy ("Quotas for Application Auto Scaling").
const MOST_STEPS: usize = 20;

/// Lowers the step scaling of the service at `address`, whose scaling stands at `place`.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    service: &ServiceTable,
    scaling: &ScalingTable,
) -> BTreeMap<String, StepScaling> {
    let mut policies = BTreeMap::new();
    for (name, table) in &scaling.step {
        let place = place.at("step").at(name);
        lowering.check_key(&place, name);
        if ["cpu", "memory", "requests_per_target"].contains(&name.as_str()) {
            lowering
                .report(&place, format!("`{name}` is the name of a policy of target tracking"))
                .on_key()
                .help("give the step another name, such as `busy`");
        }
        let rises = table.below.is_none();
        let policy = StepScaling {
            adjustment_type: match table.adjustment {
                Adjustment::Change => "ChangeInCapacity",
                Adjustment::Percent => "PercentChangeInCapacity",
                Adjustment::Exact => "ExactCapacity",
            }
            .to_owned(),
            steps: steps(lowering, &place, table, rises),
            cooldown: table.cooldown,
            aggregation: match table.aggregation {
                Aggregation::Average => "Average",
                Aggregation::Minimum => "Minimum",
                Aggregation::Maximum => "Maximum",
            }
            .to_owned(),
            min_adjustment: table.min_adjustment,
            alarm: Some(alarm(lowering, &place, address, service, (name, table))),
        };
        if table.min_adjustment.is_some() && table.adjustment != Adjustment::Percent {
            lowering
                .report(&place.at("min_adjustment"), "`min_adjustment` without `adjustment = \"percent\"`")
                .help("leave `min_adjustment` out");
        }
        policies.insert(name.clone(), policy);
    }
    policies
}

/// The steps with their bounds, by these. Each goes on where the one before ends.
fn steps(lowering: &mut Lowering<'_>, place: &Place, table: &StepPolicyTable, rises: bool) -> Vec<Step> {
    let listed: Vec<(Option<f64>, i32)> = match (table.by, table.steps.as_slice()) {
        (Some(by), []) => vec![(None, by)],
        (None, [_, ..]) => {
            let place = place.at("steps");
            let step = |(index, step): (usize, &crate::config::shape::StepTable)| {
                let to = step.to.as_ref();
                (to.map(|to| number(lowering, &place.item(index).at("to"), to)), step.by)
            };
            table.steps.iter().enumerate().map(step).collect()
        }
        (Some(_), [_, ..]) => {
            lowering.report(&place.at("by"), "`by` and `steps`").help("leave one of the two out");
            return Vec::new();
        }
        (None, []) => {
            lowering.report(place, "it changes nothing").help("add `by`, such as `by = 1`");
            return Vec::new();
        }
    };
    check(lowering, place, table, &listed);
    let mut from = 0.0;
    let mut steps = Vec::with_capacity(listed.len());
    for (to, adjustment) in listed {
        let (lower, upper) = if rises { (Some(from), to) } else { (to.map(|to| -to), Some(0.0 - from)) };
        steps.push(Step { lower, upper, adjustment });
        from = to.unwrap_or(from);
    }
    if !rises {
        steps.reverse();
    }
    steps
}

fn check(lowering: &mut Lowering<'_>, place: &Place, table: &StepPolicyTable, listed: &[(Option<f64>, i32)]) {
    let at = |index: usize, key: &str| {
        if table.by.is_some() { place.at(key) } else { place.at("steps").item(index).at(key) }
    };
    if listed.len() > MOST_STEPS {
        let message = format!("{} steps; AWS takes at most {MOST_STEPS}", listed.len());
        lowering.report(&place.at("steps"), message);
    }
    let mut from = 0.0;
    for (index, (to, by)) in listed.iter().enumerate() {
        let is_last = index + 1 == listed.len();
        match to {
            None if !is_last => {
                lowering
                    .report(&place.at("steps").item(index), "a step without `to` goes on for ever")
                    .help("only the last one may");
            }
            Some(_) if is_last => {
                lowering
                    .report(&at(index, "to"), "nothing is done further past the value")
                    .help("leave `to` out of the last step");
            }
            Some(to) if *to <= from => {
                lowering
                    .report(&at(index, "to"), "it ends before it begins")
                    .help("each `to` is above the last");
            }
            Some(to) => from = *to,
            None => {}
        }
        match (table.adjustment, by) {
            (Adjustment::Exact, ..0) => {
                lowering.report(&at(index, "by"), format!("exactly {by} tasks"));
            }
            (Adjustment::Change | Adjustment::Percent, 0) => {
                lowering.report(&at(index, "by"), "it changes nothing");
            }
            _ => {}
        }
    }
}

fn alarm(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    service: &ServiceTable,
    (name, table): (&str, &StepPolicyTable),
) -> StepAlarm {
    let (threshold, comparison) = match (&table.above, &table.below) {
        (Some(value), None) => (number(lowering, &place.at("above"), value), StepAlarm::ABOVE),
        (None, Some(value)) => (number(lowering, &place.at("below"), value), StepAlarm::BELOW),
        (Some(_), Some(_)) => {
            lowering
                .report(&place.at("below"), "`above` and `below`")
                .help("make two steps of it: one adds tasks, and the other takes them away");
            (0.0, StepAlarm::ABOVE)
        }
        (None, None) => {
            lowering.report(place, "nothing says when it rings").help("add `above` or `below`");
            (0.0, StepAlarm::ABOVE)
        }
    };
    window(lowering, place, table);
    let datapoints = table.datapoints_to_alarm.unwrap_or(table.evaluation_periods);
    if datapoints > table.evaluation_periods {
        let message = format!("{datapoints} of {} periods", table.evaluation_periods);
        lowering.report(&place.at("datapoints_to_alarm"), message);
    }
    let (namespace, metric, dimensions) =
        metric(lowering, &place.at("metric"), address, service, &table.metric);
    StepAlarm {
        name: format!("{}-{}-{name}", lowering.stack, address.name()),
        namespace,
        metric,
        dimensions,
        statistic: match table.statistic {
            Statistic::Average => "Average",
            Statistic::Minimum => "Minimum",
            Statistic::Maximum => "Maximum",
            Statistic::Sum => "Sum",
            Statistic::SampleCount => "SampleCount",
        }
        .to_owned(),
        period_seconds: table.period,
        evaluation_periods: table.evaluation_periods,
        datapoints_to_alarm: datapoints,
        threshold,
        comparison: comparison.to_owned(),
        missing_data: match table.missing_data {
            MissingData::Missing => "missing",
            MissingData::NotBreaching => "notBreaching",
            MissingData::Breaching => "breaching",
            MissingData::Ignore => "ignore",
        }
        .to_owned(),
        enabled: true,
    }
}

/// How far an alarm looks back ("PutMetricAlarm").
fn window(lowering: &mut Lowering<'_>, place: &Place, table: &StepPolicyTable) {
    let StepPolicyTable { period, evaluation_periods, .. } = *table;
    if !matches!(period, 10 | 20 | 30) && !period.is_multiple_of(60) {
        lowering
            .report(&place.at("period"), format!("a period of {period} seconds"))
            .help("AWS takes 10, 20, 30 and multiples of 60");
    }
    let (most, told) = if period < 3600 { (86_400, "a day") } else { (604_800, "seven days") };
    if period.saturating_mul(evaluation_periods) > most {
        let message = format!("{evaluation_periods} periods of {period} seconds are more than {told}");
        lowering
            .report(&place.at("evaluation_periods"), message)
            .help("an alarm looks back for a day, and for seven where a period is an hour or longer");
    }
}

/// Two alarms cannot have one name: it is made of the names of stack, service and step, with the sign that each of them may hold.
pub(super) fn check_names(lowering: &mut Lowering<'_>) {
    let mut seen = BTreeMap::new();
    let mut twice = Vec::new();
    for (address, desired) in &lowering.resources {
        let Resource::ScalableTarget(target) = &desired.resource else { continue };
        for (step, policy) in &target.step_scaling {
            let Some(alarm) = &policy.alarm else { continue };
            let place = Place::of(Kind::Service.as_str(), address.name()).at("scaling").at("step").at(step);
            if let Some(other) = seen.insert(&alarm.name, place.clone()) {
                twice.push((place, other, alarm.name.clone()));
            }
        }
    }
    for (place, other, name) in twice {
        let other = other.path().join(".");
        lowering
            .report(&place, format!("its alarm would be called `{name}`, as that of `{other}`"))
            .on_key()
            .help("give one of the two steps another name");
    }
}

/// Namespace, name and dimensions.
fn metric(
    lowering: &mut Lowering<'_>,
    place: &Place,
    address: &Address,
    service: &ServiceTable,
    metric: &Metric,
) -> (String, String, BTreeMap<String, String>) {
    let usage = match metric {
        Metric::Usage(UsageMetric::Cpu) => "CPUUtilization",
        Metric::Usage(UsageMetric::Memory) => "MemoryUtilization",
        Metric::Any(table) => {
            if table.namespace.is_empty() || table.name.is_empty() {
                lowering.report(place, "a metric has a namespace and a name");
            }
            let namespace = lowering.text(&place.at("namespace"), &table.namespace);
            let name = lowering.text(&place.at("name"), &table.name);
            let dimensions = lowering.texts(&place.at("dimensions"), &table.dimensions);
            return (namespace, name, dimensions);
        }
    };
    let cluster = reference::output(&Address::new(Kind::Cluster, &service.cluster), "name");
    let dimensions =
        [("ClusterName".to_owned(), cluster), ("ServiceName".to_owned(), reference::output(address, "name"))];
    ("AWS/ECS".to_owned(), usage.to_owned(), dimensions.into())
}

fn number(lowering: &mut Lowering<'_>, place: &Place, number: &Number) -> f64 {
    match number {
        // No threshold that means anything has more than fifteen digits.
        #[expect(clippy::cast_precision_loss, reason = "such numbers mean nothing here")]
        Number::Whole(number) => *number as f64,
        Number::Decimal(text) => {
            let parsed = text.parse::<f64>().ok().filter(|number| number.is_finite());
            parsed.unwrap_or_else(|| {
                lowering
                    .report(place, format!("`{text}` is no number"))
                    .help("numbers with a fraction stand in quotes: `\"0.5\"`");
                0.0
            })
        }
    }
}
