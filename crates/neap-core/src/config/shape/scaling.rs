//! The table of what scales a service.
//!
//! Decides its keys, types, ranges and allowed values. Must not know which service it is.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{NAME, names};

/// What moments look like: in UTC, to the second.
const MOMENT: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$";

/// What moves the number of a service's tasks. `count` is then only the number at first.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScalingTable {
    /// The fewest tasks.
    #[schemars(range(min = 0, max = 5000))]
    pub min: u32,
    /// The most tasks.
    #[schemars(range(min = 1, max = 5000))]
    pub max: u32,
    /// How much of their CPU the tasks should use on average, in percent.
    pub cpu: Option<Tracking>,
    /// How much of their memory the tasks should use on average, in percent.
    pub memory: Option<Tracking>,
    /// How many requests each task should get in a minute; only behind a load balancer.
    pub requests_per_target: Option<Tracking>,
    /// What scaling leaves alone for now.
    #[serde(default)]
    pub suspend: Vec<Suspended>,
    /// Policies that an alarm sets off.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub step: IndexMap<String, StepPolicyTable>,
    /// Other limits from a moment on, once or again and again.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub schedule: IndexMap<String, ScheduleTable>,
}

/// Step scaling: an alarm on a metric, and what is done while it rings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepPolicyTable {
    /// The metric: the `cpu` or `memory` of the service, or any of CloudWatch's.
    pub metric: Metric,
    /// It rings at this value and above; a number, in quotes if it has a fraction.
    pub above: Option<Number>,
    /// It rings at this value and below; a number, in quotes if it has a fraction.
    pub below: Option<Number>,
    /// How many tasks come, or with a minus go, while it rings.
    pub by: Option<i32>,
    /// Instead of `by`: more the further the metric is past the value.
    #[serde(default)]
    pub steps: Vec<StepTable>,
    /// What `by` means.
    #[serde(default)]
    pub adjustment: Adjustment,
    /// The fewest tasks that a change in percent comes to.
    #[schemars(range(min = 1, max = 5000))]
    pub min_adjustment: Option<u32>,
    /// How the values of a period become one for the alarm.
    #[serde(default)]
    pub statistic: Statistic,
    /// How the values of a period become one for the policy.
    #[serde(default)]
    pub aggregation: Aggregation,
    /// Seconds of a period: 10, 20, 30 or a multiple of 60.
    #[serde(default = "minute")]
    #[schemars(range(min = 10, max = 86_400))]
    pub period: u32,
    /// Over how many periods the alarm looks.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1440))]
    pub evaluation_periods: u32,
    /// How many of those must be past the value; all of them unless said otherwise.
    #[schemars(range(min = 1, max = 1440))]
    pub datapoints_to_alarm: Option<u32>,
    /// What a period without values counts as.
    #[serde(default)]
    pub missing_data: MissingData,
    /// Seconds after one scaling before the next.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86_400))]
    pub cooldown: u32,
}

/// A metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Metric {
    /// What the service itself uses, in percent.
    Usage(UsageMetric),
    /// Any of CloudWatch's: `{ namespace = "AWS/SQS", name = "…", dimensions = { QueueName = "jobs" } }`.
    Any(MetricTable),
}

/// What a service uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UsageMetric {
    /// Its CPU.
    Cpu,
    /// Its memory.
    Memory,
}

/// A metric of CloudWatch.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricTable {
    /// The namespace, such as `AWS/SQS`.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Which of its values count.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
}

/// A number: TOML's own if it is whole, otherwise in quotes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Number {
    /// A whole number.
    Whole(i64),
    /// A number with a fraction: `"0.5"`.
    Decimal(String),
}

/// One step of several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepTable {
    /// How far past the value the step goes; the last one goes on for ever.
    pub to: Option<Number>,
    /// How many tasks come, or with a minus go.
    pub by: i32,
}

/// What an adjustment means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Adjustment {
    /// So many tasks more or fewer.
    #[default]
    Change,
    /// So many percent of the tasks more or fewer.
    Percent,
    /// Exactly so many tasks.
    Exact,
}

/// How the values of a period become one for an alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Their average.
    #[default]
    Average,
    /// The lowest.
    Minimum,
    /// The highest.
    Maximum,
    /// Their sum.
    Sum,
    /// How many there are.
    SampleCount,
}

/// How the values of a period become one for a policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// Their average.
    #[default]
    Average,
    /// The lowest.
    Minimum,
    /// The highest.
    Maximum,
}

/// What a period without values counts as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingData {
    /// As none: too many of them end in no decision.
    #[default]
    Missing,
    /// As one that is not past the value.
    NotBreaching,
    /// As one that is past the value.
    Breaching,
    /// As one that changes nothing.
    Ignore,
}

/// Other limits from a moment on. AWS keeps them until something else sets them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleTable {
    /// When: `cron(0 22 * * ? *)`, `rate(1 day)` or, once, `at(2026-12-01T08:00:00)`.
    pub when: String,
    /// The time zone, such as `Europe/Dublin`; UTC unless said otherwise.
    pub timezone: Option<String>,
    /// Not before this moment, in UTC.
    #[schemars(regex(pattern = MOMENT))]
    pub start: Option<String>,
    /// Not after this moment, in UTC.
    #[schemars(regex(pattern = MOMENT))]
    pub end: Option<String>,
    /// The fewest tasks from then on.
    #[schemars(range(min = 0, max = 5000))]
    pub min: Option<u32>,
    /// The most tasks from then on.
    #[schemars(range(min = 0, max = 5000))]
    pub max: Option<u32>,
}

/// The value at which target tracking keeps a metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Tracking {
    /// The value alone.
    Target(#[schemars(range(min = 1))] u32),
    /// The value, and how it is kept: `{ target = 60, scale_in_cooldown = 120 }`.
    Full(FullTracking),
}

/// The value at which target tracking keeps a metric, and how.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullTracking {
    /// The value.
    #[schemars(range(min = 1))]
    pub target: u32,
    /// Seconds after a scale-in before the next one.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86_400))]
    pub scale_in_cooldown: u32,
    /// Seconds after a scale-out before the next one.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 0, max = 86_400))]
    pub scale_out_cooldown: u32,
    /// Whether tasks are only ever added.
    #[serde(default)]
    pub disable_scale_in: bool,
    /// The name of the `[target_group.x]` whose requests count, where the service has several.
    pub group: Option<String>,
}

/// What scaling can leave alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Suspended {
    /// Policies take no task away.
    ScaleIn,
    /// Policies add no task.
    ScaleOut,
    /// Schedules change nothing.
    Schedule,
}

impl Tracking {
    /// The value, and how it is kept.
    pub(crate) fn full(&self) -> FullTracking {
        match self {
            Self::Target(target) => FullTracking {
                target: *target,
                scale_in_cooldown: five_minutes(),
                scale_out_cooldown: five_minutes(),
                disable_scale_in: false,
                group: None,
            },
            Self::Full(full) => full.clone(),
        }
    }
}

/// The shortest period of most metrics, in seconds.
const fn minute() -> u32 {
    60
}

const fn three() -> u32 {
    3
}

/// AWS's own cooldown for ECS services and for groups of instances, in seconds.
pub(super) const fn five_minutes() -> u32 {
    300
}
