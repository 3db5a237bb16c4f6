//! Statements as policy documents.
//!
//! Decides how a document reads and where it is split. IAM takes a managed policy of at most 6,144 characters, blanks
//! not counted ("IAM and AWS STS quotas"). Must not know what is allowed and why.

use serde_json::{Value, json};

use super::Statement;

/// The most characters of a managed policy, blanks not counted.
pub const LONGEST: usize = 6_144;

/// One document with all of these statements.
pub fn document(statements: &[Statement]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements.iter().map(statement).collect::<Vec<_>>() })
}

/// How long a document is for IAM.
pub fn length(document: &Value) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// As few documents as take these statements in their order and are each short enough for IAM.
pub fn split(statements: &[Statement]) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut gathered: Vec<Statement> = Vec::new();
    for statement in statements {
        gathered.push(statement.clone());
        if gathered.len() > 1 && length(&document(&gathered)) > LONGEST {
            let last = gathered.split_off(gathered.len() - 1);
            documents.push(document(&gathered));
            gathered = last;
        }
    }
    if !gathered.is_empty() {
        documents.push(document(&gathered));
    }
    documents
}

fn statement(statement: &Statement) -> Value {
    let mut value = json!({
        "Sid": statement.sid,
        "Effect": "Allow",
        "Action": statement.actions,
        "Resource": statement.resources,
    });
    if statement.condition.as_object().is_some_and(|condition| !condition.is_empty()) {
        value["Condition"] = statement.condition.clone();
    }
    value
}
