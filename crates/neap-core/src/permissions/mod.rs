//! Which IAM permissions a stack needs, no more and no less: for planning it, applying it and destroying it.
//!
//! Decides which calls are permitted on which resources, as a pure function of the desired stack. The facts are those of
//! AWS's Service Authorization Reference ("Actions, resources, and condition keys" of each service): which actions can
//! be limited to resources, how those are named, and where tags can be asked for. Must not know how a call is made; a
//! test holds the table to the calls that are.

mod document;
mod table;
mod target;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::address::Kind;
use crate::desired::{Desired, TAG_STACK};
pub use document::{LONGEST, document, length, split};
pub use table::actions;
use table::{Guard, On, Right, Use};

/// What somebody is to be allowed to do with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To read what is live, for plan, status and output.
    Plan,
    /// To make what is live as the stack says, deletes of what is no longer declared included.
    Apply,
    /// To remove everything.
    Destroy,
    /// All of it.
    All,
}

/// Where the stack lives. What is not known yet is a word that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The twelve digits of the account.
    pub account: String,
    /// The region.
    pub region: String,
}

impl Place {
    /// The partition that the region belongs to.
    pub fn partition(&self) -> &'static str {
        match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region, self.account)
    }

    /// The ARN of something that belongs to no region.
    fn global(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", self.partition(), self.account)
    }
}

/// One statement of a policy document: actions that are allowed under the same conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, of letters and digits.
    pub sid: String,
    /// The actions, such as `ecs:CreateService`.
    pub actions: BTreeSet<String>,
    /// The ARNs, with `*` for what is not known before, or `*` alone.
    pub resources: BTreeSet<String>,
    /// The condition block; an empty object where there is none.
    pub condition: Value,
}

/// The statements that allow `purpose` for the stack `desired` at `place`, and nothing else.
///
/// What is read of every kind is always allowed, since what is no longer declared may be of any. What is changed is
/// only of the kinds that the stack has.
pub fn permissions(desired: &Desired, purpose: Purpose, place: &Place) -> Vec<Statement> {
    let stack = Stack { desired, place };
    let mut statements = Collected::default();
    for right in table::COMMON.iter().filter(|right| right.used_for(purpose)) {
        statements.add(&stack, None, right);
    }
    for kind in Kind::ALL {
        let has_it = desired.resources.keys().any(|address| address.kind() == kind);
        let rights = table::of_kind(kind).iter().filter(|right| has_it || right.only_reads());
        for right in rights.filter(|right| right.used_for(purpose)) {
            statements.add(&stack, Some(kind), right);
        }
    }
    statements.finish()
}

/// What conditions and resources are made of.
struct Stack<'a> {
    desired: &'a Desired,
    place: &'a Place,
}

impl Stack<'_> {
    fn condition(&self, guard: Guard) -> Value {
        let stack = &self.desired.stack;
        match guard {
            Guard::None => json!({}),
            Guard::Requested => json!({ "StringEquals": { (format!("aws:RequestTag/{TAG_STACK}")): stack } }),
            Guard::Tagged => json!({ "StringEquals": { (format!("aws:ResourceTag/{TAG_STACK}")): stack } }),
            Guard::ToTasks => {
                json!({ "StringEquals": { "iam:PassedToService": "ecs-tasks.amazonaws.com" } })
            }
            Guard::ToInstances => {
                json!({ "StringEquals": { "iam:PassedToService": "ec2.amazonaws.com" } })
            }
            Guard::ToEcs => json!({ "StringEquals": { "iam:PassedToService": "ecs.amazonaws.com" } }),
            Guard::OnCreate(action) => json!({ "StringEquals": { "ec2:CreateAction": action } }),
            Guard::OfService(service) => json!({ "StringEquals": { "iam:AWSServiceName": service } }),
            Guard::Policies => match target::managed_policies(self.desired, self.place) {
                Some(arns) => json!({ "ArnEquals": { "iam:PolicyARN": arns } }),
                None => json!({}),
            },
        }
    }
}

/// Statements while they are gathered: those with the same resources and condition become one.
#[derive(Default)]
struct Collected {
    /// Each with whether its actions only read.
    order: Vec<(Statement, bool)>,
    sids: BTreeMap<String, usize>,
}

impl Collected {
    fn add(&mut self, stack: &Stack<'_>, kind: Option<Kind>, right: &Right) {
        let resources = target::resources(stack.desired, stack.place, kind, right.on);
        if resources.is_empty() {
            return;
        }
        let condition = stack.condition(right.guard);
        let reads = right.only_reads();
        let same = |(statement, only_reads): &&mut (Statement, bool)| {
            statement.resources == resources && statement.condition == condition && *only_reads == reads
        };
        if let Some((statement, _)) = self.order.iter_mut().find(same) {
            statement.actions.insert(right.action.to_owned());
            return;
        }
        let sid = self.sid(kind, right);
        let actions = [right.action.to_owned()].into();
        self.order.push((Statement { sid, actions, resources, condition }, reads));
    }

    /// A name that no other statement has.
    fn sid(&mut self, kind: Option<Kind>, right: &Right) -> String {
        let of = kind.filter(|_| right.on != On::Any).map_or(String::new(), camel);
        let what = match (right.when, right.guard) {
            (Use::Read | Use::Prove, _) => "Read",
            _ if right.on == On::Vpc => "Vpc",
            _ if right.on == On::Launched => "Launch",
            _ if matches!(right.on, On::Lock | On::LockObject | On::LockBucket) => "Lock",
            (_, Guard::Tagged) => "Owned",
            (_, Guard::Requested | Guard::OnCreate(_)) => "Create",
            (_, Guard::ToTasks | Guard::ToInstances | Guard::ToEcs) => "PassRole",
            (_, Guard::OfService(_)) => "ServiceLinkedRole",
            (_, Guard::Policies) => "AttachPolicy",
            _ => "Change",
        };
        let name = format!("{of}{what}");
        let count = self.sids.entry(name.clone()).or_default();
        *count += 1;
        if *count == 1 { name } else { format!("{name}{count}") }
    }

    fn finish(self) -> Vec<Statement> {
        self.order.into_iter().map(|(statement, _)| statement).collect()
    }
}

fn camel(kind: Kind) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    kind.as_str().split('_').map(capital).collect()
}
