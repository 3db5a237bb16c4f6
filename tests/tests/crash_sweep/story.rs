//! One story of the sweep: what is under way when a call is struck, what is run then, and how it must end.
//!
//! Decides what recovery means. Must not know how processes are run.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::Error;
use crate::example::{self, Edit, Example};
use crate::folder::{Call, Folder};
use crate::world::World;

const APPLY: [&str; 2] = ["apply", "--yes"];
const DESTROY: [&str; 2] = ["destroy", "--yes"];

/// More calls than this make a story long. What is there before a call is mostly what was there after the one before it.
const LONG: usize = 40;

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// neap is killed right before it is sent.
    KillBefore,
    /// neap is killed right after it was carried out, before its answer arrives.
    KillAfter,
    /// The same, and then the next run is killed too, after so many calls.
    KillTwice(usize),
    /// It is carried out, and its answer is lost.
    LostAnswer,
    /// AWS refuses it for there being too many.
    Throttle,
    /// AWS fails.
    Broken,
    /// The permission is missing.
    Deny,
}

impl Strike {
    /// Whether neap is killed.
    pub(crate) const fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter | Self::KillTwice(_))
    }

    /// Whether this is tried at the call with this number of so many: a kill on both sides of it, in a long story on one side of every
    /// second one in turn, and where it needs three runs at every fifth; of the faults one in turn, in a long story at every second call.
    /// Or everything where all is asked for.
    pub(crate) const fn is_tried_at(self, number: usize, calls: usize, all: bool) -> bool {
        let is_long = calls > LONG;
        let turn = match self {
            Self::KillBefore => return all || !is_long || number.is_multiple_of(4),
            Self::KillAfter => return all || !is_long || number % 4 == 2,
            Self::KillTwice(_) => return number % 5 == 1 && (all || !is_long || number % 10 == 1),
            Self::LostAnswer => 0,
            Self::Throttle => 1,
            Self::Broken => 2,
            Self::Deny => 3,
        };
        all || if is_long { number % 8 == 2 * turn } else { number % 4 == turn }
    }

    /// The fault script that strikes the call with this number.
    fn script(self, number: usize) -> String {
        let kind = match self {
            Self::KillBefore => "kill_before",
            Self::KillAfter | Self::KillTwice(_) => "kill_after",
            Self::LostAnswer => "lost_answer",
            Self::Throttle => "throttle",
            Self::Broken => "fail\"\ncode = \"InternalFailure",
            Self::Deny => "deny",
        };
        format!("[[fault]]\noperation = \"*\"\nmutating = true\nnth = {number}\nkind = \"{kind}\"\n")
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillBefore => formatter.write_str("killed before"),
            Self::KillAfter => formatter.write_str("killed after"),
            Self::KillTwice(second) => {
                write!(formatter, "killed after, and again after call {second} of the next run,")
            }
            Self::LostAnswer => formatter.write_str("lost answer to"),
            Self::Throttle => formatter.write_str("throttled at"),
            Self::Broken => formatter.write_str("failed at"),
            Self::Deny => formatter.write_str("denied at"),
        }
    }
}

/// What is under way.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A first apply; then it is applied again.
    Apply,
    /// A first apply; then it is given up and destroyed.
    GiveUp,
    /// An apply of this edit; then it is applied again.
    Update(usize),
    /// A destroy; then it is destroyed again.
    Destroy,
}

/// One story.
pub(crate) struct Story {
    /// The stack.
    pub(crate) example: Arc<Example>,
    act: Act,
    undisturbed: OnceLock<Result<Undisturbed, String>>,
}

/// What happens when nothing happens.
pub(crate) struct Undisturbed {
    /// The stack file that is applied or destroyed.
    stack: String,
    /// The world before.
    before: Option<String>,
    /// The calls that change something.
    pub(crate) calls: Vec<Call>,
    /// The world afterwards.
    after: World,
}

