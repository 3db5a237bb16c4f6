//! What every command needs: the stack file, a runtime, a cloud, and a plan that was checked.
//!
//! Decides the order in which a plan comes about. Must not know what a command does with it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use neap_core::config::{self, Diagnostic, Loaded, Options, Secrets, Source};
use neap_core::desired::Desired;
use neap_core::live::{Live, Reading};
use neap_core::plan::{Mode, Plan, check, planner};
use neap_engine::cloud::{CallError, ErrorKind};
use tokio::runtime::{Builder, Runtime};

use crate::args::Global;
use crate::connect::{Connect, Target};
use crate::console::Ui;
use crate::error::CommandError;
use crate::folder;
use crate::render::json::{self, MistakesView};
use crate::render::{diagnostic, refusal, style};
use crate::signals;

/// The region of a sandbox whose stack names none.
const SANDBOX_REGION: &str = "us-east-1";
/// Names the clock that the sandbox runs on.
const SANDBOX_CLOCK: &str = "NEAP_SANDBOX_CLOCK";
/// What environment variables that hold variables of the stack begin with.
const VARIABLE_PREFIX: &str = "NEAP_VAR_";

/// One command's surroundings.
pub(crate) struct Session<C> {
    /// The options that every command takes.
    pub(crate) global: Global,
    /// What it speaks and listens with.
    pub(crate) ui: Ui,
    /// Environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// The folder that relative paths start from.
    pub(crate) folder: PathBuf,
    /// The name of this host.
    pub(crate) host: String,
    /// Where processes of this host keep what is of use only while they live.
    pub(crate) temporary: PathBuf,
    /// Makes the cloud.
    pub(crate) connect: C,
    /// The values that nothing may tell, as far as they are known yet.
    pub(crate) secrets: Secrets,
}

impl<C: Connect> Session<C> {
    /// The stack file's path, as it was given.
    pub(crate) fn file(&self) -> PathBuf {
        self.global.file.clone().unwrap_or_else(|| PathBuf::from("stack.toml"))
    }

    /// `path` from where relative paths start.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The stack file's content.
    pub(crate) fn read_file(&self) -> Result<Vec<u8>, CommandError> {
        let file = self.file();
        std::fs::read(self.path(&file)).map_err(|error| {
            let shown = file.display();
            if error.kind() == io::ErrorKind::NotFound {
                CommandError::invalid(format!("there is no `{shown}`"))
                    .hint("`neap init` writes one for this folder, `--file` names another")
            } else {
                CommandError::invalid(format!("`{shown}` could not be read: {error}"))
            }
        })
    }

