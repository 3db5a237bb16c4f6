//! A life in which every changing operation is struck by a kill: a command is run, killed at the first of those that are left, and run
//! again, until it asks for none of them.
//!
//! Cheaper than a life for each kill, and harder: what mends the first kill is killed too.

use std::collections::BTreeSet;

use neap_fault_proxy::{Fault, Only, Strike};
use neap_http_tests::Disturbed;
use serde_json::Value;

use crate::calm::Calm;
use crate::case::{Tally, nothing_planned, same, told};
use crate::crew::Site;

/// What strikes a stack.
pub(crate) struct Chain<'a> {
    calm: &'a Calm,
    /// Whether the first operation by name is struck before it is carried out; they take turns.
    before: bool,
    /// Of so many operations by name one is struck, this one first.
    every: (usize, usize),
}

impl<'a> Chain<'a> {
    /// Each operation before it is carried out or after, in turns; which one it begins with is to differ from stack to stack.
    pub(crate) const fn of(calm: &'a Calm, before: bool) -> Self {
        Self { calm, before, every: (1, 0) }
    }

    /// The same of one in `stride` operations, from the one with the number `first`.
    pub(crate) const fn sample(calm: &'a Calm, stride: usize, first: usize) -> Self {
        Self { calm, before: first.is_multiple_of(2), every: (stride, first % stride) }
    }

    /// Lives it. What one kill spares the next run, as the listeners of a load balancer that is gone, is struck in another life.
    pub(crate) fn run(&self, site: &Site) -> Result<Tally, String> {
        let Calm { stack, apply, destroy, built, left, .. } = self.calm;
        let [mut applying, mut destroying] = [apply, destroy].map(|operations| self.strikes(operations));
        let mut tally = Tally { operations: applying.len() + destroying.len(), ..Tally::default() };
        while !applying.is_empty() || !destroying.is_empty() {
            let kills = tally.kills;
            let disturbed = site.world(*stack);
            self.command(&disturbed, "apply", &mut applying, built, &mut tally)?;
            nothing_planned(&disturbed)?;
            self.command(&disturbed, "destroy", &mut destroying, left, &mut tally)?;
            if tally.kills == kills {
                return Err(format!("{stack:?}: nothing asks for these: {applying:?} {destroying:?}"));
            }
        }
        Ok(tally)
    }

    /// Runs a command until none of `open` strikes it any more.
    fn command(
        &self,
        disturbed: &Disturbed,
        name: &str,
        open: &mut Vec<Strike>,
        expected: &Value,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let told_of = |why: String| format!("{:?}: {name} killed at each operation: {why}", self.calm.stack);
        loop {
            let ended = disturbed.neap(&[name, "--yes"], open.clone());
            let struck: BTreeSet<String> = ended.struck().map(|seen| seen.operation.to_string()).collect();
            let code = if struck.is_empty() { 0 } else { -1 };
            if ended.run.code != code {
                return Err(told_of(told(&ended)));
            }
            if struck.is_empty() {
                return same(disturbed, expected, "in the end").map_err(told_of);
            }
            tally.kills += 1;
            open.retain(|strike| !matches!(&strike.only, Only::Operation(name) if struck.contains(name)));
        }
    }

    fn strikes(&self, operations: &[String]) -> Vec<Strike> {
        let operations: BTreeSet<&String> = operations.iter().collect();
        let strike = |(place, name): (usize, &String)| {
            let fault = if (place % 2 == 0) == self.before { Fault::KillBefore } else { Fault::KillAfter };
            Strike { only: Only::Operation(name.clone()), nth: 1, times: 1, fault }
        };
        let (stride, first) = self.every;
        operations.into_iter().skip(first).step_by(stride).enumerate().map(strike).collect()
    }
}
