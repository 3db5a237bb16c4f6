//! The table of what scales a service.
//!
//! Decides its keys, types, ranges and allowed values. Must not know which service it is.

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
    /// Other limits from a moment on, once or again and again.
    #[serde(default)]
    #[schemars(extend("propertyNames" = names(NAME)))]
    pub schedule: IndexMap<String, ScheduleTable>,
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

/// AWS's own cooldown for ECS services, in seconds.
const fn five_minutes() -> u32 {
    300
}
