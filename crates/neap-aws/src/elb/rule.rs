//! Rules of listeners.
//!
//! Decides which calls create and change one. Must not know which priorities are free.

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::{Action, Rule};
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::{action, condition, describe, tags};
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{Tags, to_elb};

const CREATE: &str = "elasticloadbalancing:CreateRule";
const MODIFY: &str = "elasticloadbalancing:ModifyRule";

/// What a rule's description says. What a stack file cannot say makes the action one of another kind, so that a
/// plan shows the difference.
fn from_aws(listener: &str, rule: &sdk::Rule) -> Rule {
    let (conditions, mut others) = condition::from_aws(rule.conditions());
    if !rule.transforms().is_empty() {
        others.push("a rewrite of the request".to_owned());
    }
    let action = if others.is_empty() {
        action::from_aws(rule.actions())
    } else {
        let description = format!("{}, with {}", action::describe(rule.actions()), others.join(" and "));
        Action::Other { description }
    };
    Rule { listener: listener.to_owned(), priority: priority(rule).unwrap_or_default(), conditions, action }
}

/// The rule's priority; none for a default rule.
pub(super) fn priority(rule: &sdk::Rule) -> Option<u32> {
    rule.priority()?.parse().ok()
}

/// A live rule of `listener`, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, listener: &str, rule: &sdk::Rule, tags: Tags) -> LiveResource {
    let arn = rule.rule_arn().unwrap_or_default();
    live_resource(address, arn, from_aws(listener, rule), tags, outputs([("arn", arn)]), Phase::Ready)
}

/// Reads the rule that has the wanted priority.
async fn find(aws: &Aws, wanted: &Wanted<'_, Rule>) -> Result<Option<LiveResource>, CallError> {
    let listener = wanted.fields.listener.as_str();
    let rules = describe::rules(aws, listener).await?;
    let Some(rule) = rules.iter().find(|rule| priority(rule) == Some(wanted.fields.priority)) else {
        return Ok(None);
    };
    let arn = rule.rule_arn().unwrap_or_default();
    let mut tags = describe::tags_of(aws, &[arn.to_owned()]).await?;
    let tags = tags.remove(arn).unwrap_or_default();
    Ok(Some(live(&wanted_address(wanted)?, listener, rule, tags)))
}

/// Changes what differs, in one call. Lists are replaced as a whole.
async fn modify(aws: &Aws, arn: &str, old: &Rule, new: &Rule) -> Result<(), CallError> {
    let was_other = matches!(old.action, Action::Other { .. });
    let mut call = aws.elb.modify_rule().rule_arn(arn);
    if old.action != new.action {
        call = call.actions(action::to_aws(&new.action, MODIFY)?);
    }
    // Conditions and transforms that neap has no word for are replaced along with the action that stands for them.
    if was_other || old.conditions != new.conditions {
        call = call.set_conditions(Some(condition::to_aws(&new.conditions)));
    }
    if was_other {
        call = call.reset_transforms(true);
    }
    call.send().await.map_err(failed(MODIFY))?;
    Ok(())
}

impl Remote for Rule {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let call = aws
            .elb
            .create_rule()
            .listener_arn(&fields.listener)
            .priority(i32::try_from(fields.priority).unwrap_or(i32::MAX))
            .set_conditions(Some(condition::to_aws(&fields.conditions)))
            .actions(action::to_aws(&fields.action, CREATE)?)
            .set_tags(Some(to_elb(&wanted.all_tags())));
        match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => {
                let rule = answer.rules().first().and_then(|rule| rule.rule_arn());
                Ok(outputs([("arn", rule.ok_or_else(|| incomplete(CREATE, "RuleArn"))?)]))
            }
            Err(error) if error.kind == ErrorKind::Conflict => {
                adopt(aws, wanted, find(aws, wanted).await?, error).await
            }
            Err(error) => Err(not_visible_yet(error)),
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let arn = held.live.id.as_str();
        if held.fields.action != wanted.fields.action || held.fields.conditions != wanted.fields.conditions {
            modify(aws, arn, held.fields, wanted.fields).await?;
        }
        tags::apply(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let answer = aws.elb.delete_rule().rule_arn(&held.live.id).send().await;
        if_gone(answer.map_err(failed("elasticloadbalancing:DeleteRule")))
    }

    async fn ready(
        _aws: &Aws,
        _wanted: &Wanted<'_, Self>,
        _outputs: &Outputs,
    ) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn gone(_aws: &Aws, _held: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    /// What AWS would show of `rule`.
    fn shown(rule: &Rule) -> sdk::Rule {
        sdk::Rule::builder()
            .rule_arn("arn:rule")
            .priority(rule.priority.to_string())
            .set_conditions(Some(condition::to_aws(&rule.conditions)))
            .actions(action::to_aws(&rule.action, CREATE).expect("an action a stack can ask for"))
            .is_default(false)
            .build()
    }

    fn check_other(mut change: impl FnMut(&mut sdk::Rule), expected: &str) {
        let mut rule = shown(&Rule::example());
        change(&mut rule);
        let description = expected.to_owned();
        assert_eq!(from_aws("arn:listener", &rule).action, Action::Other { description });
    }

    #[test]
    fn a_rule_reads_back_as_it_was_asked_for() {
        let example = Rule::example();
        assert_eq!(from_aws(&example.listener, &shown(&example)), example);
    }

    #[test]
    fn what_a_stack_file_cannot_say_shows_in_the_action() {
        let weather = sdk::RuleCondition::builder().field("weather").values("rain").build();
        let transform = sdk::RuleTransform::builder().r#type(sdk::TransformTypeEnum::UrlRewrite).build();
        check_other(
            |rule| rule.conditions.get_or_insert_default().push(weather.clone()),
            "forward, with a condition on weather",
        );
        check_other(
            |rule| rule.transforms = Some(vec![transform.clone()]),
            "forward, with a rewrite of the request",
        );
    }

    #[test]
    fn a_default_rule_has_no_priority() {
        assert_eq!(priority(&sdk::Rule::builder().priority("default").build()), None);
        assert_eq!(priority(&sdk::Rule::builder().priority("7").build()), Some(7));
    }
}