    /// What the command line and the environment add to a stack file.
    pub(crate) fn options(&self) -> Options {
        let variables = self.environment.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix(VARIABLE_PREFIX)?;
            Some((name.to_owned(), value.clone()))
        });
        Options {
            environment: self.global.env.clone(),
            variables: self.global.var.iter().cloned().collect(),
            environment_variables: variables.collect(),
            region: self.global.region.clone(),
            folders: None,
            files: None,
        }
    }

    /// What the stack file asks for, the files that it names included. Its warnings are printed; its mistakes too, all of them.
    pub(crate) fn load(&mut self) -> Result<Loaded, CommandError> {
        let mut options = self.options();
        let (bytes, name) = (self.read_file()?, self.file());
        let source = Source { name: &name.display().to_string(), bytes: &bytes };
        let base = self.base();
        let read = |name: String| {
            let folder = folder::read(&base, &name);
            (name, folder)
        };
        options.folders = Some(config::folders(&source, &options).into_iter().map(read).collect());
        let read = |path: String| {
            let content = std::fs::read(base.join(&path)).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => error.to_string(),
            });
            (path, content)
        };
        options.files = Some(config::local_files(&source, &options).into_iter().map(read).collect());
        self.load_with(&options)
    }

    /// What the stack file asks for, whatever stands in its folders.
    pub(crate) fn load_without_files(&mut self) -> Result<Loaded, CommandError> {
        let options = self.options();
        self.load_with(&options)
    }

    /// What a destroy needs of the stack file. It goes by the stack's tags, so that mistakes in tables are warnings.
    pub(crate) fn load_to_destroy(&mut self) -> Result<Loaded, CommandError> {
        let options = self.options();
        let name = self.file().display().to_string();
        let bytes = self.read_file()?;
        let source = Source { name: &name, bytes: &bytes };
        let mistakes = match config::load(&source, &options) {
            Ok(loaded) => return Ok(self.take(loaded, &source)),
            Err(mistakes) => mistakes,
        };
        let Some(loaded) = config::load_without_tables(&source, &options) else {
            return Err(self.refuse(&mistakes, &source));
        };
        let loaded = self.take(loaded, &source);
        for mistake in &mistakes {
            self.ui.err(&diagnostic::warning(mistake, &source));
        }
        self.ui.err(&style::warning(&format!(
            "{} in {name}: neap goes by the tags of stack {}, as if the file had no other table than `[stack]`; what tables alone name, \
             such as a log group that a task's driver made, is not looked for",
            diagnostic::count(&mistakes),
            loaded.desired.stack
        )));
        Ok(loaded)
    }

    /// The folder that the stack file lies in.
    pub(crate) fn base(&self) -> PathBuf {
        let file = self.path(&self.file());
        file.parent().map_or_else(|| self.folder.clone(), Path::to_owned)
    }

    /// What the stack file asks for with `options`.
    pub(crate) fn load_with(&mut self, options: &Options) -> Result<Loaded, CommandError> {
        let name = self.file().display().to_string();
        let bytes = self.read_file()?;
        let source = Source { name: &name, bytes: &bytes };
        match config::load(&source, options) {
            Ok(loaded) => Ok(self.take(loaded, &source)),
            Err(mistakes) => Err(self.refuse(&mistakes, &source)),
        }
    }

    /// Notes what a stack file says, and prints its warnings. A sandbox has a region, whatever the file says.
    fn take(&mut self, mut loaded: Loaded, source: &Source<'_>) -> Loaded {
        self.secrets = loaded.secrets.clone();
        for warning in &loaded.warnings {
            self.ui.err(&diagnostic::warning(warning, source));
        }
        if self.global.sandbox {
            loaded.desired.region.get_or_insert_with(|| SANDBOX_REGION.to_owned());
        }
        loaded
    }

    /// Prints all mistakes of a stack file.
    fn refuse(&mut self, mistakes: &[Diagnostic], source: &Source<'_>) -> CommandError {
        if self.global.json {
            self.ui.out(&json::pretty(&MistakesView::of(source.name, mistakes)));
        }
        for mistake in mistakes {
            self.ui.err(&diagnostic::mistake(mistake, source));
        }
        CommandError::invalid(format!("{} in {}", diagnostic::count(mistakes), source.name))
    }

    /// A runtime for everything that waits, with an ear for signals. That of the sandbox has a clock which waits for nobody,
    /// unless `NEAP_SANDBOX_CLOCK` is `real`.
    pub(crate) fn runtime(&self) -> Result<Runtime, CommandError> {
        signals::listen();
        let is_real = match self.environment.get(SANDBOX_CLOCK).map(String::as_str) {
            None => !self.global.sandbox,
            Some("real") => true,
            Some(other) => {
                let message = format!("`{SANDBOX_CLOCK}` is `{other}`, and can only be `real`");
                return Err(CommandError::invalid(message));
            }
        };
        let runtime = Builder::new_current_thread().enable_all().start_paused(!is_real).build();
        runtime.map_err(|error| CommandError::failed(format!("no runtime: {error}")))
    }

    /// The cloud, in `region` unless the SDK's own chain is to decide.
    pub(crate) async fn cloud(&self, region: Option<&str>) -> Result<C::Cloud, CommandError> {
        let target = self.target(region)?;
        self.connect.connect(&target).await.map_err(unconnected)
    }

    /// Where the lock of `desired` lies.
    pub(crate) async fn store(
        &self,
        desired: &Desired,
        region: Option<&str>,
    ) -> Result<C::Store, CommandError> {
        let target = self.target(region)?;
        self.connect.store(&target, &desired.lock, &desired.stack).await.map_err(unconnected)
    }

    fn target(&self, region: Option<&str>) -> Result<Target, CommandError> {
        if self.global.sandbox {
            let file = self.path(&self.file());
            Ok(Target::Sandbox { folder: file.with_file_name(".neap") })
        } else if self.connect.reaches_aws() {
            Ok(Target::Aws {
                region: region.map(str::to_owned),
                profile: self.global.profile.clone(),
                endpoint_url: self.global.endpoint_url.clone(),
                folder: self.base(),
            })
        } else {
            let message = "this neap was built without AWS, so it has the sandbox only";
            Err(CommandError::failed(message)
                .hint("add `--sandbox`, or build it with the cargo feature `aws`, which is on by default"))
        }
    }

    /// Reads what is live.
    pub(crate) async fn live(&self, cloud: &C::Cloud, desired: &Desired) -> Result<Live, CommandError> {
        let mut live = neap_engine::read::read(cloud, desired).await?;
        let readings = live.readings.values_mut().filter_map(|reading| match reading {
            Reading::Unreadable(failure) => Some(failure),
            Reading::Absent | Reading::Present(_) | Reading::Foreign(_) => None,
        });
        for failure in readings.chain(&mut live.failures) {
            failure.message = self.secrets.redact(std::mem::take(&mut failure.message));
        }
        for warning in &mut live.warnings {
            *warning = self.secrets.redact(std::mem::take(warning));
        }
        Ok(live)
    }

    /// Reads what is live and plans. Warnings are printed.
    pub(crate) async fn plan(
        &self,
        cloud: &C::Cloud,
        desired: &Desired,
        secrets: &Secrets,
        mode: Mode,
    ) -> Result<(Plan, Live), CommandError> {
        let live = self.live(cloud, desired).await?;
        let plan = planner::plan(desired, &live, mode, secrets)
            .map_err(|it| refusal::refused(&desired.stack, &it))?;
        checked(&plan)?;
        for warning in &plan.warnings {
            self.ui.err(&style::warning(warning));
        }
        Ok((plan, live))
    }
}

fn unconnected(error: CallError) -> CommandError {
    match error.kind {
        ErrorKind::Credentials => error.into(),
        // Nothing was called yet, so the message alone says what is wrong.
        _ => CommandError::failed(error.message),
    }
}

/// A plan that breaks its own rules is never carried out.
pub(crate) fn checked(plan: &Plan) -> Result<(), CommandError> {
    let broken = check::check(plan);
    if broken.is_empty() {
        return Ok(());
    }
    let error = CommandError::failed("internal error: the plan is not sound, so nothing was changed");
    Err(broken.into_iter().fold(error, CommandError::detail).hint("please report this with your stack file"))
}
