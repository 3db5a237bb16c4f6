//! AWS Cloud Map: namespaces, and the services in them under which tasks are found.
//!
//! Decides how they are read and which of them is whose. Must not know who asks for their names.

mod namespace;
mod read;
mod service;

pub(crate) use read::{claim, read};

use aws_sdk_servicediscovery::types as sdk;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::client::Aws;
use crate::error::{failed, if_made, incomplete, not_yet, refused};
use crate::tags::{TagChanges, Tags, to_cloud_map};

const NAMESPACES: &str = "servicediscovery:ListNamespaces";
const SERVICES: &str = "servicediscovery:ListServices";
const OPERATION: &str = "servicediscovery:GetOperation";

/// The seconds that a record or zone says, as AWS counts them.
fn seconds(number: u32) -> i64 {
    i64::from(number)
}

fn unseconds(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// The namespaces of the account: those that others share with it are nobody's here, and nobody here may look into them.
async fn namespaces(aws: &Aws) -> Result<Vec<sdk::NamespaceSummary>, CallError> {
    let own = sdk::NamespaceFilter::builder()
        .name(sdk::NamespaceFilterName::ResourceOwner)
        .values("SELF")
        .condition(sdk::FilterCondition::Eq)
        .build()
        .map_err(|_| incomplete(NAMESPACES, "Filters"))?;
    let pages = aws.names.list_namespaces().filters(own).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed(NAMESPACES))?;
    Ok(pages.into_iter().flat_map(|page| page.namespaces.unwrap_or_default()).collect())
}

/// The services of a namespace.
async fn services(aws: &Aws, namespace: &str) -> Result<Vec<sdk::ServiceSummary>, CallError> {
    let filter = sdk::ServiceFilter::builder()
        .name(sdk::ServiceFilterName::NamespaceId)
        .values(namespace)
        .condition(sdk::FilterCondition::Eq)
        .build()
        .map_err(|_| incomplete(SERVICES, "Filters"))?;
    let pages = aws.names.list_services().filters(filter).into_paginator().send();
    let pages = pages.collect::<Result<Vec<_>, _>>().await.map_err(failed(SERVICES))?;
    Ok(pages.into_iter().flat_map(|page| page.services.unwrap_or_default()).collect())
}

/// All tags, those of AWS's own too.
async fn all_tags(aws: &Aws, arn: &str) -> Result<Vec<sdk::Tag>, CallError> {
    let answer = aws.names.list_tags_for_resource().resource_arn(arn).send().await;
    Ok(answer.map_err(failed("servicediscovery:ListTagsForResource"))?.tags.unwrap_or_default())
}

/// Brings tags in line, adding before removing.
async fn retag(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let tags = to_cloud_map(&changes.set)?;
        let call = aws.names.tag_resource().resource_arn(arn).set_tags(Some(tags));
        call.send().await.map_err(failed("servicediscovery:TagResource"))?;
    }
    if !changes.remove.is_empty() {
        let call = aws.names.untag_resource().resource_arn(arn).set_tag_keys(Some(changes.remove.clone()));
        call.send().await.map_err(failed("servicediscovery:UntagResource"))?;
    }
    Ok(())
}

/// Has Cloud Map do to `what` that which takes it a while: sends it, unless it is under way, and asks how far it has come. It is
/// remembered until it is over: not being able to ask has not ended it.
async fn carried_out(
    aws: &Aws,
    what: &str,
    sent: &str,
    send: impl Future<Output = Result<Option<String>, CallError>>,
) -> Result<sdk::Operation, CallError> {
    let key = format!("{sent} {what}");
    let id = match aws.recent.operation(&key) {
        Some(id) => id,
        None => {
            let id = send.await?.ok_or_else(|| incomplete(sent, "OperationId"))?;
            aws.recent.operating(&key, &id);
            id
        }
    };
    let answer = aws.names.get_operation().operation_id(id).send().await.map_err(failed(OPERATION));
    let operation = answer.map_err(if_made)?.operation.ok_or_else(|| incomplete(OPERATION, "Operation"))?;
    let outcome = outcome(sent, operation);
    if !matches!(&outcome, Err(error) if error.kind == ErrorKind::NotYet) {
        aws.recent.over(&key);
    }
    outcome
}

/// What an operation has come to, once it is over.
fn outcome(sent: &str, operation: sdk::Operation) -> Result<sdk::Operation, CallError> {
    match operation.status() {
        Some(sdk::OperationStatus::Success) => Ok(operation),
        Some(sdk::OperationStatus::Fail) => Err(failure(sent, &operation)),
        _ => Err(refused(ErrorKind::NotYet, sent, "Cloud Map is at it")),
    }
}

/// Another operation for the same thing is under way, which a process that died may have begun.
fn busy(error: CallError) -> CallError {
    if error.kind == ErrorKind::Conflict { not_yet(error) } else { error }
}

/// An operation that Cloud Map gave up ("Operation" of its API reference).
fn failure(sent: &str, operation: &sdk::Operation) -> CallError {
    let code = operation.error_code().unwrap_or_default();
    let kind = match code {
        "ACCESS_DENIED" => ErrorKind::Denied,
        "EXPIRED_TOKEN" => ErrorKind::Credentials,
        "INTERNAL_FAILURE" | "THROTTLED_REQUEST" => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    };
    let message = operation.error_message().unwrap_or("the operation failed, and AWS gives no reason");
    CallError { code: Some(code.to_owned()), ..refused(kind, sent, message) }
}

/// Tags without those of AWS's own.
fn own_tags(tags: &[sdk::Tag]) -> Tags {
    crate::tags::from_cloud_map(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_failed_says_why() {
        let check = |code: &str, expected: ErrorKind| {
            let operation = sdk::Operation::builder().error_code(code).error_message("no");
            let operation = operation.status(sdk::OperationStatus::Fail).build();
            let error = outcome("servicediscovery:CreateHttpNamespace", operation).expect_err(code);
            assert_eq!((error.kind, error.message.as_str()), (expected, "no"), "{code}");
        };
        check("ACCESS_DENIED", ErrorKind::Denied);
        check("INTERNAL_FAILURE", ErrorKind::Unavailable);
        check("CANNOT_CREATE_HOSTED_ZONE", ErrorKind::Invalid);
    }

    #[test]
    fn an_operation_is_waited_for_until_it_is_over() {
        let check = |status: sdk::OperationStatus, expected: Option<ErrorKind>| {
            let operation = sdk::Operation::builder().status(status).build();
            let error = outcome("servicediscovery:UpdateService", operation).err();
            assert_eq!(error.map(|error| error.kind), expected);
        };
        check(sdk::OperationStatus::Submitted, Some(ErrorKind::NotYet));
        check(sdk::OperationStatus::Pending, Some(ErrorKind::NotYet));
        check(sdk::OperationStatus::Success, None);
    }
}
