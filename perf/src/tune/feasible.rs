//! Whether there is any placement that keeps all constraints; and if not, which of them exclude it.

use crate::tune::graph::{Constraint, Graph};
use crate::tune::problem::{Machine, Problem};
use crate::tune::state::State;
use crate::tune::symmetry::Symmetry;

/// How many CPUs are tried for units before the search gives up.
const TRIES_MAX: usize = 200_000;

/// The result of a search for any placement.
pub enum Any {
    /// There is this one.
    Found(Vec<usize>),
    /// There is none.
    None,
    /// It took too long.
    GaveUp,
}

/// Looks for any placement; of the CPUs that are possible for a unit it takes the one that `rank` puts
/// first.
pub fn any(problem: &Problem, rank: impl FnMut(&State<'_>, usize, usize) -> f64) -> Any {
    if problem.cpus.is_empty() {
        return Any::None;
    }
    let mut search = Search {
        symmetry: Symmetry::new(problem),
        order: hardest_first(problem),
        state: State::new(problem),
        tries: 0,
        rank,
    };
    match search.place(0) {
        Some(true) => Any::Found(search.state.list()),
        Some(false) => Any::None,
        None => Any::GaveUp,
    }
}

/// Units with few possible CPUs first, then those with many constraints, then those with much traffic.
pub fn hardest_first(problem: &Problem) -> Vec<usize> {
    let mut order: Vec<_> = (0..problem.units.len()).collect();
    let traffic =
        |unit: &usize| -> f64 { problem.units[*unit].edges.iter().map(|(_, rate)| rate).sum() };
    let freedom = |unit: &usize| {
        let unit = &problem.units[*unit];
        let possible = unit.may.iter().filter(|may| **may).count();
        (possible, usize::MAX - unit.apart.len() - unit.near.len())
    };
    order.sort_by(|a, b| {
        let by_traffic = || traffic(b).total_cmp(&traffic(a));
        freedom(a).cmp(&freedom(b)).then_with(by_traffic)
    });
    order
}

struct Search<'a, R> {
    symmetry: Symmetry,
    order: Vec<usize>,
    state: State<'a>,
    tries: usize,
    rank: R,
}

impl<R: FnMut(&State<'_>, usize, usize) -> f64> Search<'_, R> {
    /// Places the units from that one of the order on; `None` if that took too long.
    fn place(&mut self, next: usize) -> Option<bool> {
        let Some(unit) = self.order.get(next).copied() else { return Some(true) };
        let worth_trying = self.symmetry.worth_trying(&self.state);
        let possible = worth_trying.into_iter().filter(|cpu| self.state.fits(unit, *cpu));
        let possible: Vec<_> = possible.collect();
        let mut ranked: Vec<_> =
            possible.into_iter().map(|cpu| ((self.rank)(&self.state, unit, cpu), cpu)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, cpu) in ranked {
            self.tries += 1;
            if self.tries > TRIES_MAX {
                return None;
            }
            self.state.put(unit, cpu);
            if self.place(next + 1)? {
                return Some(true);
            }
            self.state.take(unit);
        }
        Some(false)
    }
}

/// Constraints that exclude each other, and of which none could be left out: `None` if there is a
/// placement, or that can't be told.
pub fn conflict(graph: &Graph, machine: Machine<'_>) -> Option<Vec<Constraint>> {
    let is_impossible = |constraints: &[Constraint]| {
        let problem = Problem::new(&graph.with_only(constraints), machine);
        matches!(any(&problem, |_, _, _| 0.0), Any::None)
    };
    let mut needed = graph.constraints();
    if !is_impossible(&needed) {
        return None;
    }
    let mut place = 0;
    while place < needed.len() {
        let left_out = needed.remove(place);
        if !is_impossible(&needed) {
            needed.insert(place, left_out);
            place += 1;
        }
    }
    Some(needed)
}
