//! From an SDK error to the engine's: what kind of failure it is, and what AWS said.
//!
//! Decides the class of every error code. Must not know which call is made when, nor how often it is repeated.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use neap_engine::cloud::{CallError, ErrorKind};

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
    let message = said.unwrap_or_else(|| chain(error));
    let kind = match (&code, error) {
        (Some(code), _) => classify(code, &message),
        (None, SdkError::TimeoutError(_)) => ErrorKind::Timeout,
        (None, SdkError::ConstructionFailure(_)) => without_answer(&message, ErrorKind::Invalid),
        (None, SdkError::DispatchFailure(failure)) if failure.is_timeout() => ErrorKind::Timeout,
        (None, SdkError::ServiceError(answer)) => by_status(answer.raw().status().as_u16()),
        (None, _) => without_answer(&message, ErrorKind::Unavailable),
    };
    let request_id = error.request_id().map(ToOwned::to_owned);
    CallError { kind, operation: operation.to_owned(), code, message, request_id }
}

/// An error of `kind` about something that AWS answered in a way that is no SDK error.
pub(crate) fn refused(kind: ErrorKind, operation: &str, message: impl Into<String>) -> CallError {
    CallError { kind, operation: operation.to_owned(), code: None, message: message.into(), request_id: None }
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
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        408 | 504 => ErrorKind::Timeout,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Unknown,
    }
}

/// Codes that mean too many requests, in every protocol.
pub(crate) const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
    "TransactionInProgressException",
];

const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "InvalidAccessKeyId",
];

const NOT_FOUND: &[&str] = &[
    "NoSuchEntity",
    "NoSuchDistribution",
    "NoSuchResource",
    "ResourceNotFoundException",
    "RepositoryNotFoundException",
    "LifecyclePolicyNotFoundException",
    "RepositoryPolicyNotFoundException",
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ServiceNotActiveException",
    "TargetNotFoundException",
    "ParameterNotFound",
];

const CONFLICT: &[&str] = &[
    "EntityAlreadyExists",
    "RepositoryAlreadyExistsException",
    "ResourceAlreadyExistsException",
    "DistributionAlreadyExists",
    "CNAMEAlreadyExists",
    "PriorityInUse",
    "PreconditionFailed",
    "InvalidIfMatchVersion",
];

const IN_USE: &[&str] = &[
    "DependencyViolation",
    "DeleteConflict",
    "ResourceInUse",
    "ResourceInUseException",
    "ResourceInUseFault",
    "DistributionNotDisabled",
    "RepositoryNotEmptyException",
];

const NOT_YET: &[&str] = &[
    "UpdateInProgressException",
    "OperationAbortedException",
    "ConcurrentModification",
    "EntityTemporarilyUnmodifiable",
    "UnmodifiableEntity",
    "IllegalUpdate",
];

const QUOTA: &[&str] = &[
    "ServiceQuotaExceededException",
    "ServiceQuotaExceeded",
    "LimitExceeded",
    "LimitExceededException",
    "QuotaExceeded",
    "TargetGroupAssociationLimit",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "SecurityGroupsPerInterfaceLimitExceeded",
];

const UNAVAILABLE: &[&str] = &[
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceException",
    "InternalServerException",
    "ServerException",
    "ServiceFailure",
    "ServiceFailureException",
];

/// Messages of errors whose code says nothing, and that go away by themselves (reference 1.6, 3.10, 3.15, 3.17).
const NOT_YET_MESSAGES: &[&str] = &[
    "unable to assume the service linked role",
    "verify that the ecs service role being passed has the proper permissions",
    "does not have an associated load balancer",
    "still draining",
    "cannot be stopped while deployments are active",
    "was not active",
    "unable to assume role",
    "invalid principal in policy",
    "operation is in progress",
];

/// What kind of failure an error code, with its message, stands for.
pub(crate) fn classify(code: &str, message: &str) -> ErrorKind {
    // Query-protocol services name their faults without the suffix, JSON services sometimes with a namespace.
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let lower = message.to_ascii_lowercase();
    let tables = [
        (THROTTLED, ErrorKind::Throttled),
        (CREDENTIALS, ErrorKind::Credentials),
        (NOT_FOUND, ErrorKind::NotFound),
        (CONFLICT, ErrorKind::Conflict),
        (IN_USE, ErrorKind::InUse),
        (NOT_YET, ErrorKind::NotYet),
        (QUOTA, ErrorKind::Quota),
        (UNAVAILABLE, ErrorKind::Unavailable),
    ];
    if NOT_YET_MESSAGES.iter().any(|text| lower.contains(text)) {
        return ErrorKind::NotYet;
    }
    if let Some((_, kind)) = tables.iter().find(|(codes, _)| codes.contains(&code)) {
        return *kind;
    }
    by_shape(code, &lower)
}

