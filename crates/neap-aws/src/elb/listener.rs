//! Listeners of load balancers.
//!
//! Decides which calls create and change one. Must not know its rules.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::address::Address;
use neap_core::kinds::Listener;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_core::ownership::Owned;
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::{action, describe, tags};
use crate::adopt::{adopt, live_resource, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, perhaps_issued};
use crate::found::if_gone;
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{Tags, to_elb};

const CREATE: &str = "elasticloadbalancing:CreateListener";
const MODIFY: &str = "elasticloadbalancing:ModifyListener";

/// The output that holds the ARN of the rule that does what a listener does by default.
pub(super) const DEFAULT_RULE: &str = "default_rule";

/// Whether ECS shifts the traffic of its default action, and so needs that rule's ARN.
pub(super) fn is_shifted(owned: &BTreeSet<Owned>) -> bool {
    owned.contains(&Owned::Weights)
}

/// `outputs` of a listener, with the ARN of its default rule where `wanted` needs it and it has one.
async fn with_default_rule(
    aws: &Aws,
    wanted: &Wanted<'_, Listener>,
    mut outputs: Outputs,
) -> Result<Outputs, CallError> {
    let has_rules = matches!(wanted.fields.protocol.as_str(), "HTTP" | "HTTPS");
    if has_rules && is_shifted(wanted.owned) {
        let arn = outputs.get("arn").map(String::as_str).unwrap_or_default();
        let rules = describe::rules(aws, arn).await.map_err(not_visible_yet)?;
        let rule = rules.iter().find(|rule| describe::is_default(rule)).and_then(|rule| rule.rule_arn());
        let rule =
            rule.ok_or_else(|| incomplete("elasticloadbalancing:DescribeRules", "the default rule"))?;
        outputs.insert(DEFAULT_RULE.to_owned(), rule.to_owned());
    }
    Ok(outputs)
}

/// The attribute that says when a connection is forgotten.
const IDLE_TIMEOUT: &str = "tcp.idle_timeout.seconds";

/// What a listener's description does not tell.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The ARNs of the certificates that it has beside its default one.
    pub(super) certificates: BTreeSet<String>,
    /// When it forgets a connection, where it is of TCP.
    pub(super) idle_timeout: Option<u32>,
}

/// What a listener's description says, and what it does not tell.
fn from_aws(listener: &sdk::Listener, beside: &Beside) -> Listener {
    let certificates = &beside.certificates;
    let port = listener.port().and_then(|port| u16::try_from(port).ok());
    let certificate = listener.certificates().first().and_then(|certificate| certificate.certificate_arn());
    Listener {
        load_balancer: listener.load_balancer_arn().unwrap_or_default().to_owned(),
        port: port.unwrap_or_default(),
        protocol: listener.protocol().map_or("HTTP", sdk::ProtocolEnum::as_str).to_owned(),
        certificate: certificate.map(ToOwned::to_owned),
        extra_certificates: certificates.iter().filter(|arn| certificate != Some(arn)).cloned().collect(),
        ssl_policy: listener.ssl_policy().filter(|policy| !policy.is_empty()).map(ToOwned::to_owned),
        alpn_policy: listener.alpn_policy().first().filter(|policy| *policy != "None").cloned(),
        idle_timeout_seconds: beside.idle_timeout,
        default_action: action::from_aws(listener.default_actions()),
    }
}

/// The default certificate as the API takes it.
fn certificates(listener: &Listener) -> Option<Vec<sdk::Certificate>> {
    let arn = listener.certificate.as_ref()?;
    Some(vec![sdk::Certificate::builder().certificate_arn(arn).build()])
}

/// A live listener, at the address in its tags or else at `address`.
pub(super) fn live(address: &Address, listener: &sdk::Listener, beside: &Beside, tags: Tags) -> LiveResource {
    let arn = listener.listener_arn().unwrap_or_default();
    live_resource(address, arn, from_aws(listener, beside), tags, outputs([("arn", arn)]), Phase::Ready)
}

/// What a listener's description does not tell: those that end TLS are asked for their certificates, and those of TCP for their
/// attributes.
pub(super) async fn beside(aws: &Aws, listener: &sdk::Listener) -> Result<Beside, CallError> {
    let arn = listener.listener_arn().unwrap_or_default();
    match listener.protocol() {
        Some(sdk::ProtocolEnum::Https | sdk::ProtocolEnum::Tls) => {
            Ok(Beside { certificates: describe::extra_certificates(aws, arn).await?, ..Beside::default() })
        }
        Some(sdk::ProtocolEnum::Tcp) => {
            let attributes = describe::listener_attributes(aws, arn).await?;
            let chosen = attributes.get(IDLE_TIMEOUT).and_then(|text| text.parse().ok());
            Ok(Beside { idle_timeout: Some(chosen.unwrap_or(Listener::IDLE_TIMEOUT)), ..Beside::default() })
        }
        _ => Ok(Beside::default()),
    }
}

