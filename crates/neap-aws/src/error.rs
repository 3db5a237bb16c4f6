//! From an SDK error to the engine's: what kind of failure it is, and what AWS said.
//!
//! Decides the engine's error; the class of each code is in the file beside. Must not know which call is made when, nor how
//! often it is repeated.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use neap_engine::cloud::{CallError, ErrorKind};

use self::classify::classify;
pub(crate) use self::codes::THROTTLED;

mod classify;
mod codes;

/// Turns the failure of `operation` (`ecs:CreateService`) into the engine's error, for `map_err`.
pub(crate) fn failed<E>(operation: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| call_error(operation, &error)
}

/// The engine's error for a failed `operation`.
pub(crate) fn call_error<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
    let code = metadata.and_then(|metadata| metadata.code()).map(ToOwned::to_owned);
    let said = metadata.and_then(|metadata| metadata.message()).map(ToOwned::to_owned);
    let message = said.unwrap_or_else(|| unread(error));
    let kind = match (&code, error) {
        (Some(code), _) => classify(operation, code, &message),
        (None, SdkError::TimeoutError(_)) => ErrorKind::Timeout,
        (None, SdkError::ConstructionFailure(_)) => without_answer(&message, ErrorKind::Invalid),
        (None, SdkError::DispatchFailure(failure)) if failure.is_timeout() => ErrorKind::Timeout,
        (None, SdkError::ServiceError(answer)) => by_status(answer.raw().status().as_u16()),
        (None, _) => without_answer(&message, ErrorKind::Unavailable),
    };
    let request_id = error.request_id().map(ToOwned::to_owned);
    CallError { kind, operation: operation.to_owned(), code, message, request_id }
}

/// What went wrong where AWS gave no reason. An answer that nobody understands is told with its status, which says more
/// than what is wrong with its text.
fn unread<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + 'static,
{
    match error.raw_response() {
        Some(answer) => {
            format!("the answer, with status {}, cannot be read: {}", answer.status().as_u16(), chain(error))
        }
        None => chain(error),
    }
}

/// An error of `kind` about something that AWS answered in a way that is no SDK error.
pub(crate) fn refused(kind: ErrorKind, operation: &str, message: impl Into<String>) -> CallError {
    CallError { kind, operation: operation.to_owned(), code: None, message: message.into(), request_id: None }
}

/// The error of one item that a call about several answers with.
pub(crate) fn refused_item(operation: &str, code: &str, message: &str) -> CallError {
    let kind = classify(operation, code, message);
    CallError { code: Some(code.to_owned()), ..refused(kind, operation, message) }
}

/// The error for an answer that lacks what AWS always sends.
pub(crate) fn incomplete(operation: &str, member: &str) -> CallError {
    refused(ErrorKind::Unknown, operation, format!("the answer has no `{member}`"))
}

/// The error as one that ends by itself: what it is about exists, and has only not become visible everywhere.
pub(crate) fn not_yet(error: CallError) -> CallError {
    CallError { kind: ErrorKind::NotYet, ..error }
}

/// For calls that follow a create: what they do not find has just been made.
pub(crate) fn if_made(error: CallError) -> CallError {
    // A policy that a role names was not made by that create.
    if error.kind == ErrorKind::NotFound && !error.message.starts_with("Policy ") {
        not_yet(error)
    } else {
        error
    }
}

/// What the error is for a load balancer that is to show these certificates, if it is that one is unknown: of ACM, it may have been
/// issued a moment ago. Whether ACM has it is known before; of IAM's nobody has asked, and waiting would only delay the message.
pub(crate) fn perhaps_issued<'a>(
    error: CallError,
    certificates: impl IntoIterator<Item = &'a String>,
) -> CallError {
    if error.code.as_deref() != Some("CertificateNotFound") {
        return error;
    }
    let of_iam = certificates.into_iter().any(|arn| arn.contains(":iam:"));
    CallError { kind: if of_iam { ErrorKind::Invalid } else { ErrorKind::NotYet }, ..error }
}

/// An error's message and those of its causes, each once.
fn chain(error: &dyn Error) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        if !messages.iter().any(|earlier| earlier.contains(&message)) {
            messages.push(message);
        }
        next = error.source();
    }
    messages.join(": ")
}