/// Codes that come in families.
fn by_shape(code: &str, message: &str) -> ErrorKind {
    let bare = code.trim_end_matches("Exception").trim_end_matches("Fault");
    if code.starts_with("AccessDenied") || matches!(code, "UnauthorizedOperation" | "NotAuthorized") {
        ErrorKind::Denied
    } else if message.starts_with("rate exceeded") {
        ErrorKind::Throttled
    } else if code == "ClientException" && message.contains("too many concurrent attempts") {
        ErrorKind::NotYet
    } else if code == "ClientException" && is_missing_task_definition(message) {
        ErrorKind::NotFound
    } else if message.contains("was not idempotent") {
        ErrorKind::Conflict
    } else if bare.ends_with("NotFound") {
        ErrorKind::NotFound
    } else if bare.ends_with(".Duplicate") || bare.starts_with("Duplicate") || bare.ends_with("AlreadyExists")
    {
        ErrorKind::Conflict
    } else if bare.starts_with("ClusterContains") {
        ErrorKind::InUse
    } else if bare.starts_with("TooMany") || bare.ends_with("LimitExceeded") {
        ErrorKind::Quota
    } else if matches!(bare, "RequestTimeout" | "RequestTimedOut") {
        ErrorKind::Timeout
    } else if is_invalid(bare) {
        ErrorKind::Invalid
    } else {
        ErrorKind::Unknown
    }
}

fn is_missing_task_definition(message: &str) -> bool {
    ["unable to describe task definition", "task definition does not exist", "taskdefinition not found"]
        .iter()
        .any(|text| message.contains(text))
}

fn is_invalid(bare: &str) -> bool {
    ["Invalid", "Malformed", "Missing", "Unsupported", "Inconsistent", "NoSuch"]
        .iter()
        .any(|prefix| bare.starts_with(prefix))
        || ["Validation", "ValidationError", "Client", "ParameterError", "IncompatibleProtocols"]
            .contains(&bare)
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

    fn check(code: &str, message: &str, expected: ErrorKind) {
        assert_eq!(classify(code, message), expected, "{code}: {message}");
    }

    #[test]
    fn codes_of_one_kind_are_told_from_others() {
        use ErrorKind::{
            Conflict, Credentials, Denied, InUse, Invalid, NotFound, NotYet, Quota, Throttled, Timeout,
            Unavailable, Unknown,
        };
        for (code, expected) in [
            ("ThrottlingException", Throttled),
            ("RequestLimitExceeded", Throttled),
            ("TooManyRequestsException", Throttled),
            ("AccessDenied", Denied),
            ("AccessDeniedException", Denied),
            ("UnauthorizedOperation", Denied),
            ("NoSuchEntity", NotFound),
            ("LoadBalancerNotFound", NotFound),
            ("RepositoryNotFoundException", NotFound),
            ("InvalidGroup.NotFound", NotFound),
            ("com.amazonaws.ecs#ClusterNotFoundException", NotFound),
            ("EntityAlreadyExists", Conflict),
            ("DuplicateTargetGroupName", Conflict),
            ("InvalidGroup.Duplicate", Conflict),
            ("InvalidPermission.Duplicate", Conflict),
            ("RepositoryAlreadyExistsException", Conflict),
            ("DependencyViolation", InUse),
            ("DeleteConflict", InUse),
            ("ResourceInUse", InUse),
            ("ClusterContainsServicesException", InUse),
            ("UpdateInProgressException", NotYet),
            ("OperationAbortedException", NotYet),
            ("ConcurrentModification", NotYet),
            ("LimitExceededException", Quota),
            ("TooManyTargetGroups", Quota),
            ("TooManyDistributions", Quota),
            ("ServiceQuotaExceededException", Quota),
            ("VpcLimitExceeded", Quota),
            ("ExpiredToken", Credentials),
            ("InvalidClientTokenId", Credentials),
            ("UnrecognizedClientException", Credentials),
            ("ServiceUnavailable", Unavailable),
            ("ServerException", Unavailable),
            ("RequestTimeout", Timeout),
            ("InvalidParameterException", Invalid),
            ("ValidationError", Invalid),
            ("MalformedPolicyDocument", Invalid),
            ("ClientException", Invalid),
            ("SomethingNew", Unknown),
        ] {
            check(code, "", expected);
        }
    }

    #[test]
    fn messages_decide_where_the_code_says_nothing() {
        check(
            "InvalidParameterException",
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
            ErrorKind::NotYet,
        );
        check(
            "InvalidParameterException",
            "The target group with targetGroupArn arn:tg does not have an associated load balancer.",
            ErrorKind::NotYet,
        );
        check("InvalidParameterException", "Creation of service was not idempotent.", ErrorKind::Conflict);
        check(
            "InvalidParameterException",
            "Unable to Start a service that is still Draining.",
            ErrorKind::NotYet,
        );
        check("ClientException", "Unable to describe task definition.", ErrorKind::NotFound);
        check("ClientException", "Too many concurrent attempts to create a new revision.", ErrorKind::NotYet);
        check("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\"", ErrorKind::NotYet);
        check("SomethingNew", "Rate exceeded", ErrorKind::Throttled);
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
            (404, ErrorKind::NotFound),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (400, ErrorKind::Unknown),
        ] {
            let generic = CreateServiceError::generic(ErrorMetadata::builder().build());
            let failure: Failure = SdkError::service_error(generic, response(status));
            assert_eq!(call_error("ecs:CreateService", &failure).kind, expected, "{status}");
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