/// Reads the listener that has the wanted port.
async fn find(aws: &Aws, wanted: &Wanted<'_, Listener>) -> Result<Option<LiveResource>, CallError> {
    let listeners = describe::listeners(aws, &wanted.fields.load_balancer).await?;
    let port = i32::from(wanted.fields.port);
    let Some(listener) = listeners.iter().find(|listener| listener.port() == Some(port)) else {
        return Ok(None);
    };
    let arn = listener.listener_arn().unwrap_or_default();
    let mut tags = describe::tags_of(aws, &[arn.to_owned()]).await?;
    let beside = beside(aws, listener).await?;
    let tags = tags.remove(arn).unwrap_or_default();
    Ok(Some(live(&wanted_address(wanted)?, listener, &beside, tags)))
}

/// Changes what differs, in one call.
async fn modify(aws: &Aws, arn: &str, old: &Listener, new: &Listener) -> Result<(), CallError> {
    let other_protocol = old.protocol != new.protocol;
    let mut call = aws.elb.modify_listener().listener_arn(arn);
    if other_protocol {
        call = call.protocol(new.protocol.as_str().into());
    }
    if other_protocol || old.certificate != new.certificate {
        call = call.set_certificates(certificates(new));
    }
    if new.ssl_policy.is_some() && (other_protocol || old.ssl_policy != new.ssl_policy) {
        call = call.set_ssl_policy(new.ssl_policy.clone());
    }
    if old.alpn_policy != new.alpn_policy {
        call = call.alpn_policy(new.alpn_policy.as_deref().unwrap_or("None"));
    }
    if old.default_action != new.default_action {
        call = call.default_actions(action::to_aws(&new.default_action, MODIFY)?);
    }
    let answer = call.send().await.map_err(failed(MODIFY));
    answer.map(drop).map_err(|error| perhaps_issued(error, &new.certificate))
}

/// Whether the fields differ in something that the stack sets and one call changes.
fn differs(old: &Listener, new: &Listener) -> bool {
    let ssl_policy = new.ssl_policy.clone().or_else(|| old.ssl_policy.clone());
    *old != Listener {
        ssl_policy,
        extra_certificates: old.extra_certificates.clone(),
        idle_timeout_seconds: old.idle_timeout_seconds,
        ..new.clone()
    }
}

/// Chooses when a connection is forgotten, unless it is so.
async fn set_idle_timeout(aws: &Aws, arn: &str, old: Option<u32>, new: Option<u32>) -> Result<(), CallError> {
    let Some(seconds) = new.filter(|_| old != new) else { return Ok(()) };
    let attribute = sdk::ListenerAttribute::builder().key(IDLE_TIMEOUT).value(seconds.to_string()).build();
    let call = aws.elb.modify_listener_attributes().listener_arn(arn).attributes(attribute);
    call.send().await.map(drop).map_err(failed("elasticloadbalancing:ModifyListenerAttributes"))
}

/// Adds certificates beside the default one. A call takes one of them, and minds none that is there already.
async fn add(aws: &Aws, arn: &str, certificates: impl Iterator<Item = &String>) -> Result<(), CallError> {
    for certificate in certificates {
        let of = sdk::Certificate::builder().certificate_arn(certificate).build();
        let answer = aws.elb.add_listener_certificates().listener_arn(arn).certificates(of).send().await;
        let answer = answer.map_err(failed("elasticloadbalancing:AddListenerCertificates"));
        answer.map_err(|error| perhaps_issued(error, [certificate]))?;
    }
    Ok(())
}

/// Removes certificates beside the default one, one by one.
async fn remove(aws: &Aws, arn: &str, certificates: impl Iterator<Item = &String>) -> Result<(), CallError> {
    for certificate in certificates {
        let of = sdk::Certificate::builder().certificate_arn(certificate).build();
        let answer = aws.elb.remove_listener_certificates().listener_arn(arn).certificates(of).send().await;
        answer.map_err(failed("elasticloadbalancing:RemoveListenerCertificates"))?;
    }
    Ok(())
}

/// Makes a listener that is `old` one that is `new`. What is added comes first and what is removed last, so that each name is
/// served all the time.
async fn bring(aws: &Aws, arn: &str, old: &Listener, new: &Listener) -> Result<(), CallError> {
    let (ended_tls, ends_tls) = (old.ends_tls(), new.ends_tls());
    if ended_tls && ends_tls {
        add(aws, arn, new.extra_certificates.difference(&old.extra_certificates)).await?;
    } else if ended_tls {
        remove(aws, arn, old.extra_certificates.iter()).await?;
    }
    if differs(old, new) {
        modify(aws, arn, old, new).await?;
    }
    set_idle_timeout(aws, arn, old.idle_timeout_seconds, new.idle_timeout_seconds).await?;
    if !ends_tls {
        return Ok(());
    }
    if !ended_tls {
        return add(aws, arn, new.extra_certificates.iter()).await;
    }
    // A default certificate that was among the others, too, is one of them now.
    let listed = match old.certificate == new.certificate {
        true => old.extra_certificates.clone(),
        false => describe::extra_certificates(aws, arn).await?,
    };
    let kept = |certificate: &&String| {
        new.extra_certificates.contains(*certificate) || new.certificate.as_ref() == Some(*certificate)
    };
    remove(aws, arn, listed.iter().filter(|certificate| !kept(certificate))).await
}

