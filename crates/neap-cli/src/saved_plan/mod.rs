//! A plan in a file: written by `neap plan --out`, carried out by `neap apply FILE`, and by nothing that has moved.
//!
//! Decides what the file holds and which options still count beside it. What is live is not in it, only hashes: live
//! fields can hold secrets, and apply reads them again anyway. The values of sensitive variables are not in it either:
//! a plan holds only their names. How the file is written and read is in `file`, how it is held against what is live
//! in `verify`, how the files that it uploads are looked at again in `local`.

mod file;
pub mod fuzzing;
mod local;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use neap_core::config::{Loaded, Options, Secrets};
use neap_core::desired::{Desired, DesiredResource};
use neap_core::live::{Live, Phase};
use neap_core::plan::Plan;
use neap_core::reference::{self, Reference};
use serde::{Deserialize, Serialize};

pub(crate) use local::unchanged;

use crate::connect::Connect;
use crate::error::CommandError;
use crate::session::Session;

/// A plan with what is needed to carry it out later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedPlan {
    format: String,
    version: u32,
    /// The SHA-256 of the file as it is with this left empty, in hex.
    digest: String,
    /// The stack file, as it was named.
    stack_file: PathBuf,
    environment: Option<String>,
    /// The values of `--var` that are not sensitive.
    variables: BTreeMap<String, String>,
    desired: Desired,
    plan: Plan,
    /// Everything live, by address and id: it tells what has moved.
    live: BTreeMap<String, Seen>,
}

/// What a plan remembers of a live resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// The hash of all of it.
    hash: String,
    /// How far it had come: that changes by itself, and what a plan waits for depends on it.
    phase: Phase,
}

impl SavedPlan {
    /// The plan with what is needed to carry it out later.
    pub(crate) fn new<C: Connect>(
        session: &Session<C>,
        loaded: &Loaded,
        mut plan: Plan,
        live: &Live,
    ) -> Self {
        let sensitive: BTreeSet<&str> = loaded.secrets.names().collect();
        let variables = session.global.var.iter().filter(|(name, _)| !sensitive.contains(name.as_str()));
        for change in &mut plan.changes {
            change.live = None;
        }
        Self {
            format: file::FORMAT.to_owned(),
            version: file::VERSION,
            digest: String::new(),
            stack_file: session.file(),
            environment: session.global.env.clone(),
            variables: variables.cloned().collect(),
            desired: loaded.desired.clone(),
            plan,
            live: verify::seen(live),
        }
        .sealed()
    }

    /// What the stack asked for when the plan was made.
    pub(crate) const fn desired(&self) -> &Desired {
        &self.desired
    }

    /// The stack file of the plan, beside which its folders lie.
    pub(crate) fn stack_file(&self) -> &Path {
        &self.stack_file
    }

    /// The region that the plan was made for.
    pub(crate) fn region(&self) -> &str {
        &self.plan.environment.region
    }

    /// The values of the sensitive variables that the plan needs: from the command line, the environment, or the
    /// stack file's defaults. Options that a finished plan cannot follow are refused.
    pub(crate) fn secrets<C: Connect>(&self, session: &mut Session<C>) -> Result<Secrets, CommandError> {
        let needed = self.sensitive_variables();
        self.refuse_late_options(session, &needed)?;
        let options = session.options();
        let given = |name: &String| {
            let value = options.variables.get(name).or_else(|| options.environment_variables.get(name))?;
            Some((name.clone(), value.clone()))
        };
        let mut values: BTreeMap<String, String> = needed.iter().filter_map(given).collect();
        if values.len() < needed.len() {
            let from_file = self.load(session, options)?.secrets;
            for name in &needed {
                if let Some(value) = from_file.get(name) {
                    values.entry(name.clone()).or_insert_with(|| value.to_owned());
                }
            }
        }
        match needed.iter().find(|name| !values.contains_key(*name)) {
            Some(missing) => {
                let message = format!(
                    "the saved plan needs the sensitive variable `{missing}`, which it does not hold"
                );
                Err(CommandError::invalid(message)
                    .hint(format!("give it with `--var {missing}=…` or `NEAP_VAR_{missing}`")))
            }
            None => Ok(Secrets::new(values)),
        }
    }

    /// The stack file of the plan, with the options that it was made with.
    fn load<C: Connect>(&self, session: &mut Session<C>, given: Options) -> Result<Loaded, CommandError> {
        let mut variables = self.variables.clone();
        variables.extend(given.variables);
        let region = Some(self.region().to_owned());
        let environment = self.environment.clone();
        let loaded = session.load_with(&Options { environment, variables, region, ..given }).map_err(|error| {
            error.hint("the saved plan needs sensitive variables, which it does not hold: the stack file is asked for them")
        })?;
        if loaded.desired.stack == self.desired.stack {
            return Ok(loaded);
        }
        let message = format!(
            "the saved plan is for stack {}, and its sensitive variables would come from stack {}",
            self.desired.stack, loaded.desired.stack
        );
        Err(CommandError::invalid(message).hint("`--file` names the stack file that the plan was made from"))
    }

    fn sensitive_variables(&self) -> BTreeSet<String> {
        let of_resources = self.desired.resources.values().flat_map(DesiredResource::references);
        let of_outputs = self.desired.outputs.values().flat_map(|value| reference::in_text(value));
        let references = of_resources.map(|(_, reference)| reference).chain(of_outputs);
        let name = |reference| match reference {
            Reference::Variable(name) => Some(name),
            Reference::Output(..) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
        };
        references.filter_map(name).collect()
    }

    fn refuse_late_options<C: Connect>(
        &self,
        session: &Session<C>,
        needed: &BTreeSet<String>,
    ) -> Result<(), CommandError> {
        let global = &session.global;
        let late = |option: String| {
            let message = format!("`{option}` comes too late: the saved plan is finished");
            Err(CommandError::invalid(message).hint("leave it out, or make a new plan with it"))
        };
        if let Some((name, _)) = global.var.iter().find(|(name, _)| !needed.contains(name)) {
            return late(format!("--var {name}"));
        }
        if global.env.is_some() && global.env != self.environment {
            return late("--env".to_owned());
        }
        if global.region.as_deref().is_some_and(|region| region != self.region()) {
            return late("--region".to_owned());
        }
        Ok(())
    }
}
