//! Which kind of failure an error code stands for.
//!
//! Decides by the operation's service, the code and, where that says nothing, the message; what stands in no table, by the
//! form of its code. Must not know the SDK's types.

use neap_engine::cloud::ErrorKind;

use super::codes::{
    BY_SERVICE, CONFLICT, CREDENTIALS, IN_USE, NOT_FOUND, NOT_YET, NOT_YET_MESSAGES, QUOTA, THROTTLED,
    UNAVAILABLE,
};

#[cfg(test)]
mod tests;

/// What kind of failure an error code of `operation`, with its message, stands for.
pub(crate) fn classify(operation: &str, code: &str, message: &str) -> ErrorKind {
    // Query-protocol services name their faults without the suffix, JSON services sometimes with a namespace.
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let service = operation.split_once(':').map_or("", |(service, _)| service);
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
    let is_of = |of: &str| of.is_empty() || of == service;
    if NOT_YET_MESSAGES.iter().any(|(of, text)| is_of(of) && lower.contains(text)) {
        return ErrorKind::NotYet;
    }
    if let Some((_, _, kind)) = BY_SERVICE.iter().find(|(of, known, _)| is_of(of) && *known == code) {
        return *kind;
    }
    if let Some((_, kind)) = tables.iter().find(|(codes, _)| codes.contains(&code)) {
        return *kind;
    }
    by_shape(code, &lower)
}

/// Codes that come in families.
fn by_shape(code: &str, message: &str) -> ErrorKind {
    let bare = code.trim_end_matches("Exception").trim_end_matches("Fault");
    if message.contains("account must be verified") {
        // No permission helps: CloudFront says so of an account that AWS does not know yet (hashicorp/terraform-provider-aws#36663).
        ErrorKind::Invalid
    } else if code.starts_with("AccessDenied") || matches!(code, "UnauthorizedOperation" | "NotAuthorized") {
        ErrorKind::Denied
    } else if message.starts_with("rate exceeded") {
        ErrorKind::Throttled
    } else if code == "ClientException" && is_missing_task_definition(message) {
        ErrorKind::NotFound
    } else if code == "ClientException" && message.contains("capacity provider") {
        of_capacity_provider(message)
    } else if code == "ValidationError"
        && ["autoscalinggroup name not found", "policyname not found"]
            .iter()
            .any(|it| message.starts_with(it))
    {
        ErrorKind::NotFound
    } else if code == "InvalidChangeBatch" {
        of_records(message)
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

/// ECS has one code for whatever is wrong with a capacity provider (3.16).
fn of_capacity_provider(message: &str) -> ErrorKind {
    if message.contains("does not exist") {
        ErrorKind::NotFound
    } else if message.contains("already exists") {
        ErrorKind::Conflict
    } else if message.contains("in use") || message.contains("associated with") {
        ErrorKind::InUse
    } else {
        ErrorKind::Invalid
    }
}

/// Route 53 has one code for whatever is wrong with a change of records (3.25).
fn of_records(message: &str) -> ErrorKind {
    if message.contains("already exists") || message.contains("conflicts with other records") {
        ErrorKind::Conflict
    } else if message.contains("not found") {
        ErrorKind::NotFound
    } else {
        ErrorKind::Invalid
    }
}

fn is_invalid(bare: &str) -> bool {
    ["Invalid", "Malformed", "Missing", "Unsupported", "Inconsistent", "NoSuch"]
        .iter()
        .any(|prefix| bare.starts_with(prefix))
        || ["Validation", "ValidationError", "Client", "ParameterError", "IncompatibleProtocols"]
            .contains(&bare)
}
