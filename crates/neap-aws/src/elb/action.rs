//! What a listener or rule does with a request: between neap's words and the API's.
//!
//! Decides how an action is written and what AWS's answers mean. Must not make calls.

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::kinds::{Action, WeightedGroup};
use neap_engine::cloud::{CallError, ErrorKind};

use crate::error::refused;

/// The action as the API takes it, for `operation`.
pub(super) fn to_aws(action: &Action, operation: &str) -> Result<sdk::Action, CallError> {
    Ok(match action {
        Action::Forward { target_groups, stickiness_seconds } => forward(target_groups, *stickiness_seconds),
        Action::Redirect { protocol, host, port, path, query, status } => {
            let config = sdk::RedirectActionConfig::builder()
                .protocol(protocol)
                .host(host)
                .port(port)
                .path(path)
                .query(query)
                .status_code(format!("HTTP_{status}").as_str().into())
                .build();
            sdk::Action::builder().r#type(sdk::ActionTypeEnum::Redirect).redirect_config(config).build()
        }
        Action::FixedResponse { status, content_type, body } => {
            let config = sdk::FixedResponseActionConfig::builder()
                .status_code(status.to_string())
                .content_type(content_type)
                .set_message_body((!body.is_empty()).then(|| body.clone()))
                .build();
            let action = sdk::Action::builder().r#type(sdk::ActionTypeEnum::FixedResponse);
            action.fixed_response_config(config).build()
        }
        Action::Other { description } => {
            let message = format!("neap cannot ask for this action: {description}");
            return Err(refused(ErrorKind::Invalid, operation, message));
        }
    })
}

/// One group alone goes by its ARN, which every load balancer and emulator understands.
fn forward(groups: &[WeightedGroup], stickiness_seconds: Option<u32>) -> sdk::Action {
    let action = sdk::Action::builder().r#type(sdk::ActionTypeEnum::Forward);
    if let ([only], None) = (groups, stickiness_seconds) {
        return action.target_group_arn(&only.target_group).build();
    }
    let tuple = |group: &WeightedGroup| {
        let weight = i32::try_from(group.weight).unwrap_or(i32::MAX);
        sdk::TargetGroupTuple::builder().target_group_arn(&group.target_group).weight(weight).build()
    };
    let stickiness = stickiness_seconds.map(|seconds| {
        let seconds = i32::try_from(seconds).unwrap_or(i32::MAX);
        sdk::TargetGroupStickinessConfig::builder().enabled(true).duration_seconds(seconds).build()
    });
    let config = sdk::ForwardActionConfig::builder()
        .set_target_groups(Some(groups.iter().map(tuple).collect()))
        .set_target_group_stickiness_config(stickiness)
        .build();
    action.forward_config(config).build()
}

/// What AWS's actions mean.
pub(super) fn from_aws(actions: &[sdk::Action]) -> Action {
    let [action] = actions else { return Action::Other { description: describe(actions) } };
    let read = match action.r#type() {
        Some(sdk::ActionTypeEnum::Forward) => read_forward(action),
        Some(sdk::ActionTypeEnum::Redirect) => action.redirect_config().and_then(read_redirect),
        Some(sdk::ActionTypeEnum::FixedResponse) => {
            action.fixed_response_config().and_then(read_fixed_response)
        }
        _ => None,
    };
    read.unwrap_or_else(|| Action::Other { description: describe(actions) })
}

/// The types of several actions, in their order, for people.
pub(super) fn describe(actions: &[sdk::Action]) -> String {
    let mut ordered: Vec<&sdk::Action> = actions.iter().collect();
    ordered.sort_by_key(|action| action.order().unwrap_or_default());
    let name =
        |action: &sdk::Action| action.r#type().map_or("nothing", sdk::ActionTypeEnum::as_str).to_owned();
    ordered.into_iter().map(name).collect::<Vec<_>>().join(", then ")
}

/// A forward to one group is told as an ARN, as a list of one, or as both.
fn read_forward(action: &sdk::Action) -> Option<Action> {
    let config = action.forward_config();
    let tuples = config.map_or(&[][..], sdk::ForwardActionConfig::target_groups);
    let group = |tuple: &sdk::TargetGroupTuple| {
        let weight = tuple.weight().map_or(1, |weight| u32::try_from(weight).unwrap_or_default());
        Some(WeightedGroup { target_group: tuple.target_group_arn()?.to_owned(), weight })
    };
    let mut target_groups: Vec<WeightedGroup> = tuples.iter().filter_map(group).collect();
    if target_groups.is_empty() {
        let target_group = action.target_group_arn()?.to_owned();
        target_groups.push(WeightedGroup { target_group, weight: 1 });
    }
    if let [only] = target_groups.as_mut_slice() {
        only.weight = 1;
    }
    let stickiness = config.and_then(|config| config.target_group_stickiness_config());
    let stickiness = stickiness.filter(|stickiness| stickiness.enabled() == Some(true));
    let seconds = stickiness.and_then(|stickiness| stickiness.duration_seconds());
    let stickiness_seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    Some(Action::Forward { target_groups, stickiness_seconds })
}

