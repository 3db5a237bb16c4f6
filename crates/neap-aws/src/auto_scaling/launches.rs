//! Attempts of a group to launch instances: whether the last one failed, and why.
//!
//! Decides which of a group's scaling activities are attempts, and which of them say something of what is wanted now. Must not
//! know what a reason means.

use std::collections::HashSet;

use aws_sdk_autoscaling::types as sdk;
use neap_engine::cloud::CallError;

use crate::client::Aws;
use crate::error::failed;

const DESCRIBE: &str = "autoscaling:DescribeScalingActivities";
/// What the descriptions of attempts begin with ("Verify a scaling activity for an Auto Scaling group").
const LAUNCHING: &str = "Launching";
/// How many activities are looked at: the newest come first.
const NEWEST: i32 = 20;

/// The activities of a group that are attempts to launch an instance, the newest first.
pub(super) async fn attempts(aws: &Aws, group: &str) -> Result<Vec<sdk::Activity>, CallError> {
    let call = aws.scaling.describe_scaling_activities().auto_scaling_group_name(group).max_records(NEWEST);
    let answer = call.send().await.map_err(failed(DESCRIBE))?;
    let mut attempts = answer.activities.unwrap_or_default();
    attempts.retain(|activity| activity.description().is_some_and(|text| text.starts_with(LAUNCHING)));
    Ok(attempts)
}

/// The last attempt that has ended, if it failed, and AWS's reason.
pub(super) fn failure(attempts: &[sdk::Activity]) -> Option<(&sdk::Activity, &str)> {
    use sdk::ScalingActivityStatusCode::{Failed, Successful};
    let ended = |activity: &&sdk::Activity| matches!(activity.status_code(), Some(Failed | Successful));
    let last = attempts.iter().find(ended).filter(|last| last.status_code() == Some(&Failed))?;
    Some((last, last.status_message().unwrap_or("AWS gives no reason")))
}

/// The ids of attempts.
pub(super) fn ids(attempts: &[sdk::Activity]) -> HashSet<String> {
    attempts.iter().filter_map(sdk::Activity::activity_id).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(id: &str, code: sdk::ScalingActivityStatusCode) -> sdk::Activity {
        let activity = sdk::Activity::builder().activity_id(id).status_code(code);
        activity.description("Launching a new EC2 instance").status_message("no room").build()
    }

    #[test]
    fn the_last_attempt_that_has_ended_counts() {
        use sdk::ScalingActivityStatusCode::{Failed, InProgress, Successful};
        let told = |attempts: &[sdk::Activity]| {
            failure(attempts)
                .map(|(last, why)| (last.activity_id().unwrap_or_default().to_owned(), why.to_owned()))
        };
        let expected = Some(("2".to_owned(), "no room".to_owned()));
        assert_eq!(
            told(&[attempt("3", InProgress), attempt("2", Failed), attempt("1", Successful)]),
            expected
        );
        assert_eq!(told(&[attempt("2", Successful), attempt("1", Failed)]), None);
        assert_eq!(told(&[]), None);
    }
}
