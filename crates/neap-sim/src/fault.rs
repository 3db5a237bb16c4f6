//! Scripts of faults: which call goes wrong, and how, and how slowly news travel.
//!
//! Decides the script's shape and which rule strikes which call. Must not know what calls do.

use neap_core::address::Address;
use neap_engine::cloud::ErrorKind;
use serde::Deserialize;

use crate::error::{Rejection, SimError};
use crate::world::Consistency;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// AWS answers that there are too many requests, and does nothing.
    Throttle,
    /// AWS answers that the permission is missing, and does nothing.
    Deny,
    /// AWS answers with this error, and does nothing.
    Fail {
        /// The error code.
        code: String,
        /// The message.
        message: String,
    },
    /// AWS does it, and the answer never arrives.
    LostAnswer,
    /// AWS does it, and what it created stays invisible for these seconds.
    LateVisibility {
        /// How long.
        seconds: u64,
    },
    /// AWS does it, and readers see what it changed or deleted as it was for these seconds.
    StaleRead {
        /// How long.
        seconds: u64,
    },
    /// The service's tasks cannot run.
    DeploymentFails {
        /// Why not.
        reason: String,
    },
    /// The client itself is at fault: it panics, quoting something.
    Panic {
        /// What it quotes.
        message: String,
    },
    /// The process ends right before the call is sent, if there is a hook for it; else the call times out unsent.
    KillBefore,
    /// The process ends right after the call was carried out, if there is a hook for it; else its answer is lost.
    KillAfter,
}

/// A rule of a fault script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation, such as `ecs:CreateService`, or the beginning of one followed by `*`.
    pub operation: String,
    /// Only calls that change something.
    pub mutating: bool,
    /// Only calls for the resource at this address.
    pub address: Option<Address>,
    /// The matching call that is struck first, counted from one; 0 for every one.
    pub nth: u32,
    /// How many matching calls in a row are struck, from the `nth` on.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// Strikes the first call of `operation`.
    pub fn once(operation: &str, kind: FaultKind) -> Self {
        Self { operation: operation.to_owned(), mutating: false, address: None, nth: 1, times: 1, kind }
    }

    /// Strikes every call of `operation`.
    pub fn always(operation: &str, kind: FaultKind) -> Self {
        Self { nth: 0, ..Self::once(operation, kind) }
    }

    fn matches(&self, operation: &str, mutating: bool, address: Option<&Address>) -> bool {
        let operation_fits = match self.operation.strip_suffix('*') {
            Some(beginning) => operation.starts_with(beginning),
            None => operation == self.operation,
        };
        let change_fits = mutating || !self.mutating;
        operation_fits && change_fits && self.address.as_ref().is_none_or(|wanted| address == Some(wanted))
    }
}

/// The rules, with how often each has matched.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(Fault, u32)>,
    /// How many calls were struck.
    pub(crate) n_struck: usize,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.rules.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// What goes wrong with this call: the first rule whose turn it is. Every matching rule counts the call.
    pub(crate) fn strike(
        &mut self,
        operation: &str,
        mutating: bool,
        address: Option<&Address>,
    ) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, seen) in &mut self.rules {
            if !fault.matches(operation, mutating, address) {
                continue;
            }
            *seen += 1;
            let turn = fault.nth == 0 || (fault.nth..fault.nth + fault.times).contains(seen);
            if turn && struck.is_none() {
                struck = Some(fault.kind.clone());
            }
        }
        self.n_struck += usize::from(struck.is_some());
        struck
    }
}

/// AWS's answer to too many requests, in the words of the operation's service.
pub(crate) fn throttled(operation: &str) -> Rejection {
    let code = match service(operation) {
        "ec2" => "RequestLimitExceeded",
        "iam" | "elasticloadbalancing" | "cloudfront" => "Throttling",
        _ => "ThrottlingException",
    };
    Rejection::new(ErrorKind::Throttled, code, "Rate exceeded")
}