/// Every story of every example.
pub(crate) fn all() -> Result<Vec<Story>, Error> {
    let mut stories = Vec::new();
    for example in example::all()? {
        let example = Arc::new(example);
        let edits = (0..example.edits.len()).map(Act::Update);
        for act in [Act::Apply, Act::GiveUp].into_iter().chain(edits).chain([Act::Destroy]) {
            let example = Arc::clone(&example);
            stories.push(Story { example, act, undisturbed: OnceLock::new() });
        }
    }
    Ok(stories)
}

impl Story {
    /// What can happen at its calls. What was given up is told from an apply by its end, so only kills matter to it.
    pub(crate) fn strikes(&self) -> Vec<Strike> {
        use Strike::{Broken, Deny, KillAfter, KillBefore, KillTwice, LostAnswer, Throttle};
        let mut strikes = vec![KillBefore, KillAfter, KillTwice(1), KillTwice(3)];
        if !matches!(self.act, Act::GiveUp) {
            strikes.extend([LostAnswer, Throttle, Broken, Deny]);
        }
        strikes
    }

    /// What it is called among the tests.
    pub(crate) fn name(&self) -> String {
        let act = match self.act {
            Act::Apply => "apply".to_owned(),
            Act::GiveUp => "apply_then_destroy".to_owned(),
            Act::Update(edit) => format!("update_{}", self.example.edits[edit].name.replace(' ', "_")),
            Act::Destroy => "destroy".to_owned(),
        };
        format!("{}::{act}", self.example.name)
    }

    /// What happens when nothing happens; found out once.
    pub(crate) fn undisturbed(&self) -> Result<&Undisturbed, Error> {
        let found =
            self.undisturbed.get_or_init(|| self.run_undisturbed().map_err(|error| error.to_string()));
        found.as_ref().map_err(|error| error.clone().into())
    }

    fn run_undisturbed(&self) -> Result<Undisturbed, Error> {
        let (text, beside) = (&self.example.text, self.example.beside.as_deref());
        let (stack, before) = match self.act {
            Act::Apply | Act::GiveUp => (text.clone(), None),
            Act::Update(edit) => (self.example.edits[edit].of(text)?, Some(applied(beside, text)?)),
            Act::Destroy => (text.clone(), Some(applied(beside, text)?)),
        };
        let folder = Folder::new(beside, &stack, before.as_deref())?;
        if let Act::Update(edit) = self.act {
            holds(&folder, &self.example.edits[edit])?;
        }
        let calls = folder.calls(&self.under_way())?;
        if calls.is_empty() {
            return Err("it makes no call that changes something".into());
        }
        let after = if matches!(self.act, Act::GiveUp) { World::default() } else { folder.world()? };
        Ok(Undisturbed { stack, before, calls, after })
    }

    /// The command that is killed.
    const fn under_way(&self) -> [&'static str; 2] {
        match self.act {
            Act::Apply | Act::GiveUp | Act::Update(_) => APPLY,
            Act::Destroy => DESTROY,
        }
    }

    /// The command that is run then.
    const fn recovery(&self) -> [&'static str; 2] {
        match self.act {
            Act::Apply | Act::Update(_) => APPLY,
            Act::GiveUp | Act::Destroy => DESTROY,
        }
    }

    /// Lets one call be struck, runs neap again, and looks at what is there.
    /// Answers how often neap was killed.
    pub(crate) fn strike_and_recover(&self, number: usize, strike: Strike) -> Result<usize, Error> {
        let undisturbed = self.undisturbed()?;
        let beside = self.example.beside.as_deref();
        let folder = Folder::new(beside, &undisturbed.stack, undisturbed.before.as_deref())?;
        let script = strike.script(number);
        if !strike.kills() {
            if folder.struck(&self.under_way(), &script, self.codes(strike))? != 0 {
                folder.run(&self.recovery(), 0)?;
            }
            // A world that is the same has the same empty plan, and goes in the same way.
            return compare(&undisturbed.after, &folder.world()?).map(|()| 0);
        }
        let answered = folder.killed(&self.under_way(), &script)?;
        if answered[..] != undisturbed.calls[..number - 1] {
            return Err(format!("it was killed somewhere else, after {answered:#?}").into());
        }
        let mut kills = 1;
        if let Strike::KillTwice(second) = strike {
            kills += usize::from(folder.is_killed(&self.recovery(), &strike.script(second))?);
        }
        folder.run(&self.recovery(), 0)?;
        compare(&undisturbed.after, &folder.world()?)?;
        if self.recovery() == APPLY {
            folder
                .run(&["plan", "--detailed-exitcode"], 0)
                .map_err(|error| format!("the plan is not empty: {error}"))?;
            folder.run(&DESTROY, 0)?;
        }
        is_empty(&folder).map(|()| kills)
    }

