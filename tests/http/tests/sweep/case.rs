//! One disturbed life: an apply and a destroy that are struck, and the runs after them that must mend everything.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use neap_fault_proxy::{Fault, Only, Strike};
use neap_http_tests::{Disturbed, Ended, Run};
use serde_json::Value;

use crate::calm::Calm;
use crate::crew::Site;

/// What strikes one life of a stack.
pub(crate) struct Case<'a> {
    calm: &'a Calm,
    title: String,
    apply: Vec<Strike>,
    destroy: Vec<Strike>,
    ending: Ending,
}

/// How a struck run must end.
enum Ending {
    /// Killed.
    Killed,
    /// Well.
    Well,
    /// Well or as a failure, as long as nothing is believed that is not so.
    Either,
    /// As a failure that says all of this.
    Failed(Vec<String>),
}

/// How much struck.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) kills: usize,
    pub(crate) faults: usize,
    /// How many changing operations of commands were struck by a kill, each counted once for its command.
    pub(crate) operations: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.kills += other.kills;
        self.faults += other.faults;
        self.operations += other.operations;
    }
}

impl<'a> Case<'a> {
    /// A kill before and one after each request that may change something. Apply and destroy of one life are both
    /// killed; the shorter of the two is gone through again from its beginning.
    pub(crate) fn kills(calm: &'a Calm) -> Vec<Self> {
        let longest = calm.apply.len().max(calm.destroy.len());
        let both = (0..longest).flat_map(|number| [(number, Fault::KillBefore), (number, Fault::KillAfter)]);
        both.map(|(number, fault)| {
            let (apply, destroy) = (number % calm.apply.len() + 1, number % calm.destroy.len() + 1);
            let strike = |nth| vec![Strike { only: Only::Mutating, nth, times: 1, fault }];
            Self {
                calm,
                title: format!("{:?}: {fault:?} {apply} of apply, {destroy} of destroy", calm.stack),
                apply: strike(apply),
                destroy: strike(destroy),
                ending: Ending::Killed,
            }
        })
        .collect()
    }

    /// One fault at a request of each operation that either command asks for. The faults take turns, and `first` says with which one
    /// they begin.
    pub(crate) fn faults(calm: &'a Calm, faults: &[Fault], first: usize) -> Self {
        let strikes = |operations: &BTreeMap<String, usize>| {
            let strike = |(place, (name, times)): (usize, (&String, &usize))| Strike {
                only: Only::Operation(name.clone()),
                nth: 1 + place % times,
                times: 1,
                fault: faults[(first + place) % faults.len()],
            };
            operations.iter().enumerate().map(strike).collect()
        };
        Self {
            calm,
            title: format!("{:?}: {faults:?} at each operation, from number {first}", calm.stack),
            apply: strikes(&calm.apply_operations),
            destroy: strikes(&calm.destroy_operations),
            // The SDK repeats no 404.
            ending: if faults.contains(&Fault::Page(404)) { Ending::Either } else { Ending::Well },
        }
    }

    /// A fault that never ends, at one operation of each command: the run gives up and says at what and why.
    pub(crate) fn lasting(calm: &'a Calm, fault: Fault, operations: [&str; 2], why: &str) -> Self {
        let strike = |name: &str| {
            vec![Strike { only: Only::Operation(name.to_owned()), nth: 1, times: usize::MAX, fault }]
        };
        let [apply, destroy] = operations;
        Self {
            calm,
            title: format!("{:?}: {fault:?} always at {apply} and {destroy}", calm.stack),
            apply: strike(apply),
            destroy: strike(destroy),
            ending: Ending::Failed(vec![why.to_owned()]),
        }
    }

    /// Lives it. What did not come out as in the undisturbed life is told, with all that can help to understand it.
    pub(crate) fn run(&self, site: &Site) -> Result<Tally, String> {
        self.live(&site.world(self.calm.stack)).map_err(|why| format!("{}: {why}", self.title))
    }

    fn live(&self, disturbed: &Disturbed) -> Result<Tally, String> {
        let mut tally = Tally::default();
        self.command(disturbed, "apply", &self.apply, &mut tally)?;
        same(disturbed, &self.calm.built, "after apply")?;
        nothing_planned(disturbed)?;
        self.command(disturbed, "destroy", &self.destroy, &mut tally)?;
        same(disturbed, &self.calm.left, "after destroy")?;
        Ok(tally)
    }

    /// Runs a command that is struck; if it does not survive that, once more without.
    fn command(
        &self,
        disturbed: &Disturbed,
        name: &str,
        script: &[Strike],
        tally: &mut Tally,
    ) -> Result<(), String> {
        let struck = disturbed.neap(&[name, "--yes"], script.to_vec());
        let count = struck.struck().count();
        if count == 0 || !self.ending.is(&struck.run) {
            return Err(format!("{name} was struck {count} times\n{}", told(&struck)));
        }
        match self.ending {
            Ending::Killed => tally.kills += count,
            Ending::Well | Ending::Either | Ending::Failed(_) => tally.faults += count,
        }
        if struck.run.code == 0 {
            return Ok(());
        }
        let again = disturbed.neap(&[name, "--yes"], Vec::new());
        if again.run.code == 0 {
            return Ok(());
        }
        Err(format!("{name} again fails\n{}\nafter\n{}", told(&again), told(&struck)))
    }
}

impl Ending {
    fn is(&self, run: &Run) -> bool {
        match self {
            Self::Killed => run.code == -1,
            Self::Well => run.code == 0,
            Self::Either => matches!(run.code, 0 | 1 | 4),
            // 4 is destroy's word for what it could not delete.
            Self::Failed(said) => {
                matches!(run.code, 1 | 4) && said.iter().all(|text| run.stderr.contains(text))
            }
        }
    }
}

/// Whether a second plan is empty.
pub(crate) fn nothing_planned(disturbed: &Disturbed) -> Result<(), String> {
    let Run { code, stdout, stderr } = disturbed.world.neap(&["plan", "--detailed-exitcode"]);
    if code == 0 { Ok(()) } else { Err(format!("a second plan ends with {code}\n{stdout}{stderr}")) }
}

/// Whether the independent reader sees what it saw in the undisturbed life.
pub(crate) fn same(disturbed: &Disturbed, expected: &Value, when: &str) -> Result<(), String> {
    let actual = disturbed.world.listing();
    if actual == *expected {
        Ok(())
    } else {
        Err(format!("{when} there is\n{actual}\ninstead of\n{expected}"))
    }
}

/// All that can help to understand a run.
pub(crate) fn told(ended: &Ended) -> String {
    let Run { code, stdout, stderr } = &ended.run;
    let requests =
        ended.seen.iter().map(|seen| format!("{} {:?} {:?}", seen.operation, seen.status, seen.fault));
    format!("exit code {code}\n{stdout}{stderr}{}", requests.collect::<Vec<_>>().join("\n"))
}
