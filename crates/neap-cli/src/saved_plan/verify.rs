//! Whether a saved plan still is what neap plans: from what it was made for, and from what is live.
//!
//! A plan is a function of what is desired and what is live, so it is made again and must come out the same. Decides
//! what counts as moved, and what as a plan that neap has not made. What it cannot see is another desired stack
//! with the plan that belongs to it: that is a plan, and is shown as one. Must not know where the plan was read from.

use std::collections::BTreeMap;

use neap_core::config::Secrets;
use neap_core::desired::short_hash;
use neap_core::diff::{NOT_SHOWN, SENSITIVE};
use neap_core::live::{Live, LiveResource, Phase, Reading};
use neap_core::plan::{Mode, Plan, planner};
use serde_json::Value;

use super::{SavedPlan, Seen};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::refusal;
use crate::session::checked;

/// How many differences are told.
pub(super) const TOLD: usize = 10;

impl SavedPlan {
    /// The plan to carry out, if `live` is what it was made from and neap makes the same plan from it.
    pub(crate) fn into_plan(self, mut live: Live, secrets: &Secrets) -> Result<Plan, CommandError> {
        if planner::live_hash(&live) != self.plan.live_hash {
            return Err(self.moved(&live));
        }
        self.settle_as_then(&mut live);
        let mut plan = planner::plan(&self.desired, &live, Mode::Apply, secrets)
            .map_err(|refusals| refusal::refused(&self.desired.stack, &refusals))?;
        let differences = self.differences(&plan, &live);
        if !differences.is_empty() {
            return Err(self.not_ours(&differences));
        }
        checked(&plan)?;
        // Values of variables that the plan does not need may be among those before, and only then they were known.
        for (made, saved) in plan.changes.iter_mut().zip(self.plan.changes) {
            made.fields = saved.fields;
        }
        Ok(plan)
    }

    /// Lets everything live be as settled as it was when the plan was made.
    fn settle_as_then(&self, live: &mut Live) {
        let present = live.readings.values_mut().filter_map(|reading| match reading {
            Reading::Present(found) => Some(found.as_mut()),
            Reading::Absent | Reading::Foreign(_) | Reading::Unreadable(_) => None,
        });
        for found in present.chain(&mut live.orphans) {
            if let Some(seen) = self.live.get(&name(found))
                && settles_into(&found.phase, &seen.phase)
            {
                found.phase = seen.phase.clone();
            }
        }
    }

    /// Where the saved plan is not the one that neap makes, as paths. Warnings are not compared: they are about the
    /// moment at which something was read.
    fn differences(&self, plan: &Plan, live: &Live) -> Vec<String> {
        let mut made = plan.clone();
        made.warnings.clone_from(&self.plan.warnings);
        for change in &mut made.changes {
            change.live = None;
        }
        let value = |plan: &Plan| serde_json::to_value(plan).unwrap_or(Value::Null);
        let (saved, made) = (value(&self.plan), value(&made));
        let mut found = Vec::new();
        compare("", &saved, &made, &mut found);
        if seen(live) != self.live {
            found.push("live".to_owned());
        }
        found.iter().map(|path| self.named(path)).collect()
    }

    /// `path` with the address in the place of a change's number.
    fn named(&self, path: &str) -> String {
        let split = || {
            let (number, rest) = path.strip_prefix("changes[")?.split_once(']')?;
            let change = self.plan.changes.get(number.parse::<usize>().ok()?)?;
            Some(format!("{}: {}", change.address, rest.strip_prefix('.').unwrap_or("the whole of it")))
        };
        split().unwrap_or_else(|| path.to_owned())
    }

    fn not_ours(&self, differences: &[String]) -> CommandError {
        let message = "the saved plan is not the one that neap makes for this stack, so nothing was changed";
        let mut error = CommandError::invalid(message);
        for difference in differences.iter().take(TOLD) {
            error = error.detail(format!("differs in {difference}"));
        }
        if differences.len() > TOLD {
            error = error.detail(format!("and in {} more places", differences.len() - TOLD));
        }
        if !self.sensitive_variables().is_empty() {
            error =
                error.hint("another value of a sensitive variable than at planning makes another plan, too");
        }
        error.hint("make a new plan with `neap plan --out FILE`")
    }

    fn moved(&self, live: &Live) -> CommandError {
        let message = "what is live is not what the plan was made from, so nothing was changed";
        let mut error = stale(message);
        let (then, now) = (&self.plan.environment, &live.environment);
        if then.account != now.account {
            error = error.detail(format!(
                "the plan is for account {}, the credentials are for {}",
                then.account, now.account
            ));
        }
        let seen = seen(live);
        for (name, now) in &seen {
            match self.live.get(name) {
                None => error = error.detail(format!("new: {name}")),
                Some(before) if before.hash != now.hash => error = error.detail(format!("changed: {name}")),
                Some(_) => {}
            }
        }
        let gone = self.live.keys().filter(|name| !seen.contains_key(*name));
        error = gone.fold(error, |error, name| error.detail(format!("gone: {name}")));
        if error.details.is_empty() {
            error = error.detail(
                "the account around the stack has changed: its network, secrets, or names that are taken",
            );
        }
        error
    }
}

/// What the plan was made from has moved, so that it needs another one.
pub(super) fn stale(message: &str) -> CommandError {
    CommandError::new(Exit::Moved, message).hint("make a new plan with `neap plan --out FILE`")
}

/// What is remembered of everything live, by address and id.
pub(super) fn seen(live: &Live) -> BTreeMap<String, Seen> {
    let one = |found: &LiveResource| {
        // A structure of strings, numbers, lists and string-keyed maps always serialises.
        let content = serde_json::to_value(found).unwrap_or(Value::Null);
        (name(found), Seen { hash: short_hash(&content.to_string()), phase: found.phase.clone() })
    };
    live.ours().map(one).collect()
}

fn name(live: &LiveResource) -> String {
    format!("{} {}", live.address, live.id)
}

/// Whether one phase may have become the other without anybody's doing.
fn settles_into(one: &Phase, other: &Phase) -> bool {
    let place = |phase: &Phase| match phase {
        Phase::Ready | Phase::Settling(_) => 0,
        Phase::Deleting(_) => 1,
        Phase::Failed(_) => 2,
    };
    place(one) == place(other)
}

/// Collects the paths at which two values differ.
fn compare(path: &str, saved: &Value, made: &Value, found: &mut Vec<String>) {
    match (saved, made) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare_side(&path, left.get(key), right.get(key), found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                compare_side(&format!("{path}[{index}]"), left.get(index), right.get(index), found);
            }
        }
        _ if saved == made || (path.contains(".before") && is_masked(saved)) => {}
        _ => found.push(path.to_owned()),
    }
}

fn compare_side(path: &str, saved: Option<&Value>, made: Option<&Value>, found: &mut Vec<String>) {
    match (saved, made) {
        (Some(saved), Some(made)) => compare(path, saved, made, found),
        _ => found.push(path.to_owned()),
    }
}

/// Whether something stands there for a value that is not shown: which values those are depends on all variables,
/// and an apply only knows those that the plan needs.
fn is_masked(saved: &Value) -> bool {
    saved.as_str().is_some_and(|text| text.contains(SENSITIVE) || text.contains(NOT_SHOWN))
}