impl Remote for Listener {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let call = aws
            .elb
            .create_listener()
            .load_balancer_arn(&fields.load_balancer)
            .port(i32::from(fields.port))
            .protocol(fields.protocol.as_str().into())
            .set_certificates(certificates(fields))
            .set_ssl_policy(fields.ssl_policy.clone())
            .set_alpn_policy(fields.alpn_policy.clone().map(|policy| vec![policy]))
            .default_actions(action::to_aws(&fields.default_action, CREATE)?)
            .set_tags(Some(to_elb(&wanted.all_tags())));
        match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => {
                let listener = answer.listeners().first().and_then(|listener| listener.listener_arn());
                let arn = listener.ok_or_else(|| incomplete(CREATE, "ListenerArn"))?;
                add(aws, arn, fields.extra_certificates.iter()).await.map_err(not_visible_yet)?;
                let given = Some(Self::IDLE_TIMEOUT);
                let set = set_idle_timeout(aws, arn, given, fields.idle_timeout_seconds).await;
                set.map_err(not_visible_yet)?;
                with_default_rule(aws, wanted, outputs([("arn", arn)])).await
            }
            Err(error) if error.kind == ErrorKind::Conflict => {
                let found = adopt(aws, wanted, find(aws, wanted).await?, error).await?;
                with_default_rule(aws, wanted, found).await
            }
            Err(error) => Err(not_visible_yet(perhaps_issued(error, &fields.certificate))),
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let arn = held.live.id.as_str();
        bring(aws, arn, held.fields, wanted.fields).await?;
        tags::apply(aws, arn, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let answer = aws.elb.delete_listener().listener_arn(&held.live.id).send().await;
        if_gone(answer.map_err(failed("elasticloadbalancing:DeleteListener")))
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
    use neap_core::kinds::{Action, KindOf};

    use super::*;

    /// What AWS would show of `listener`.
    fn shown(listener: &Listener) -> sdk::Listener {
        let action = action::to_aws(&listener.default_action, CREATE).expect("an action a stack can ask for");
        sdk::Listener::builder()
            .listener_arn("arn:listener")
            .load_balancer_arn(&listener.load_balancer)
            .port(i32::from(listener.port))
            .protocol(listener.protocol.as_str().into())
            .set_certificates(certificates(listener))
            .set_ssl_policy(listener.ssl_policy.clone())
            .set_alpn_policy(listener.alpn_policy.clone().map(|policy| vec![policy]))
            .default_actions(action)
            .build()
    }

    fn plain() -> Listener {
        let default_action =
            Action::FixedResponse { status: 404, content_type: "text/plain".into(), body: String::new() };
        Listener {
            port: 80,
            protocol: "HTTP".into(),
            certificate: None,
            extra_certificates: [].into(),
            ssl_policy: None,
            alpn_policy: None,
            default_action,
            ..Listener::example()
        }
    }

    #[test]
    fn a_listener_reads_back_as_it_was_asked_for() {
        let tls = Listener {
            protocol: "TLS".into(),
            alpn_policy: Some("HTTP2Preferred".into()),
            ..Listener::example()
        };
        let tcp = Listener { protocol: "TCP".into(), idle_timeout_seconds: Some(600), ..plain() };
        for listener in [Listener::example(), plain(), tls, tcp] {
            let default = listener.certificate.iter().cloned();
            let certificates = listener.extra_certificates.iter().cloned().chain(default).collect();
            let beside = Beside { certificates, idle_timeout: listener.idle_timeout_seconds };
            assert_eq!(from_aws(&shown(&listener), &beside), listener);
        }
    }

    #[test]
    fn a_security_policy_that_the_stack_leaves_to_aws_is_no_difference() {
        let live = Listener::example();
        assert!(!differs(&live, &Listener { ssl_policy: None, ..live.clone() }));
        assert!(differs(&live, &Listener { ssl_policy: Some("other".into()), ..live.clone() }));
        assert!(differs(&live, &Listener { port: 8443, ..live.clone() }));
        assert!(!differs(&live, &Listener { extra_certificates: [].into(), ..live.clone() }));
        assert!(!differs(&live, &Listener { idle_timeout_seconds: Some(60), ..live.clone() }));
    }
}