/// Where nothing was answered: missing credentials look like a failed dispatch.
fn without_answer(message: &str, otherwise: ErrorKind) -> ErrorKind {
    if message.contains("credential") { ErrorKind::Credentials } else { otherwise }
}

fn by_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied,
        // AWS names what it does not find. A bare 404 comes from something on the way, and must never count as "not there".
        404 => ErrorKind::Unavailable,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        408 | 504 => ErrorKind::Timeout,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::operation::create_service::CreateServiceError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    type Failure = SdkError<CreateServiceError, HttpResponse>;

    fn response(status: u16) -> HttpResponse {
        let status = StatusCode::try_from(status).expect("a status");
        let mut response = HttpResponse::new(status, SdkBody::empty());
        response.headers_mut().insert("x-amzn-requestid", "request-1");
        response
    }

    #[test]
    fn what_a_create_just_made_becomes_visible_later() {
        let check = |kind, message: &str, expected| {
            assert_eq!(if_made(refused(kind, "iam:AttachRolePolicy", message)).kind, expected, "{message}");
        };
        check(ErrorKind::NotFound, "The role with name a cannot be found.", ErrorKind::NotYet);
        check(ErrorKind::NotFound, "Policy arn:p does not exist or is not attachable.", ErrorKind::NotFound);
        check(ErrorKind::Denied, "no", ErrorKind::Denied);
    }

    #[test]
    fn a_certificate_of_acm_may_become_known_and_one_of_iam_does_not() {
        let check = |code: &str, certificates: &[&str], expected| {
            let error = refused_item("elasticloadbalancing:ModifyListener", code, "no");
            let certificates: Vec<String> = certificates.iter().map(ToString::to_string).collect();
            assert_eq!(perhaps_issued(error, &certificates).kind, expected, "{code} {certificates:?}");
        };
        let (acm, iam) = ("arn:aws:acm:eu-west-1:1:certificate/1", "arn:aws:iam::1:server-certificate/a");
        check("CertificateNotFound", &[acm], ErrorKind::NotYet);
        check("CertificateNotFound", &[acm, iam], ErrorKind::Invalid);
        check("ListenerNotFound", &[iam], ErrorKind::NotFound);
    }

    #[test]
    fn an_answered_error_keeps_code_message_and_request_id() {
        let metadata =
            ErrorMetadata::builder().code("ClusterNotFoundException").message("Cluster not found.").build();
        let failure: Failure = SdkError::service_error(CreateServiceError::generic(metadata), response(400));
        let error = call_error("ecs:CreateService", &failure);
        assert_eq!(error.to_string(), "ecs:CreateService: ClusterNotFoundException: Cluster not found.");
        assert_eq!((error.kind, error.request_id.as_deref()), (ErrorKind::NotFound, Some("request-1")));
    }

    #[test]
    fn an_answer_without_a_code_is_judged_by_its_status() {
        for (status, expected) in [
            (403, ErrorKind::Denied),
            (404, ErrorKind::Unavailable),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (400, ErrorKind::Unknown),
        ] {
            let generic = CreateServiceError::generic(ErrorMetadata::builder().build());
            let failure: Failure = SdkError::service_error(generic, response(status));
            let error = call_error("ecs:CreateService", &failure);
            assert_eq!(error.kind, expected, "{status}");
            assert!(error.message.contains(&format!("status {status}")), "{}", error.message);
        }
    }

    #[test]
    fn without_an_answer_the_cause_counts() {
        let dispatch =
            |error: ConnectorError| call_error("ecs:CreateService", &Failure::dispatch_failure(error));
        let refused = dispatch(ConnectorError::io("connection refused".into()));
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("connection refused"), "{}", refused.message);
        assert_eq!(dispatch(ConnectorError::timeout("slow".into())).kind, ErrorKind::Timeout);
        let none = "the credential provider was not enabled";
        assert_eq!(dispatch(ConnectorError::other(none.into(), None)).kind, ErrorKind::Credentials);
        let timeout: Failure = SdkError::timeout_error("too slow");
        assert_eq!(call_error("ecs:CreateService", &timeout).kind, ErrorKind::Timeout);
    }
}