fn read_redirect(config: &sdk::RedirectActionConfig) -> Option<Action> {
    let text = |value: Option<&str>, default: &str| value.unwrap_or(default).to_owned();
    Some(Action::Redirect {
        protocol: text(config.protocol(), "#{protocol}"),
        host: text(config.host(), "#{host}"),
        port: text(config.port(), "#{port}"),
        path: text(config.path(), "/#{path}"),
        query: text(config.query(), "#{query}"),
        status: config.status_code()?.as_str().strip_prefix("HTTP_")?.parse().ok()?,
    })
}

fn read_fixed_response(config: &sdk::FixedResponseActionConfig) -> Option<Action> {
    Some(Action::FixedResponse {
        status: config.status_code()?.parse().ok()?,
        content_type: config.content_type().unwrap_or("text/plain").to_owned(),
        body: config.message_body().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(action: &Action) {
        let sent = to_aws(action, "test").expect("an action that a stack can ask for");
        assert_eq!(from_aws(&[sent]), *action);
    }

    fn group(arn: &str, weight: u32) -> WeightedGroup {
        WeightedGroup { target_group: arn.into(), weight }
    }

    fn redirect(path: &str, status: u16) -> Action {
        Action::Redirect {
            protocol: "HTTPS".into(),
            host: "#{host}".into(),
            port: "443".into(),
            path: path.into(),
            query: "#{query}".into(),
            status,
        }
    }

    #[test]
    fn every_action_reads_back_as_it_was_sent() {
        check(&Action::Forward { target_groups: vec![group("a", 1)], stickiness_seconds: None });
        check(&Action::Forward { target_groups: vec![group("a", 1)], stickiness_seconds: Some(60) });
        check(&Action::Forward {
            target_groups: vec![group("a", 9), group("b", 0)],
            stickiness_seconds: Some(3600),
        });
        check(&redirect("/#{path}", 301));
        check(&redirect("/new", 302));
        let body = || "gone".to_owned();
        check(&Action::FixedResponse { status: 404, content_type: "text/plain".into(), body: body() });
        check(&Action::FixedResponse { status: 200, content_type: "text/html".into(), body: String::new() });
    }

    #[test]
    fn a_forward_told_in_both_ways_is_one_group() {
        let tuple = sdk::TargetGroupTuple::builder().target_group_arn("a").weight(5).build();
        let sticky = sdk::TargetGroupStickinessConfig::builder().enabled(false).duration_seconds(9).build();
        let config = sdk::ForwardActionConfig::builder()
            .target_groups(tuple)
            .target_group_stickiness_config(sticky)
            .build();
        let action = sdk::Action::builder()
            .r#type(sdk::ActionTypeEnum::Forward)
            .target_group_arn("a")
            .forward_config(config)
            .order(1)
            .build();
        let expected = Action::Forward { target_groups: vec![group("a", 1)], stickiness_seconds: None };
        assert_eq!(from_aws(&[action]), expected);
    }

    #[test]
    fn a_redirect_without_parts_keeps_the_requests_own() {
        let config = sdk::RedirectActionConfig::builder()
            .port("8443")
            .status_code(sdk::RedirectActionStatusCodeEnum::Http301)
            .build();
        let action = sdk::Action::builder().r#type(sdk::ActionTypeEnum::Redirect).redirect_config(config);
        let expected = Action::Redirect {
            protocol: "#{protocol}".into(),
            host: "#{host}".into(),
            port: "8443".into(),
            path: "/#{path}".into(),
            query: "#{query}".into(),
            status: 301,
        };
        assert_eq!(from_aws(&[action.build()]), expected);
    }

    #[test]
    fn an_action_without_a_word_is_named_and_never_sent() {
        let forward =
            sdk::Action::builder().r#type(sdk::ActionTypeEnum::Forward).target_group_arn("a").order(2);
        let login = sdk::Action::builder().r#type(sdk::ActionTypeEnum::AuthenticateOidc).order(1);
        let read = from_aws(&[forward.build(), login.build()]);
        assert_eq!(read, Action::Other { description: "authenticate-oidc, then forward".into() });
        let error = to_aws(&read, "elasticloadbalancing:ModifyRule").expect_err("no such request");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(error.operation, "elasticloadbalancing:ModifyRule");
    }
}
