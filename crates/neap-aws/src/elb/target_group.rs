//! Target groups, their health checks and attributes.
//!
//! Decides which calls create and change one. Must not know who forwards to it.

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::{HealthCheck, Stickiness, TargetGroup};
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::describe::{self, Attributes};
use super::tags;
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{Tags, to_elb};

const CREATE: &str = "elasticloadbalancing:CreateTargetGroup";

const DELAY: &str = "deregistration_delay.timeout_seconds";
const SLOW_START: &str = "slow_start.duration_seconds";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const PRESERVE_CLIENT_IP: &str = "preserve_client_ip.enabled";
const PROXY_PROTOCOL: &str = "proxy_protocol_v2.enabled";
const CONNECTION_TERMINATION: &str = "deregistration_delay.connection_termination.enabled";
const STICKY: &str = "stickiness.enabled";
const STICKY_TYPE: &str = "stickiness.type";
const LB_COOKIE_SECONDS: &str = "stickiness.lb_cookie.duration_seconds";
const APP_COOKIE_SECONDS: &str = "stickiness.app_cookie.duration_seconds";
const APP_COOKIE_NAME: &str = "stickiness.app_cookie.cookie_name";

/// The attributes that a target group shall have. Where clients do not keep their target, how they would does not
/// matter.
fn attributes(group: &TargetGroup) -> Attributes {
    let mut attributes = vec![
        (DELAY, group.deregistration_delay_seconds.to_string()),
        (STICKY, group.stickiness.is_some().to_string()),
    ];
    attributes.extend(group.slow_start_seconds.map(|seconds| (SLOW_START, seconds.to_string())));
    attributes.extend(group.algorithm.clone().map(|algorithm| (ALGORITHM, algorithm)));
    // AWS keeps no switch of it for UDP.
    let preserve = group.preserve_client_ip.filter(|_| !speaks_udp(&group.protocol));
    attributes.extend(preserve.map(|on| (PRESERVE_CLIENT_IP, on.to_string())));
    attributes.extend(group.proxy_protocol.map(|on| (PROXY_PROTOCOL, on.to_string())));
    attributes.extend(group.connection_termination.map(|on| (CONNECTION_TERMINATION, on.to_string())));
    if let Some(stickiness) = &group.stickiness {
        let is_app = stickiness.cookie == "app_cookie";
        let seconds = if is_app { APP_COOKIE_SECONDS } else { LB_COOKIE_SECONDS };
        attributes.push((STICKY_TYPE, stickiness.cookie.clone()));
        attributes.extend(stickiness.duration_seconds.map(|duration| (seconds, duration.to_string())));
        if let Some(name) = &stickiness.cookie_name {
            attributes.push((APP_COOKIE_NAME, name.clone()));
        }
    }
    attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The attributes that AWS gives a new target group, as far as they are the same for all.
fn default_attributes() -> Attributes {
    let defaults = [
        (DELAY, "300"),
        (SLOW_START, "0"),
        (ALGORITHM, "round_robin"),
        (STICKY, "false"),
        (PROXY_PROTOCOL, "false"),
    ];
    defaults.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn number(attributes: &Attributes, key: &str, default: u32) -> u32 {
    attributes.get(key).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn read_stickiness(attributes: &Attributes) -> Option<Stickiness> {
    if attributes.get(STICKY).is_none_or(|value| value != "true") {
        return None;
    }
    let cookie = attributes.get(STICKY_TYPE).map_or("lb_cookie", String::as_str);
    let is_app = cookie == "app_cookie";
    let seconds = if is_app { APP_COOKIE_SECONDS } else { LB_COOKIE_SECONDS };
    let name = attributes.get(APP_COOKIE_NAME).filter(|name| is_app && !name.is_empty());
    Some(Stickiness {
        cookie: cookie.to_owned(),
        duration_seconds: (cookie != "source_ip").then(|| number(attributes, seconds, 86_400)),
        cookie_name: name.cloned(),
    })
}

fn read_health_check(group: &sdk::TargetGroup) -> HealthCheck {
    let seconds = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let matcher = group.matcher().and_then(|matcher| matcher.grpc_code().or(matcher.http_code()));
    let protocol = group.health_check_protocol().or(group.protocol());
    let protocol = protocol.map_or("HTTP", sdk::ProtocolEnum::as_str);
    // A connection asks for no path, whatever is shown.
    let asks = protocol != "TCP";
    HealthCheck {
        protocol: protocol.to_owned(),
        port: group.health_check_port().unwrap_or("traffic-port").to_owned(),
        path: group.health_check_path().filter(|_| asks).map(ToOwned::to_owned),
        matcher: matcher.filter(|_| asks).map(ToOwned::to_owned),
        interval_seconds: seconds(group.health_check_interval_seconds()),
        timeout_seconds: seconds(group.health_check_timeout_seconds()),
        healthy_threshold: seconds(group.healthy_threshold_count()),
        unhealthy_threshold: seconds(group.unhealthy_threshold_count()),
    }
}

/// What a target group's description and attributes say.
fn from_aws(group: &sdk::TargetGroup, attributes: &Attributes) -> TargetGroup {
    let port = group.port().and_then(|port| u16::try_from(port).ok());
    let protocol = group.protocol().map_or("HTTP", sdk::ProtocolEnum::as_str);
    let target_type = group.target_type().map_or("instance", sdk::TargetTypeEnum::as_str);
    let of_application = matches!(protocol, "HTTP" | "HTTPS");
    let switch = |key: &str, default: bool| {
        (!of_application).then(|| attributes.get(key).map_or(default, |value| value == "true"))
    };
    TargetGroup {
        name: group.target_group_name().unwrap_or_default().to_owned(),
        protocol: protocol.to_owned(),
        protocol_version: of_application.then(|| group.protocol_version().unwrap_or("HTTP1").to_owned()),
        port: port.unwrap_or_default(),
        vpc: group.vpc_id().unwrap_or_default().to_owned(),
        target_type: target_type.to_owned(),
        health_check: read_health_check(group),
        deregistration_delay_seconds: number(attributes, DELAY, 300),
        slow_start_seconds: of_application.then(|| number(attributes, SLOW_START, 0)),
        algorithm: of_application
            .then(|| attributes.get(ALGORITHM).map_or("round_robin", String::as_str).to_owned()),
        stickiness: read_stickiness(attributes),
        preserve_client_ip: switch(PRESERVE_CLIENT_IP, target_type == "instance" || speaks_udp(protocol)),
        proxy_protocol: switch(PROXY_PROTOCOL, false),
        connection_termination: switch(CONNECTION_TERMINATION, speaks_udp(protocol)),
    }
}

fn speaks_udp(protocol: &str) -> bool {
    matches!(protocol, "UDP" | "TCP_UDP")
}

/// The codes of a healthy answer: gRPC has codes of its own.
fn matcher(group: &TargetGroup) -> Option<sdk::Matcher> {
    let codes = group.health_check.matcher.as_ref()?;
    Some(if group.protocol_version.as_deref() == Some("GRPC") {
        sdk::Matcher::builder().grpc_code(codes).build()
    } else {
        sdk::Matcher::builder().http_code(codes).build()
    })
}

/// What CloudWatch calls the target group of this ARN: `targetgroup/NAME/ID`.
fn full_name(arn: &str) -> &str {
    arn.rsplit_once(':').map_or("", |(_, name)| name)
}

fn outputs_of(group: &sdk::TargetGroup) -> Outputs {
    let arn = group.target_group_arn().unwrap_or_default();
    outputs([
        ("arn", arn),
        ("name", group.target_group_name().unwrap_or_default()),
        ("full_name", full_name(arn)),
    ])
}

/// A live target group, at the address in its tags or else at `address`.
pub(super) fn live(
    address: &Address,
    group: &sdk::TargetGroup,
    attributes: &Attributes,
    tags: Tags,
) -> LiveResource {
    let arn = group.target_group_arn().unwrap_or_default();
    live_resource(address, arn, from_aws(group, attributes), tags, outputs_of(group), Phase::Ready)
}

/// Reads the target group that has the wanted name.
async fn find(aws: &Aws, wanted: &Wanted<'_, TargetGroup>) -> Result<Option<LiveResource>, CallError> {
    let Some(group) = describe::target_group_named(aws, &wanted.fields.name).await? else { return Ok(None) };
    let arn = group.target_group_arn().unwrap_or_default();
    let attributes = describe::target_group_attributes(aws, arn).await?;
    let mut tags = describe::tags_of(aws, &[arn.to_owned()]).await?;
    let tags = tags.remove(arn).unwrap_or_default();
    Ok(Some(live(&wanted_address(wanted)?, &group, &attributes, tags)))
}

async fn set_attributes(
    aws: &Aws,
    arn: &str,
    live: &Attributes,
    wanted: &Attributes,
) -> Result<(), CallError> {
    let differing = wanted.iter().filter(|(key, value)| live.get(*key) != Some(*value));
    let attribute = |(key, value)| sdk::TargetGroupAttribute::builder().key(key).value(value).build();
    let changed: Vec<_> = differing.map(attribute).collect();
    if !changed.is_empty() {
        let call = aws.elb.modify_target_group_attributes().target_group_arn(arn);
        let answer = call.set_attributes(Some(changed)).send().await;
        answer.map_err(failed("elasticloadbalancing:ModifyTargetGroupAttributes"))?;
    }
    Ok(())
}

/// A number of seconds or checks as the API takes it.
fn count(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

async fn set_health_check(aws: &Aws, arn: &str, group: &TargetGroup) -> Result<(), CallError> {
    let check = &group.health_check;
    let call = aws
        .elb
        .modify_target_group()
        .target_group_arn(arn)
        .health_check_protocol(check.protocol.as_str().into())
        .health_check_port(&check.port)
        .set_health_check_path(check.path.clone())
        .set_matcher(matcher(group))
        .health_check_interval_seconds(count(check.interval_seconds))
        .health_check_timeout_seconds(count(check.timeout_seconds))
        .healthy_threshold_count(count(check.healthy_threshold))
        .unhealthy_threshold_count(count(check.unhealthy_threshold));
    call.send().await.map_err(failed("elasticloadbalancing:ModifyTargetGroup"))?;
    Ok(())
}

impl Remote for TargetGroup {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let (fields, check) = (wanted.fields, &wanted.fields.health_check);
        let call = aws
            .elb
            .create_target_group()
            .name(&fields.name)
            .protocol(fields.protocol.as_str().into())
            .set_protocol_version(fields.protocol_version.clone())
            .port(i32::from(fields.port))
            .vpc_id(&fields.vpc)
            .target_type(fields.target_type.as_str().into())
            .health_check_protocol(check.protocol.as_str().into())
            .health_check_port(&check.port)
            .set_health_check_path(check.path.clone())
            .set_matcher(matcher(fields))
            .health_check_interval_seconds(count(check.interval_seconds))
            .health_check_timeout_seconds(count(check.timeout_seconds))
            .healthy_threshold_count(count(check.healthy_threshold))
            .unhealthy_threshold_count(count(check.unhealthy_threshold))
            .set_tags(Some(to_elb(&wanted.all_tags())));
        let answer = match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::Conflict => {
                return adopt(aws, wanted, find(aws, wanted).await?, error).await;
            }
            Err(error) => return Err(error),
        };
        let group = answer.target_groups().first().ok_or_else(|| incomplete(CREATE, "TargetGroups"))?;
        let arn = group.target_group_arn().ok_or_else(|| incomplete(CREATE, "TargetGroupArn"))?;
        let set = set_attributes(aws, arn, &default_attributes(), &attributes(fields)).await;
        set.map_err(not_visible_yet)?;
        Ok(outputs_of(group))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let arn = held.live.id.as_str();
        if held.fields.health_check != wanted.fields.health_check {
            set_health_check(aws, arn, wanted.fields).await?;
        }
        set_attributes(aws, arn, &attributes(held.fields), &attributes(wanted.fields)).await?;
        tags::apply(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let answer = aws.elb.delete_target_group().target_group_arn(&held.live.id).send().await;
        if_gone(answer.map_err(failed("elasticloadbalancing:DeleteTargetGroup")))
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

    /// What AWS would show of `group`.
    fn shown(group: &TargetGroup) -> sdk::TargetGroup {
        let check = &group.health_check;
        sdk::TargetGroup::builder()
            .target_group_arn("arn:tg")
            .target_group_name(&group.name)
            .protocol(group.protocol.as_str().into())
            .set_protocol_version(group.protocol_version.clone())
            .port(i32::from(group.port))
            .vpc_id(&group.vpc)
            .target_type(group.target_type.as_str().into())
            .health_check_enabled(true)
            .health_check_protocol(check.protocol.as_str().into())
            .health_check_port(&check.port)
            .set_health_check_path(check.path.clone())
            .set_matcher(matcher(group))
            .health_check_interval_seconds(count(check.interval_seconds))
            .health_check_timeout_seconds(count(check.timeout_seconds))
            .healthy_threshold_count(count(check.healthy_threshold))
            .unhealthy_threshold_count(count(check.unhealthy_threshold))
            .build()
    }

    fn check(group: &TargetGroup) {
        assert_eq!(from_aws(&shown(group), &attributes(group)), *group);
    }

    fn sticky(cookie: &str, cookie_name: Option<&str>) -> TargetGroup {
        let cookie_name = cookie_name.map(ToOwned::to_owned);
        let stickiness = Stickiness { cookie: cookie.into(), duration_seconds: Some(60), cookie_name };
        TargetGroup { stickiness: Some(stickiness), ..TargetGroup::example() }
    }

    #[test]
    fn a_target_group_reads_back_as_it_was_asked_for() {
        let example = TargetGroup::example();
        check(&TargetGroup {
            stickiness: None,
            algorithm: Some("weighted_random".into()),
            ..example.clone()
        });
        check(&TargetGroup {
            slow_start_seconds: Some(30),
            target_type: "instance".into(),
            ..example.clone()
        });
        check(&TargetGroup { protocol_version: Some("GRPC".into()), ..example.clone() });
        check(&TargetGroup::example_of_tcp());
        let preserve_client_ip = Some(true);
        check(&TargetGroup { protocol: "UDP".into(), preserve_client_ip, ..TargetGroup::example_of_tcp() });
        check(&example);
        check(&sticky("lb_cookie", None));
        check(&sticky("app_cookie", Some("session")));
    }

    #[test]
    fn a_grpc_group_is_matched_by_grpc_codes() {
        let group = TargetGroup { protocol_version: Some("GRPC".into()), ..TargetGroup::example() };
        let matcher = matcher(&group).expect("a matcher");
        assert_eq!(matcher.grpc_code(), Some("200"));
        assert_eq!(matcher.http_code(), None);
    }

    #[test]
    fn stickiness_that_is_off_is_none_whatever_its_settings() {
        let mut attributes = attributes(&sticky("lb_cookie", None));
        attributes.insert(STICKY.to_owned(), "false".to_owned());
        assert_eq!(read_stickiness(&attributes), None);
    }

    #[test]
    fn a_group_like_awss_default_needs_no_attributes() {
        let group =
            TargetGroup { stickiness: None, deregistration_delay_seconds: 300, ..TargetGroup::example() };
        let defaults = default_attributes();
        for (key, value) in attributes(&group) {
            assert_eq!(defaults.get(&key), Some(&value), "{key}");
        }
    }

    #[test]
    fn missing_attributes_are_awss_defaults() {
        let group = from_aws(&shown(&TargetGroup::example()), &Attributes::new());
        assert_eq!(group.deregistration_delay_seconds, 300);
        assert_eq!(group.algorithm.as_deref(), Some("round_robin"));
        assert_eq!(group.stickiness, None);
    }
}
