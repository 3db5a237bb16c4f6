//! Errors as each of AWS's protocols gives them.
//!
//! Decides codes, statuses and bodies. The codes are those of the services' "Common errors" pages and of the EC2, S3 and
//! CloudFront error lists. Must not know when they are given.

use crate::operation::{Operation, Protocol};
use crate::wire::Answer;

const REQUEST_ID: &str = "00000000-fa17-4000-8000-000000000000";

/// A refusal for coming too fast.
pub(crate) fn throttled(operation: &Operation) -> Answer {
    let (status, code, message) = match operation.protocol {
        Protocol::Json | Protocol::Cbor => (400, "ThrottlingException", "Rate exceeded"),
        Protocol::Query | Protocol::RestXml => (400, "Throttling", "Rate exceeded"),
        Protocol::Ec2 => (503, "RequestLimitExceeded", "Request limit exceeded."),
        Protocol::S3 => (503, "SlowDown", "Please reduce your request rate."),
        Protocol::RestJson => (429, "TooManyRequestsException", "Rate exceeded"),
    };
    error(operation, status, code, message)
}

/// A refusal for want of a permission. IAM's sentence names the action; EC2 and S3 keep theirs short.
pub(crate) fn denied(operation: &Operation) -> Answer {
    let sentence = format!(
        "User: arn:aws:iam::123456789012:user/test is not authorized to perform: {operation} because no identity-based \
         policy allows the {operation} action"
    );
    let (status, code, message) = match operation.protocol {
        Protocol::Json | Protocol::RestJson | Protocol::Cbor => {
            (400, "AccessDeniedException", sentence.as_str())
        }
        Protocol::Query | Protocol::RestXml => (403, "AccessDenied", sentence.as_str()),
        Protocol::Ec2 => (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
        Protocol::S3 => (403, "AccessDenied", "Access Denied"),
    };
    error(operation, status, code, message)
}

/// An answer of a service that is broken (500) or overloaded (503).
pub(crate) fn broken(operation: &Operation, status: u16) -> Answer {
    let is_busy = status == 503;
    let (code, message) = match operation.protocol {
        Protocol::Ec2 if is_busy => ("Unavailable", "The server is overloaded and can't handle the request."),
        Protocol::Ec2 | Protocol::S3 if !is_busy => ("InternalError", "An internal error has occurred"),
        _ if is_busy => ("ServiceUnavailable", "Service is unable to handle request."),
        _ => ("InternalFailure", "The request processing has failed because of an unknown error."),
    };
    error(operation, status, code, message)
}

/// A page of HTML, as whatever stands before a service gives it.
pub(crate) fn page(status: u16) -> Answer {
    let text = format!("<!doctype html>\n<html><title>{status}</title><h1>{}</h1></html>\n", reason(status));
    answer(status, "text/html; charset=utf-8", text)
}

/// What the proxy says when it cannot reach what it stands before.
pub(crate) fn unreachable(error: &std::io::Error) -> Answer {
    answer(502, "text/plain", format!("the fault proxy cannot forward: {error}\n"))
}

fn error(operation: &Operation, status: u16, code: &str, message: &str) -> Answer {
    let content = match operation.protocol {
        Protocol::Json | Protocol::RestJson => return json(operation.protocol, status, code, message),
        Protocol::Cbor => return cbor(status, code, message),
        Protocol::Ec2 => format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
             <RequestID>{REQUEST_ID}</RequestID></Response>"
        ),
        Protocol::S3 => format!(
            "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{REQUEST_ID}</RequestId></Error>"
        ),
        Protocol::Query | Protocol::RestXml => format!(
            "<ErrorResponse><Error><Type>{}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
            if status < 500 { "Sender" } else { "Receiver" }
        ),
    };
    let content = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{content}");
    with_id(answer(status, "text/xml", content))
}

