//! Origin access controls. They take no tags: their names, which end in a hash of stack and address, say whose they are.

use aws_sdk_cloudfront::types as sdk;
use aws_smithy_types::error::operation::BuildError;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::OriginAccessControl;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_core::naming;
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use super::calls::moved;
use crate::adopt::adopt;
use crate::client::Aws;
use crate::error::{failed, incomplete, refused};
use crate::found::{Found, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};

const CREATE: &str = "cloudfront:CreateOriginAccessControl";
const READ: &str = "cloudfront:GetOriginAccessControl";

/// Every origin access control of the account: at most a hundred, on one page or two.
async fn list(aws: &Aws) -> Result<Vec<sdk::OriginAccessControlSummary>, CallError> {
    let pages = aws.cloudfront.list_origin_access_controls().into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await;
    let pages = pages.map_err(failed("cloudfront:ListOriginAccessControls"))?;
    let lists = pages.into_iter().filter_map(|page| page.origin_access_control_list);
    Ok(lists.flat_map(|list| list.items.unwrap_or_default()).collect())
}

/// Reads the stack's origin access controls.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let listed = match list(aws).await {
        Ok(listed) => listed,
        Err(error) => {
            found.unlistable::<OriginAccessControl>(desired, &error);
            return found;
        }
    };
    for summary in &listed {
        let mut wanted = declared::<OriginAccessControl>(desired);
        let address = wanted.find(|(_, control)| control.name == summary.name()).map(|(address, _)| address);
        let live = live(summary, address, &desired.stack);
        found.collect([(address.cloned(), Ok(live))]);
    }
    found.rest_absent::<OriginAccessControl>(desired);
    found
}

fn live(
    summary: &sdk::OriginAccessControlSummary,
    address: Option<&Address>,
    stack: &str,
) -> Option<LiveResource> {
    let marked = marked_address(summary, stack);
    let at = marked.as_ref().or(address)?.clone();
    let tags = marked.map(|address| {
        [(TAG_STACK, stack.to_owned()), (TAG_ADDRESS, address.to_string())]
            .map(|(key, value)| (key.to_owned(), value))
            .into()
    });
    let fields = OriginAccessControl {
        name: summary.name().to_owned(),
        description: summary.description().to_owned(),
        origin_type: summary.origin_access_control_origin_type().as_str().to_owned(),
        signing: summary.signing_behavior().as_str().to_owned(),
    };
    Some(LiveResource {
        address: at,
        id: summary.id().to_owned(),
        resource: fields.into(),
        tags: tags.unwrap_or_default(),
        outputs: outputs([("id", summary.id())]),
        phase: Phase::Ready,
    })
}

/// The address that a control is for, if it is one of the stack's: its description ends in it, and its name is the one that
/// neap gives for it. One that only has the name, or only the description, is somebody else's.
fn marked_address(summary: &sdk::OriginAccessControlSummary, stack: &str) -> Option<Address> {
    let inside = summary.description().strip_suffix(')')?;
    let (_, address) = inside.rsplit_once(&format!(" ({stack}/"))?;
    let address: Address = address.parse().ok()?;
    let is_named = address.kind() == Kind::OriginAccessControl
        && summary.name() == naming::access_control(stack, &address);
    is_named.then_some(address)
}

fn config(desired: &OriginAccessControl) -> Result<sdk::OriginAccessControlConfig, CallError> {
    let config = sdk::OriginAccessControlConfig::builder()
        .name(&desired.name)
        .description(&desired.description)
        .origin_access_control_origin_type(desired.origin_type.as_str().into())
        .signing_behavior(desired.signing.as_str().into())
        .signing_protocol(sdk::OriginAccessControlSigningProtocols::Sigv4)
        .build();
    config.map_err(|error: BuildError| refused(ErrorKind::Invalid, CREATE, error.to_string()))
}

/// The version of a control, which a change must name; none where there is no such control.
async fn version(aws: &Aws, id: &str) -> Result<Option<String>, CallError> {
    let answer = aws.cloudfront.get_origin_access_control().id(id).send().await;
    let Some(answer) = if_there(answer.map_err(failed(READ)))? else { return Ok(None) };
    answer.e_tag.map(Some).ok_or_else(|| incomplete(READ, "ETag"))
}

impl Remote for OriginAccessControl {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let call = aws.cloudfront.create_origin_access_control();
        let answer = call.origin_access_control_config(config(wanted.fields)?).send().await;
        match answer.map_err(failed(CREATE)) {
            Ok(answer) => {
                let control = answer.origin_access_control.ok_or_else(|| incomplete(CREATE, "Id"))?;
                Ok(outputs([("id", control.id())]))
            }
            Err(error) if error.code.as_deref() == Some("OriginAccessControlAlreadyExists") => {
                let listed = list(aws).await?;
                let found = listed.iter().find(|summary| summary.name() == wanted.fields.name);
                let address = crate::adopt::wanted_address(wanted)?;
                let found = found.and_then(|summary| live(summary, Some(&address), wanted.stack()));
                adopt(aws, wanted, found, error).await
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        const OPERATION: &str = "cloudfront:UpdateOriginAccessControl";
        let id = held.live.id.as_str();
        if held.fields != wanted.fields {
            let missing = || refused(ErrorKind::NotFound, OPERATION, format!("`{id}` is gone"));
            let etag = version(aws, id).await?.ok_or_else(missing)?;
            let call = aws.cloudfront.update_origin_access_control().id(id).if_match(etag);
            let answer = call.origin_access_control_config(config(wanted.fields)?).send().await;
            answer.map_err(failed(OPERATION)).map_err(moved)?;
        }
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let id = held.live.id.as_str();
        let Some(etag) = version(aws, id).await? else { return Ok(()) };
        let call = aws.cloudfront.delete_origin_access_control().id(id).if_match(etag);
        if_gone(call.send().await.map_err(failed("cloudfront:DeleteOriginAccessControl")).map_err(moved))
    }

    async fn ready(_: &Aws, _: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let found = version(aws, &held.live.id).await?;
        Ok(found.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(name: &str, description: &str) -> sdk::OriginAccessControlSummary {
        sdk::OriginAccessControlSummary::builder()
            .id("E1")
            .name(name)
            .description(description)
            .origin_access_control_origin_type(sdk::OriginAccessControlOriginTypes::S3)
            .signing_behavior(sdk::OriginAccessControlSigningBehaviors::Always)
            .signing_protocol(sdk::OriginAccessControlSigningProtocols::Sigv4)
            .build()
            .expect("it is complete")
    }

    #[test]
    fn name_and_description_together_say_whose_a_control_is() {
        let site: Address = "origin_access_control.site".parse().expect("an address");
        let name = naming::access_control("course", &site);
        let mark = "neap (course/origin_access_control.site)";
        let check = |name: &str, description: &str, expected: bool| {
            let found = live(&summary(name, description), Some(&site), "course").expect("one by its name");
            assert_eq!(found.is_of("course"), expected, "{name} {description}");
        };
        check(&name, mark, true);
        check(&name, "mine", false);
        check("course-site", mark, false);
        assert!(live(&summary("course-site", "mine"), None, "course").is_none(), "it is nobody's business");
    }
}
