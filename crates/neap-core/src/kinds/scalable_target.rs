//! A scalable target of Application Auto Scaling: the service that is scaled, and everything that scales it (reference section
//! 3.18). Its policies take no tags and go with it, so they are part of it, as its rules are of a security group.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, Serializer};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// What lets Application Auto Scaling set how many tasks of an ECS service run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalableTarget {
    /// The service's ARN.
    pub service: String,
    /// The fewest tasks.
    pub min: u32,
    /// The most tasks.
    pub max: u32,
    /// What scaling leaves alone for now: `scale_in`, `scale_out`, `schedule`.
    pub suspended: BTreeSet<String>,
    /// The policies that keep a metric at a value, by name.
    pub target_tracking: BTreeMap<String, TargetTracking>,
    /// The policies that an alarm sets off, by name.
    pub step_scaling: BTreeMap<String, StepScaling>,
    /// What changes the limits when its time comes, by name.
    pub scheduled_actions: BTreeMap<String, ScheduledAction>,
}

/// A policy that an alarm sets off. What it does depends on how far the metric is past the alarm's threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepScaling {
    /// What an adjustment means, in AWS's words: `ChangeInCapacity`, `PercentChangeInCapacity` or `ExactCapacity`.
    pub adjustment_type: String,
    /// The steps, by their bounds: together they cover one side of the threshold.
    pub steps: Vec<Step>,
    /// Seconds after one scaling before the next.
    pub cooldown: u32,
    /// How the values of a period become one: `Average`, `Minimum` or `Maximum`.
    pub aggregation: String,
    /// The fewest tasks that a change in percent comes to.
    pub min_adjustment: Option<u32>,
    /// What sets it off. A live policy may have lost it.
    pub alarm: Option<StepAlarm>,
}

/// One step: what is done while the metric is so far past the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From this difference to the threshold; none for no bound.
    #[serde(serialize_with = "optional_number")]
    pub lower: Option<f64>,
    /// Up to this difference; none for no bound.
    #[serde(serialize_with = "optional_number")]
    pub upper: Option<f64>,
    /// How many tasks, or percent of them, come or go; or how many there are.
    pub adjustment: i32,
}

/// The CloudWatch alarm that sets off a policy of step scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepAlarm {
    /// Its name, unique in account and region.
    pub name: String,
    /// The namespace of the metric.
    pub namespace: String,
    /// The metric.
    pub metric: String,
    /// Which of the metric's values count.
    pub dimensions: BTreeMap<String, String>,
    /// How the values of a period become one, in AWS's words.
    pub statistic: String,
    /// The length of a period.
    pub period_seconds: u32,
    /// Over how many periods it looks.
    pub evaluation_periods: u32,
    /// How many of those must be past the threshold.
    pub datapoints_to_alarm: u32,
    /// The threshold.
    #[serde(serialize_with = "number")]
    pub threshold: f64,
    /// Which side of it is past, in AWS's words.
    pub comparison: String,
    /// What a period without values counts as: `missing`, `notBreaching`, `breaching` or `ignore`.
    pub missing_data: String,
    /// Whether it sets anything off.
    pub enabled: bool,
}

impl StepScaling {
    /// Whether the alarm of this name sets it off.
    #[must_use]
    pub fn rings_by(&self, name: &str) -> bool {
        self.alarm.as_ref().is_some_and(|alarm| alarm.name == name)
    }
}

impl StepAlarm {
    /// The comparison of an alarm for what is above.
    pub const ABOVE: &str = "GreaterThanOrEqualToThreshold";
    /// The comparison of an alarm for what is below.
    pub const BELOW: &str = "LessThanOrEqualToThreshold";
}

/// Other limits from a moment on, once or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledAction {
    /// When: `at(2026-12-01T08:00:00)`, `rate(1 day)` or `cron(0 22 * * ? *)`.
    pub schedule: String,
    /// The IANA time zone of the schedule.
    pub timezone: String,
    /// Not before this moment, in UTC.
    pub start: Option<String>,
    /// Not after this moment, in UTC.
    pub end: Option<String>,
    /// The fewest tasks from then on; none to leave the number as it is.
    pub min: Option<u32>,
    /// The most tasks from then on; none to leave the number as it is.
    pub max: Option<u32>,
}

impl ScheduledAction {
    /// The time zone of schedules that name none.
    pub const UTC: &str = "UTC";

    /// Whether its time comes only once.
    #[must_use]
    pub fn is_once(&self) -> bool {
        self.schedule.starts_with("at(")
    }
}

/// A policy that keeps a metric at a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetTracking {
    /// The predefined metric, in AWS's words. A policy that neap cannot write has one that AWS does not know.
    pub metric: String,
    /// Whose requests count: `app/NAME/ID/targetgroup/NAME/ID`, for requests per target alone.
    pub resource_label: Option<String>,
    /// The value: percent, or requests a minute.
    #[serde(serialize_with = "number")]
    pub target: f64,
    /// Seconds after a scale-in before the next one.
    pub scale_in_cooldown: u32,
    /// Seconds after a scale-out before the next one.
    pub scale_out_cooldown: u32,
    /// Whether the policy only ever adds tasks.
    pub disable_scale_in: bool,
}