/// AWS's answer to a missing permission, in the words of the operation's service.
pub(crate) fn denied(operation: &str) -> Rejection {
    let code = match service(operation) {
        "ec2" => "UnauthorizedOperation",
        "iam" | "elasticloadbalancing" | "cloudfront" | "sts" => "AccessDenied",
        _ => "AccessDeniedException",
    };
    let user = format!("arn:aws:iam::{}:user/sandbox", crate::world::ACCOUNT);
    Rejection::new(ErrorKind::Denied, code, format!("User: {user} is not authorized to perform: {operation}"))
}

fn service(operation: &str) -> &str {
    operation.split_once(':').map_or("", |(service, _)| service)
}

/// An error of the script, with the kind that a real client would give it. Codes in capitals are those of operations of Cloud Map
/// that began and failed.
pub(crate) fn failed(code: &str, message: &str) -> Rejection {
    let contains = |words: &[&str]| words.iter().any(|word| code.contains(word));
    let kind = if code == "ACCESS_DENIED" {
        ErrorKind::Denied
    } else if matches!(code, "INTERNAL_FAILURE" | "THROTTLED_REQUEST") {
        ErrorKind::Unavailable
    } else if matches!(code, "CANNOT_CREATE_HOSTED_ZONE" | "HOSTED_ZONE_NOT_FOUND" | "INVALID_CHANGE_BATCH") {
        ErrorKind::Invalid
    } else if contains(&["Throttl", "RequestLimitExceeded"]) {
        ErrorKind::Throttled
    } else if contains(&["AccessDenied", "Unauthorized"]) {
        ErrorKind::Denied
    } else if contains(&["ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId"]) {
        ErrorKind::Credentials
    } else if contains(&["Unavailable", "InternalFailure", "InternalError", "ServerException"]) {
        ErrorKind::Unavailable
    } else if contains(&["LimitExceeded", "TooMany", "Quota"]) {
        ErrorKind::Quota
    } else if contains(&["AlreadyExists", "Duplicate"]) {
        ErrorKind::Conflict
    } else if contains(&["InUse", "DependencyViolation", "DeleteConflict"]) {
        ErrorKind::InUse
    } else if contains(&["NotFound", "NoSuch"]) {
        ErrorKind::NotFound
    } else if contains(&["Invalid", "Validation", "Malformed", "ClientException"]) {
        ErrorKind::Invalid
    } else {
        ErrorKind::Unknown
    };
    Rejection::new(kind, code, message)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    #[serde(default)]
    fault: Vec<Line>,
    consistency: Option<Consistency>,
}

/// What a script lets go wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) faults: Vec<Fault>,
    pub(crate) consistency: Option<Consistency>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    operation: String,
    #[serde(default)]
    mutating: bool,
    address: Option<Address>,
    kind: Word,
    #[serde(default = "one")]
    nth: u32,
    #[serde(default = "one")]
    times: u32,
    code: Option<String>,
    message: Option<String>,
    seconds: Option<u64>,
    reason: Option<String>,
}

const fn one() -> u32 {
    1
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Throttle,
    Deny,
    Fail,
    LostAnswer,
    LateVisibility,
    StaleRead,
    DeploymentFails,
    Panic,
    KillBefore,
    KillAfter,
}

impl Line {
    fn into_fault(self) -> Result<Fault, SimError> {
        let operation = self.operation;
        let missing =
            |key: &str| SimError::Script(format!("the fault of `{operation}` needs the key `{key}`"));
        let seconds = || self.seconds.ok_or_else(|| missing("seconds"));
        let kind = match self.kind {
            Word::Throttle => FaultKind::Throttle,
            Word::Deny => FaultKind::Deny,
            Word::Fail => FaultKind::Fail {
                code: self.code.ok_or_else(|| missing("code"))?,
                message: self.message.unwrap_or_default(),
            },
            Word::LostAnswer => FaultKind::LostAnswer,
            Word::LateVisibility => FaultKind::LateVisibility { seconds: seconds()? },
            Word::StaleRead => FaultKind::StaleRead { seconds: seconds()? },
            Word::DeploymentFails => {
                FaultKind::DeploymentFails { reason: self.reason.ok_or_else(|| missing("reason"))? }
            }
            Word::Panic => FaultKind::Panic { message: self.message.unwrap_or_default() },
            Word::KillBefore => FaultKind::KillBefore,
            Word::KillAfter => FaultKind::KillAfter,
        };
        let Self { mutating, address, nth, times, .. } = self;
        Ok(Fault { operation, mutating, address, nth, times, kind })
    }
}

