//! The cheapest placement, by branch and bound.

use crate::tune::feasible::hardest_first;
use crate::tune::problem::Problem;
use crate::tune::state::State;
use crate::tune::symmetry::Symmetry;

/// Looks for a placement that is cheaper than this one, for so many steps at most; whether it got to
/// the end: then what is left in `best` is the cheapest of all.
pub fn improve(problem: &Problem, best: &mut (f64, Vec<usize>), steps_max: u64) -> bool {
    let mut search = Search {
        problem,
        symmetry: Symmetry::new(problem),
        order: hardest_first(problem),
        state: State::new(problem),
        best,
        steps: steps_max,
    };
    let inner: f64 = problem.units.iter().map(|unit| unit.inner * problem.one_way_ns(0, 0)).sum();
    search.branch(0, inner)
}

struct Search<'a> {
    problem: &'a Problem,
    symmetry: Symmetry,
    order: Vec<usize>,
    state: State<'a>,
    best: &'a mut (f64, Vec<usize>),
    /// Left.
    steps: u64,
}

impl Search<'_> {
    /// Tries everything for the units from that one of the order on; `cost` is that of the messages so
    /// far. `false` if the steps were used up.
    fn branch(&mut self, next: usize, messages: f64) -> bool {
        let Some(unit) = self.order.get(next).copied() else {
            let cost = messages + self.of_cpus();
            // What is only rounded better isn't better.
            if cost < self.best.0 * (1.0 - 1e-12) {
                *self.best = (cost, self.state.list());
            }
            return true;
        };
        let mut branches = Vec::new();
        for cpu in self.symmetry.worth_trying(&self.state) {
            if self.state.fits(unit, cpu) {
                let added = self.state.of_messages(unit, cpu);
                branches.push((added + self.state.of_cpu_with(unit, cpu).total(), added, cpu));
            }
        }
        branches.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, added, cpu) in branches {
            let Some(left) = self.steps.checked_sub(1) else { return false };
            self.steps = left;
            self.state.put(unit, cpu);
            let so_far = messages + added;
            let is_worth_it = self.bound(next + 1, so_far) < self.best.0;
            if is_worth_it && !self.branch(next + 1, so_far) {
                return false;
            }
            self.state.take(unit);
        }
        true
    }

    fn of_cpus(&self) -> f64 {
        (0..self.problem.cpus.len()).map(|cpu| self.state.cpu_path(cpu).total()).sum()
    }

    /// What any completion costs at least: each unit by itself goes where it adds least to what is
    /// placed. That is no more than it adds in the end, as a CPU's cost is convex in its load, and
    /// messages between two units that aren't placed cost as much as on one CPU at least.
    fn bound(&self, next: usize, messages: f64) -> f64 {
        let mut bound = messages + self.of_cpus();
        let (here, local) = (&self.state, self.problem.least_ns());
        let cpu_path: Vec<_> =
            (0..self.problem.cpus.len()).map(|cpu| here.cpu_path(cpu).total()).collect();
        for unit in &self.order[next..] {
            let added = |cpu: usize| {
                here.of_messages(*unit, cpu) + here.of_cpu_with(*unit, cpu).total() - cpu_path[cpu]
            };
            let possible = (0..cpu_path.len()).filter(|cpu| here.fits(*unit, *cpu));
            // Infinite if there is none: a dead end.
            bound += possible.map(added).fold(f64::INFINITY, f64::min);
            let open = self.problem.units[*unit].edges.iter();
            let open = open.filter(|(other, _)| here.cpu_of[*other].is_none());
            // Half of it, as each edge is met at both of its ends.
            bound += open.map(|(_, rate)| rate * local / 2.0).sum::<f64>();
        }
        bound
    }
}