fn json(protocol: Protocol, status: u16, code: &str, message: &str) -> Answer {
    if protocol == Protocol::Json {
        let content = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
        return with_id(answer(status, "application/x-amz-json-1.1", content));
    }
    let mut answer = with_id(answer(status, "application/json", format!(r#"{{"message":"{message}"}}"#)));
    answer.headers.push(("x-amzn-ErrorType".to_owned(), code.to_owned()));
    answer
}

/// A map of two texts, as RFC 8949 spells it.
fn cbor(status: u16, code: &str, message: &str) -> Answer {
    let mut answer = with_id(answer(status, "application/cbor", String::new()));
    answer.headers.push(("smithy-protocol".to_owned(), "rpc-v2-cbor".to_owned()));
    answer.body.push(0xa2);
    for text in ["__type", code, "message", message] {
        // None of these is as long as 256 bytes, where another spelling begins.
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        if length < 24 {
            answer.body.push(0x60 | length);
        } else {
            answer.body.extend([0x78, length]);
        }
        answer.body.extend(text.bytes().take(length.into()));
    }
    answer
}

fn with_id(mut answer: Answer) -> Answer {
    answer.headers.push(("x-amzn-RequestId".to_owned(), REQUEST_ID.to_owned()));
    answer
}

fn answer(status: u16, kind: &str, content: String) -> Answer {
    Answer {
        status,
        reason: reason(status).to_owned(),
        headers: vec![("Content-Type".to_owned(), kind.to_owned())],
        body: content.into_bytes(),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: &str, protocol: Protocol, status: u16, expected: &str) {
        let operation = Operation { service: service.into(), name: "CreateX".into(), protocol };
        let answer = throttled(&operation);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{service}");
        assert!(body.contains(expected), "{service}: {body}");
    }

    #[test]
    fn each_protocol_throttles_in_its_own_shape() {
        check("ecs", Protocol::Json, 400, r#"{"__type":"ThrottlingException","#);
        check(
            "iam",
            Protocol::Query,
            400,
            "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>",
        );
        check("ec2", Protocol::Ec2, 503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code>");
        check("cloudfront", Protocol::RestXml, 400, "<Error><Type>Sender</Type><Code>Throttling</Code>");
        check("s3", Protocol::S3, 503, "<Error><Code>SlowDown</Code>");
        check("monitoring", Protocol::Cbor, 400, "f__typesThrottlingExceptiongmessagemRate exceeded");
        check("apigateway", Protocol::RestJson, 429, "Rate exceeded");
    }

    #[test]
    fn each_protocol_denies_in_its_own_shape() {
        for (protocol, status, code) in [
            (Protocol::Json, 400, r#"{"__type":"AccessDeniedException","message":"User: arn:"#),
            (Protocol::Query, 403, "<Code>AccessDenied</Code><Message>User: arn:"),
            (Protocol::Ec2, 403, "<Code>UnauthorizedOperation</Code>"),
            (Protocol::RestXml, 403, "not authorized to perform: x:CreateX because"),
            (Protocol::S3, 403, "<Error><Code>AccessDenied</Code><Message>Access Denied"),
        ] {
            let operation = Operation { service: "x".into(), name: "CreateX".into(), protocol };
            let answer = denied(&operation);
            assert_eq!(answer.status, status, "{protocol:?}");
            assert!(String::from_utf8_lossy(&answer.body).contains(code), "{protocol:?}");
        }
    }

    #[test]
    fn each_protocol_breaks_in_its_own_shape() {
        for (protocol, status, code) in [
            (Protocol::Json, 500, "InternalFailure"),
            (Protocol::Query, 503, "ServiceUnavailable"),
            (Protocol::Ec2, 500, "InternalError"),
            (Protocol::Ec2, 503, "Unavailable"),
            (Protocol::S3, 500, "InternalError"),
            (Protocol::RestXml, 503, "ServiceUnavailable"),
        ] {
            let operation = Operation { service: "x".into(), name: "CreateX".into(), protocol };
            let answer = broken(&operation, status);
            assert_eq!(answer.status, status);
            assert!(String::from_utf8_lossy(&answer.body).contains(code), "{protocol:?} {status}");
        }
    }
}
