//! The CloudWatch alarms that set off policies of step scaling.
//!
//! Decides how an alarm is put, found by the policy that is its action, and deleted. Putting one overwrites the whole of what was
//! there under its name, whoever made it. Must not know what a policy does.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, Dimension, MetricAlarm, Statistic};
use neap_core::kinds::StepAlarm;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::client::Aws;
use crate::ecs::{count, uncount};
use crate::error::{failed, refused};
use crate::found::if_gone;

const DESCRIBE: &str = "cloudwatch:DescribeAlarms";
const PUT: &str = "cloudwatch:PutMetricAlarm";

/// Puts an alarm whose action is the policy of this ARN.
pub(super) async fn put(aws: &Aws, alarm: &StepAlarm, policy: &str) -> Result<(), CallError> {
    let request = aws
        .alarms
        .put_metric_alarm()
        .alarm_name(&alarm.name)
        .actions_enabled(alarm.enabled)
        .alarm_actions(policy)
        .namespace(&alarm.namespace)
        .metric_name(&alarm.metric)
        .set_dimensions(Some(to_dimensions(&alarm.dimensions)))
        .statistic(Statistic::from(alarm.statistic.as_str()))
        .period(count(alarm.period_seconds))
        .evaluation_periods(count(alarm.evaluation_periods))
        .datapoints_to_alarm(count(alarm.datapoints_to_alarm))
        .threshold(alarm.threshold)
        .comparison_operator(ComparisonOperator::from(alarm.comparison.as_str()))
        .treat_missing_data(&alarm.missing_data);
    request.send().await.map(|_| ()).map_err(failed(PUT))
}

pub(super) async fn delete(aws: &Aws, name: &str) -> Result<(), CallError> {
    if_gone(
        aws.alarms.delete_alarms().alarm_names(name).send().await.map_err(failed("cloudwatch:DeleteAlarms")),
    )
}

/// Fails if an alarm has this name that does not scale the service `id`.
pub(super) async fn refuse_another(aws: &Aws, name: &str, id: &str) -> Result<(), CallError> {
    let request = aws.alarms.describe_alarms().alarm_names(name).alarm_types(AlarmType::MetricAlarm);
    let answer = request.send().await.map_err(failed(DESCRIBE))?;
    let scales = |alarm: &MetricAlarm| {
        alarm.alarm_actions().iter().any(|action| action.contains(&format!(":resource/ecs/{id}:")))
    };
    match answer.metric_alarms().iter().find(|alarm| !scales(alarm)) {
        Some(_) => {
            let message = format!("an alarm named `{name}` exists and does not scale `{id}`");
            Err(refused(ErrorKind::Conflict, PUT, message))
        }
        None => Ok(()),
    }
}

/// The alarm that sets off the policy of this ARN and has a name of the stack's, if there is one. Others may have put theirs
/// beside it.
pub(super) async fn of_policy(aws: &Aws, policy: &str, prefix: &str) -> Result<Option<StepAlarm>, CallError> {
    let request = aws.alarms.describe_alarms().action_prefix(policy).alarm_types(AlarmType::MetricAlarm);
    let answer = request.send().await.map_err(failed(DESCRIBE))?;
    let is_own = |alarm: &&MetricAlarm| alarm.alarm_name().is_some_and(|name| name.starts_with(prefix));
    Ok(answer.metric_alarms().iter().find(is_own).map(from_aws))
}

fn to_dimensions(dimensions: &BTreeMap<String, String>) -> Vec<Dimension> {
    let dimension = |(name, value): (&String, &String)| Dimension::builder().name(name).value(value).build();
    dimensions.iter().map(dimension).collect()
}

/// An alarm's fields. One on a percentile or on mathematics has a statistic that neap never writes.
fn from_aws(alarm: &MetricAlarm) -> StepAlarm {
    let dimension = |it: &Dimension| {
        (it.name().unwrap_or_default().to_owned(), it.value().unwrap_or_default().to_owned())
    };
    let statistic = alarm.statistic().map(Statistic::as_str).or(alarm.extended_statistic());
    let periods = alarm.evaluation_periods().map_or(0, uncount);
    StepAlarm {
        name: alarm.alarm_name().unwrap_or_default().to_owned(),
        namespace: alarm.namespace().unwrap_or_default().to_owned(),
        metric: alarm.metric_name().unwrap_or_default().to_owned(),
        dimensions: alarm.dimensions().iter().map(dimension).collect(),
        statistic: statistic.unwrap_or_default().to_owned(),
        period_seconds: alarm.period().map_or(0, uncount),
        evaluation_periods: periods,
        datapoints_to_alarm: alarm.datapoints_to_alarm().map_or(periods, uncount),
        threshold: alarm.threshold().unwrap_or_default(),
        comparison: alarm.comparison_operator().map_or("", ComparisonOperator::as_str).to_owned(),
        missing_data: alarm.treat_missing_data().unwrap_or("missing").to_owned(),
        enabled: alarm.actions_enabled().unwrap_or(true),
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::{KindOf, ScalableTarget};

    use super::*;

    fn example() -> StepAlarm {
        let target = ScalableTarget::example();
        target.step_scaling["busy"].alarm.clone().expect("an alarm")
    }

    #[test]
    fn an_alarm_reads_back_as_it_was_put() {
        let alarm = example();
        let live = MetricAlarm::builder()
            .alarm_name(&alarm.name)
            .actions_enabled(alarm.enabled)
            .namespace(&alarm.namespace)
            .metric_name(&alarm.metric)
            .set_dimensions(Some(to_dimensions(&alarm.dimensions)))
            .statistic(Statistic::from(alarm.statistic.as_str()))
            .period(count(alarm.period_seconds))
            .evaluation_periods(count(alarm.evaluation_periods))
            .datapoints_to_alarm(count(alarm.datapoints_to_alarm))
            .threshold(alarm.threshold)
            .comparison_operator(ComparisonOperator::from(alarm.comparison.as_str()))
            .treat_missing_data(&alarm.missing_data)
            .build();
        assert_eq!(from_aws(&live), alarm);
    }

    #[test]
    fn what_an_alarm_leaves_out_is_awss_default() {
        let live =
            MetricAlarm::builder().alarm_name("a").evaluation_periods(3).extended_statistic("p99").build();
        let fields = from_aws(&live);
        assert_eq!((fields.datapoints_to_alarm, fields.missing_data.as_str()), (3, "missing"));
        assert_eq!((fields.statistic.as_str(), fields.enabled), ("p99", true));
    }
}