/// The script in a text: TOML with one `[[fault]]` for each fault and perhaps `[consistency]`, or JSON of the same shape.
pub(crate) fn parse(text: &str) -> Result<Script, SimError> {
    let lines: Lines = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| SimError::Script(error.to_string()))?
    } else {
        toml::from_str(text).map_err(|error| SimError::Script(error.to_string()))?
    };
    let faults = lines.fault.into_iter().map(Line::into_fault).collect::<Result<_, _>>()?;
    Ok(Script { faults, consistency: lines.consistency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_as_toml_and_as_json() {
        let toml = "[[fault]]\noperation = \"ecs:CreateService\"\nkind = \"throttle\"\nnth = 2\ntimes = 3\n";
        let json = r#"{ "fault": [{ "operation": "ecs:CreateService", "kind": "throttle", "nth": 2, "times": 3 }] }"#;
        let expected = Fault { nth: 2, times: 3, ..Fault::once("ecs:CreateService", FaultKind::Throttle) };
        for text in [toml, json] {
            assert_eq!(parse(text).expect("a script").faults, std::slice::from_ref(&expected));
        }
    }

    #[test]
    fn a_script_may_slow_down_all_news() {
        let script = parse("[consistency]\nseed = 7\nlate = 10\nflicker = true\n").expect("a script");
        let expected = Consistency { seed: 7, late: 10, flicker: true, ..Consistency::default() };
        assert_eq!((script.faults, script.consistency), (vec![], Some(expected)));
    }

    #[test]
    fn a_script_that_makes_no_sense_is_refused() {
        for (text, expected) in [
            ("[[fault]]\noperation = \"a:B\"\nkind = \"fail\"", "needs the key `code`"),
            ("[[fault]]\noperation = \"a:B\"\nkind = \"late_visibility\"", "needs the key `seconds`"),
            ("[[fault]]\noperation = \"a:B\"\nkind = \"explode\"", "unknown variant `explode`"),
            ("[[fault]]\nkind = \"deny\"", "missing field `operation`"),
            ("[[faults]]\n", "unknown field `faults`"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_rule_strikes_when_its_turn_comes() {
        let mut faults = Faults::default();
        faults.add(Fault { nth: 2, times: 2, ..Fault::once("ecs:*", FaultKind::Throttle) });
        let mut struck = |operation| faults.strike(operation, true, None).is_some();
        assert!(!struck("iam:CreateRole"));
        let calls = ["ecs:CreateCluster", "ecs:CreateService", "ecs:CreateService", "ecs:CreateService"];
        assert_eq!(calls.map(&mut struck), [false, true, true, false]);
    }

    #[test]
    fn a_rule_for_one_address_leaves_others_alone() {
        let address: Address = "service.api".parse().expect("an address");
        let mut faults = Faults::default();
        let fault = Fault::always("ecs:CreateService", FaultKind::Deny);
        faults.add(Fault { address: Some(address.clone()), ..fault });
        assert_eq!(faults.strike("ecs:CreateService", true, None), None);
        assert_eq!(faults.strike("ecs:CreateService", true, Some(&address)), Some(FaultKind::Deny));
    }

    #[test]
    fn a_rule_for_changes_does_not_count_reads() {
        let script = "[[fault]]\noperation = \"*\"\nmutating = true\nnth = 2\nkind = \"throttle\"";
        let mut faults = Faults::default();
        parse(script).expect("a script").faults.into_iter().for_each(|fault| faults.add(fault));
        let mut struck = |operation, mutating| faults.strike(operation, mutating, None).is_some();
        assert!(!struck("ecs:CreateCluster", true));
        assert!(!struck("ecs:DescribeClusters", false));
        assert!(struck("iam:CreateRole", true));
    }
}