    /// The codes that a run may end with which is struck and not killed: what helps against all but a missing permission
    /// is another try. What may not be deleted can still go with what it is part of, as a listener does.
    const fn codes(&self, strike: Strike) -> &'static [i32] {
        match (strike, self.act) {
            (Strike::Deny, Act::Destroy) => &[4, 0],
            (Strike::Deny, _) => &[1],
            _ => &[0],
        }
    }

    /// What is said before a failure: which call it was, and how to see it happen.
    pub(crate) fn heading(&self, number: usize, strike: Strike) -> String {
        let call = self.undisturbed().map(|undisturbed| undisturbed.calls[number - 1].clone());
        let call = call.map_or_else(
            |_| String::new(),
            |Call { operation, address, .. }| format!(" ({operation} for {})", address.unwrap_or_default()),
        );
        let before = match self.act {
            Act::Apply | Act::GiveUp => String::new(),
            Act::Destroy => "    neap apply --yes --sandbox\n".to_owned(),
            Act::Update(edit) => format!(
                "    neap apply --yes --sandbox\n    # then the edit `{}` of tests/sweep/{}.toml\n",
                self.example.edits[edit].name, self.example.name
            ),
        };
        format!(
            "{} {strike} call {number}{call}; by hand, in an empty folder, with `cargo run -p neap-tests` as neap:\n    \
             cp {} .\n{before}    cat > faults.toml <<END\n{}END\n    \
             NEAP_SANDBOX_FAULTS=faults.toml neap {} --sandbox\n    neap {} --sandbox\n\n",
            self.name(),
            self.example.path.display(),
            strike.script(number),
            self.under_way().join(" "),
            self.recovery().join(" "),
        )
    }
}

/// The world in which a stack has been applied.
fn applied(beside: Option<&Path>, stack: &str) -> Result<String, Error> {
    let folder = Folder::new(beside, stack, None)?;
    folder.run(&APPLY, 0)?;
    folder.world_text()
}

/// Checks that an edit brings about what it is for.
fn holds(folder: &Folder, edit: &Edit) -> Result<(), Error> {
    let plan: serde_json::Value = serde_json::from_str(&folder.run(&["plan", "--json"], 0)?)?;
    let changes = plan["changes"].as_array().ok_or("a plan has changes")?;
    let planned: Vec<&str> = changes.iter().filter_map(|change| change["action"].as_str()).collect();
    match edit.actions.iter().find(|action| !planned.contains(&action.as_str())) {
        Some(action) => {
            Err(format!("the edit `{}` shall {action}, but the plan has {planned:?}", edit.name).into())
        }
        None => Ok(()),
    }
}

/// Checks that nothing is left, neither in the world nor beside it.
fn is_empty(folder: &Folder) -> Result<(), Error> {
    let left = folder.world()?;
    if !left.keys().is_empty() {
        return Err(format!("destroy says that nothing is left, but {:?} is", left.keys()).into());
    }
    let strays = folder.strays()?;
    if strays.is_empty() { Ok(()) } else { Err(format!("{strays:?} is left beside the world").into()) }
}

fn compare(expected: &World, found: &World) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    let diff = similar::TextDiff::from_lines(&expected, &found);
    let diff = diff.unified_diff().header("undisturbed", "killed and run again").to_string();
    Err(format!("it ends elsewhere than an undisturbed run:\n{diff}").into())
}
