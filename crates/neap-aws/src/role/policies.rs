//! The policies of a role: attached, inline, and the documents in which they stand.
//!
//! Decides how policy lists are read and changed. Must not know why a role has them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::AttachedPolicy;
use futures_util::future::try_join_all;
use neap_core::policy;
use neap_engine::cloud::{CallError, ErrorKind};
use serde_json::Value;

use crate::client::Aws;
use crate::error::{failed, refused};
use crate::found::if_gone;

/// ARNs of the attached managed policies.
pub(super) async fn attached(aws: &Aws, role: &str) -> Result<BTreeSet<String>, CallError> {
    let pages = aws.iam.list_attached_role_policies().role_name(role).into_paginator().items().send();
    let policies: Result<Vec<AttachedPolicy>, _> = pages.collect().await;
    let policies = policies.map_err(failed("iam:ListAttachedRolePolicies"))?;
    Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

/// Names of the inline policies.
pub(super) async fn inline_names(aws: &Aws, role: &str) -> Result<Vec<String>, CallError> {
    let pages = aws.iam.list_role_policies().role_name(role).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListRolePolicies"))
}

/// The inline policies by name, in canonical form.
pub(super) async fn inline(aws: &Aws, role: &str) -> Result<BTreeMap<String, Value>, CallError> {
    const OPERATION: &str = "iam:GetRolePolicy";
    let policies = inline_names(aws, role).await?.into_iter().map(async |name| {
        let answer = aws.iam.get_role_policy().role_name(role).policy_name(&name).send().await;
        let answer = answer.map_err(failed(OPERATION))?;
        let document = document(OPERATION, answer.policy_document())?;
        Ok((name, document))
    });
    Ok(try_join_all(policies).await?.into_iter().collect())
}

/// A policy document as IAM answers it, URL-encoded, in canonical form.
pub(super) fn document(operation: &str, text: &str) -> Result<Value, CallError> {
    let decoded = percent_decoded(text);
    let parsed: Value = serde_json::from_str(&decoded).map_err(|error| {
        refused(ErrorKind::Unknown, operation, format!("a policy document does not parse: {error}"))
    })?;
    Ok(policy::normalise(&parsed))
}

/// Replaces `%XX`; a percent sign that starts no such code stays.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Attaches managed policies; attaching one again changes nothing.
pub(super) async fn attach(
    aws: &Aws,
    role: &str,
    arns: impl IntoIterator<Item = &String>,
) -> Result<(), CallError> {
    for arn in arns {
        let answer = aws.iam.attach_role_policy().role_name(role).policy_arn(arn).send().await;
        answer.map_err(failed("iam:AttachRolePolicy"))?;
    }
    Ok(())
}

/// Detaches managed policies.
pub(super) async fn detach(
    aws: &Aws,
    role: &str,
    arns: impl IntoIterator<Item = &String>,
) -> Result<(), CallError> {
    for arn in arns {
        let answer = aws.iam.detach_role_policy().role_name(role).policy_arn(arn).send().await;
        if_gone(answer.map_err(failed("iam:DetachRolePolicy")))?;
    }
    Ok(())
}

/// Creates or replaces inline policies.
pub(super) async fn put<'a>(
    aws: &Aws,
    role: &str,
    policies: impl IntoIterator<Item = (&'a String, &'a Value)>,
) -> Result<(), CallError> {
    for (name, document) in policies {
        let request = aws.iam.put_role_policy().role_name(role).policy_name(name);
        let answer = request.policy_document(document.to_string()).send().await;
        answer.map_err(failed("iam:PutRolePolicy"))?;
    }
    Ok(())
}

/// Deletes inline policies.
pub(super) async fn delete(
    aws: &Aws,
    role: &str,
    names: impl IntoIterator<Item = &String>,
) -> Result<(), CallError> {
    for name in names {
        let answer = aws.iam.delete_role_policy().role_name(role).policy_name(name).send().await;
        if_gone(answer.map_err(failed("iam:DeleteRolePolicy")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_decoded() {
        let check = |text: &str, expected: &str| assert_eq!(percent_decoded(text), expected);
        check("%7B%22a%22%3A%20%22b%2Bc%22%7D", "{\"a\": \"b+c\"}");
        check("plain + text", "plain + text");
        check("100%", "100%");
        check("%zz%4", "%zz%4");
        check("%C3%BC", "ü");
        check("%é1", "%é1");
    }

    #[test]
    fn a_document_that_is_no_json_is_an_error() {
        let error = document("iam:GetRole", "%7B").expect_err("half a document");
        assert_eq!(error.operation, "iam:GetRole");
        assert!(error.message.starts_with("a policy document does not parse"), "{}", error.message);
    }
}
