//! A plan in a file: written by `neap plan --out`, carried out by `neap apply FILE`, and by nothing that has moved.
//!
//! Decides the file's form. What is live is not in it, only hashes: live fields can hold secrets, and apply reads
//! them again anyway. The values of sensitive variables are not in it either: a plan holds only their names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use neap_core::config::{Loaded, Options, Secrets};
use neap_core::desired::{Desired, DesiredResource, short_hash};
use neap_core::live::{Live, LiveResource};
use neap_core::plan::{PLAN_VERSION, Plan, planner};
use neap_core::reference::{self, Reference};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::session::{Session, checked};

const FORMAT: &str = "neap saved plan";

/// A plan with what is needed to carry it out later.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedPlan {
    format: String,
    version: u32,
    /// The stack file, as it was named.
    stack_file: PathBuf,
    environment: Option<String>,
    /// The values of `--var` that are not sensitive.
    variables: BTreeMap<String, String>,
    desired: Desired,
    plan: Plan,
    /// Hashes of everything live, by address and id: they tell what has moved.
    live: BTreeMap<String, String>,
    /// The ids of the live resources that changes are about, by the changes' index.
    ids: BTreeMap<usize, String>,
}

/// What must be right before anything else in the file can be.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
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
        let mut ids = BTreeMap::new();
        for (index, change) in plan.changes.iter_mut().enumerate() {
            if let Some(live) = change.live.take() {
                ids.insert(index, live.id);
            }
        }
        Self {
            format: FORMAT.to_owned(),
            version: PLAN_VERSION,
            stack_file: session.file(),
            environment: session.global.env.clone(),
            variables: variables.cloned().collect(),
            desired: loaded.desired.clone(),
            plan,
            live: hashes(live),
            ids,
        }
    }

    /// Writes the plan to a file that only its owner may read.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        #[cfg(unix)]
        // A file that was there already keeps its mode when it is opened.
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        serde_json::to_writer(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// Reads the plan at `path`, which is shown as `shown`.
    pub(crate) fn read(path: &Path, shown: &Path) -> Result<Self, CommandError> {
        let shown = shown.display();
        let again = "make it again with `neap plan --out FILE`";
        let bytes = fs::read(path).map_err(|error| {
            CommandError::invalid(format!("the saved plan `{shown}` could not be read: {error}")).hint(again)
        })?;
        let no_plan = |detail: String| {
            CommandError::invalid(format!("`{shown}` is no saved plan, or a damaged one"))
                .detail(detail)
                .hint(again)
        };
        let header: Header = serde_json::from_slice(&bytes).map_err(|error| no_plan(error.to_string()))?;
        if header.format != FORMAT {
            return Err(no_plan(format!("its format is `{}`", header.format)));
        }
        if header.version != PLAN_VERSION {
            let message = format!(
                "`{shown}` was saved by another neap: version {}, not {PLAN_VERSION}",
                header.version
            );
            return Err(CommandError::invalid(message).hint(again));
        }
        let saved: Self = serde_json::from_slice(&bytes).map_err(|error| no_plan(error.to_string()))?;
        if saved.ids.keys().any(|index| *index >= saved.plan.changes.len()) {
            return Err(no_plan("it speaks of changes that it does not hold".to_owned()));
        }
        Ok(saved)
    }

    /// What the stack asked for when the plan was made.
    pub(crate) const fn desired(&self) -> &Desired {
        &self.desired
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
        session.global.file.get_or_insert_with(|| self.stack_file.clone());
        let mut variables = self.variables.clone();
        variables.extend(given.variables);
        let region = Some(self.region().to_owned());
        let environment = self.environment.clone();
        session.load_with(&Options { environment, variables, region, ..given }).map_err(|error| {
            error.hint("the saved plan needs sensitive variables, which it does not hold: the stack file is asked for them")
        })
    }

    fn sensitive_variables(&self) -> BTreeSet<String> {
        let of_resources = self.desired.resources.values().flat_map(DesiredResource::references);
        let of_outputs = self.desired.outputs.values().flat_map(|value| reference::in_text(value));
        let references = of_resources.map(|(_, reference)| reference).chain(of_outputs);
        let name = |reference| match reference {
            Reference::Variable(name) => Some(name),
            Reference::Output(..) | Reference::Fact(_) | Reference::Secret(_) => None,
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

    /// The plan to carry out, if `live` is what it was made from.
    pub(crate) fn into_plan(mut self, live: &Live) -> Result<Plan, CommandError> {
        if planner::live_hash(live) != self.plan.live_hash {
            return Err(self.moved(live));
        }
        for (index, id) in std::mem::take(&mut self.ids) {
            let change = &self.plan.changes[index];
            let is_it = |live: &&LiveResource| live.id == id && live.kind() == change.address.kind();
            let Some(found) = live.ours().find(is_it) else { return Err(self.moved(live)) };
            self.plan.changes[index].live = Some(found.clone());
        }
        checked(&self.plan)?;
        Ok(self.plan)
    }

    fn moved(&self, live: &Live) -> CommandError {
        let message = "what is live is not what the plan was made from, so nothing was changed";
        let mut error = CommandError::new(Exit::Moved, message);
        let (then, now) = (&self.plan.environment, &live.environment);
        if then.account != now.account {
            error = error.detail(format!(
                "the plan is for account {}, the credentials are for {}",
                then.account, now.account
            ));
        }
        let hashes = hashes(live);
        for (name, hash) in &hashes {
            match self.live.get(name) {
                None => error = error.detail(format!("new: {name}")),
                Some(before) if before != hash => error = error.detail(format!("changed: {name}")),
                Some(_) => {}
            }
        }
        let gone = self.live.keys().filter(|name| !hashes.contains_key(*name));
        error = gone.fold(error, |error, name| error.detail(format!("gone: {name}")));
        if error.details.is_empty() {
            error = error.detail(
                "the account around the stack has changed: its network, secrets, or names that are taken",
            );
        }
        error.hint("make a new plan with `neap plan --out FILE`")
    }
}

/// A hash for everything live, by address and id.
fn hashes(live: &Live) -> BTreeMap<String, String> {
    let hash = |live: &LiveResource| {
        // A structure of strings, numbers, lists and string-keyed maps always serialises.
        let content = serde_json::to_value(live).unwrap_or(Value::Null);
        (format!("{} {}", live.address, live.id), short_hash(&content.to_string()))
    };
    live.ours().map(hash).collect()
}
