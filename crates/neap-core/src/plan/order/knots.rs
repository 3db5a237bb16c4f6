//! Cycles among steps: which edges give way, and how far each step is from the start.

use std::collections::{BTreeMap, BTreeSet};

use super::Strength;
use crate::plan::wishes::strong_order;
use crate::plan::{Need, StepId};

type Edges = BTreeMap<(StepId, StepId), (Need, Strength)>;

/// A knot that no edge can be taken out of.
pub(super) enum Tight {
    /// Cycles of edges that cannot give way.
    Cycles(Vec<Vec<StepId>>),
    /// Steps whose resource must be deleted before its successor is created.
    DeleteFirst(BTreeSet<StepId>),
}

/// Takes out the weakest edges of each cycle until none is left.
///
/// Cycles come about where live resources refer to each other, such as two security groups that let each other in,
/// and where a resource moves to something that waits until the resource has left something else.
///
/// # Errors
///
/// Fails where the weakest edge of a cycle can give way only by another decision, or not at all.
pub(super) fn untie(edges: &mut Edges, steps: usize) -> Result<(), Tight> {
    loop {
        let pairs: BTreeSet<(usize, usize)> = edges.keys().copied().collect();
        let (_, cycles) = strong_order(steps, &pairs);
        if cycles.is_empty() {
            return Ok(());
        }
        let mut first = BTreeSet::new();
        let mut stuck = Vec::new();
        for cycle in cycles {
            let pairs = cycle.windows(2).map(|pair| (pair[0], pair[1]));
            let weakest = pairs.map(|pair| (edges[&pair].1, pair)).min_by_key(|(strength, _)| *strength);
            match weakest {
                Some((Strength::Steady | Strength::Smooth | Strength::Enforced, edge)) => {
                    edges.remove(&edge);
                }
                Some((Strength::Successor, (before, _))) => first.extend([before]),
                Some((Strength::Needed, _)) | None => stuck.push(cycle),
            }
        }
        if !stuck.is_empty() {
            return Err(Tight::Cycles(stuck));
        }
        if !first.is_empty() {
            return Err(Tight::DeleteFirst(first));
        }
    }
}

/// The length of the longest chain of edges that ends in each step.
pub(super) fn ranks(edges: &Edges, steps: usize) -> Vec<usize> {
    let backwards: BTreeSet<(usize, usize)> = edges.keys().map(|(before, after)| (*after, *before)).collect();
    let (order, _) = strong_order(steps, &backwards);
    let mut ranks = vec![0; steps];
    for step in order {
        let before = backwards.range((step, 0)..=(step, usize::MAX));
        ranks[step] = before.map(|(_, before)| ranks[*before] + 1).max().unwrap_or(0);
    }
    ranks
}