impl ScalableTarget {
    /// The predefined metric of the CPU that a service's tasks use, in percent of what they have.
    pub const CPU: &str = "ECSServiceAverageCPUUtilization";
    /// The same of memory.
    pub const MEMORY: &str = "ECSServiceAverageMemoryUtilization";
    /// The predefined metric of the requests that each target of a load balancer gets in a minute.
    pub const REQUESTS: &str = "ALBRequestCountPerTarget";

    /// What Application Auto Scaling calls the service of this ARN: `service/CLUSTER/NAME`.
    #[must_use]
    pub fn resource_id(service: &str) -> String {
        service.split_once(":service/").map_or_else(String::new, |(_, rest)| format!("service/{rest}"))
    }
}

/// A number without a fraction as the whole number that people write.
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Beyond these, neighbouring whole numbers are one.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and fits")]
        let whole = *value as i64;
        serializer.serialize_i64(whole)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// The same of a number that may be missing. Serde hands it over by reference.
#[expect(clippy::ref_option, reason = "serde asks so")]
fn optional_number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, serializer),
        None => serializer.serialize_none(),
    }
}

impl KindOf for ScalableTarget {
    const KIND: Kind = Kind::ScalableTarget;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["service"],
        ignore_unset: &[],
        unordered: &["suspended"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    /// An alarm scales one service: under its name, which is unique in account and region, that of another cannot be put.
    fn excludes(&self, wanted: &Self) -> bool {
        let rings = |alarm: &StepAlarm| self.step_scaling.values().any(|policy| policy.rings_by(&alarm.name));
        wanted.step_scaling.values().filter_map(|policy| policy.alarm.as_ref()).any(rings)
    }

    fn example() -> Self {
        let requests = TargetTracking {
            metric: Self::REQUESTS.into(),
            resource_label: Some(
                "app/course-public/0123456789abcdef/targetgroup/course-api/fedcba9876543210".into(),
            ),
            target: 1000.0,
            scale_in_cooldown: 300,
            scale_out_cooldown: 60,
            disable_scale_in: false,
        };
        let cpu = TargetTracking {
            metric: Self::CPU.into(),
            resource_label: None,
            target: 62.5,
            disable_scale_in: true,
            ..requests.clone()
        };
        let night = ScheduledAction {
            schedule: "cron(0 22 * * ? *)".into(),
            timezone: "Europe/Dublin".into(),
            start: Some("2026-12-01T08:00:00Z".into()),
            end: Some("2027-01-31T08:00:00Z".into()),
            min: Some(0),
            max: Some(2),
        };
        let busy = StepScaling {
            adjustment_type: "ChangeInCapacity".into(),
            steps: vec![
                Step { lower: Some(0.0), upper: Some(10.5), adjustment: 1 },
                Step { lower: Some(10.5), upper: None, adjustment: 3 },
            ],
            cooldown: 300,
            aggregation: "Average".into(),
            min_adjustment: Some(1),
            alarm: Some(StepAlarm {
                name: "course-api-busy".into(),
                namespace: "AWS/ECS".into(),
                metric: "CPUUtilization".into(),
                dimensions: [
                    ("ClusterName".into(), "course-main".into()),
                    ("ServiceName".into(), "course-api".into()),
                ]
                .into(),
                statistic: "Average".into(),
                period_seconds: 60,
                evaluation_periods: 3,
                datapoints_to_alarm: 2,
                threshold: 80.0,
                comparison: StepAlarm::ABOVE.into(),
                missing_data: "missing".into(),
                enabled: true,
            }),
        };
        Self {
            service: "arn:aws:ecs:eu-west-1:123456789012:service/course-main/course-api".into(),
            min: 1,
            max: 6,
            suspended: ["scale_in".into()].into(),
            target_tracking: [("cpu".into(), cpu), ("requests_per_target".into(), requests)].into(),
            step_scaling: [("busy".into(), busy)].into(),
            scheduled_actions: [("night".into(), night)].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_fraction_is_a_whole_number() {
        let fields = serde_json::to_value(ScalableTarget::example()).expect("it serialises");
        assert_eq!(fields["target_tracking"]["requests_per_target"]["target"].to_string(), "1000");
        assert_eq!(fields["target_tracking"]["cpu"]["target"].to_string(), "62.5");
    }

    #[test]
    fn two_cannot_have_an_alarm_of_one_name() {
        let live = ScalableTarget::example();
        let mut other = ScalableTarget { service: "arn:other".into(), ..live.clone() };
        assert!(live.excludes(&other));
        other.step_scaling.get_mut("busy").and_then(|policy| policy.alarm.as_mut()).expect("an alarm").name =
            "another".into();
        assert!(!live.excludes(&other));
        assert!(!live.excludes(&ScalableTarget { step_scaling: BTreeMap::new(), ..other }));
    }

    #[test]
    fn a_service_is_called_by_its_cluster_and_name() {
        let target = ScalableTarget::example();
        assert_eq!(ScalableTarget::resource_id(&target.service), "service/course-main/course-api");
        assert_eq!(ScalableTarget::resource_id("api"), "");
    }
}
