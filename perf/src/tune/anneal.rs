//! A good placement, by simulated annealing: for problems that are too large to try everything.

use crate::tune::problem::Problem;
use crate::tune::state::State;
use fastrand::Rng;

/// The temperature falls by this factor.
const COOLING: f64 = 1e-5;

/// Improves a placement that keeps all constraints, in so many steps; returns its cost and itself. The
/// same seed makes the same steps.
pub fn improve(problem: &Problem, from: &[usize], steps: u64, rng: &mut Rng) -> (f64, Vec<usize>) {
    let mut walk = Walk::new(problem, from);
    let mut temperature = walk.usual_change(rng);
    let factor = COOLING.powf(1.0 / steps.max(1) as f64);
    for _ in 0..steps {
        walk.step(temperature, rng);
        temperature *= factor;
    }
    let best = walk.best.1.clone();
    let mut walk = Walk::new(problem, &best);
    walk.descend();
    (walk.state.cost().total(), walk.state.list())
}

/// What is moved in one step.
type Moves = Vec<(usize, usize)>;

struct Walk<'a> {
    problem: &'a Problem,
    state: State<'a>,
    cost: f64,
    best: (f64, Vec<usize>),
    /// Kept from step to step, so that none allocates.
    touched: Vec<usize>,
    before: Moves,
}

impl<'a> Walk<'a> {
    fn new(problem: &'a Problem, from: &[usize]) -> Self {
        let state = State::of(problem, from);
        let cost = state.cost().total();
        let (touched, before) = (Vec::new(), Vec::new());
        Self { problem, state, cost, best: (cost, from.to_vec()), touched, before }
    }

    /// How much a step changes on average: changes of this size are accepted freely at the start.
    fn usual_change(&mut self, rng: &mut Rng) -> f64 {
        let mut sum = 0.0;
        let mut count = 0.0;
        let mut moves = Moves::new();
        for _ in 0..200 {
            self.propose(rng, &mut moves);
            if let Some(change) = self.make(&moves) {
                self.undo();
                // What overloads a CPU isn't usual.
                if change.abs() < 1e11 {
                    sum += change.abs();
                    count += 1.0;
                }
            }
        }
        if sum > 0.0 { sum / count } else { 1.0 }
    }

    fn step(&mut self, temperature: f64, rng: &mut Rng) {
        let mut moves = Moves::new();
        self.propose(rng, &mut moves);
        let Some(change) = self.make(&moves) else { return };
        if change > 0.0 && rng.f64() >= (-change / temperature).exp() {
            self.undo();
            return;
        }
        self.cost += change;
        if self.cost < self.best.0 * (1.0 - 1e-12) {
            self.best = (self.cost, self.state.list());
        }
    }

    /// One unit elsewhere, beside a neighbour of its, in exchange for another; or all units of a CPU, or
    /// all that must share an L3.
    fn propose(&self, rng: &mut Rng, moves: &mut Moves) {
        let Problem { units, cpus, .. } = self.problem;
        let at = |unit: usize| self.state.cpu_of[unit].expect("all are placed");
        let (unit, cpu) = (rng.usize(..units.len()), rng.usize(..cpus.len()));
        moves.clear();
        match rng.u8(..8) {
            0..=2 => moves.push((unit, cpu)),
            3 => {
                let edges = &units[unit].edges;
                let beside = match edges.len() {
                    0 => cpu,
                    count => at(edges[rng.usize(..count)].0),
                };
                moves.push((unit, beside));
            }
            4 | 5 => {
                let other = rng.usize(..units.len());
                moves.extend([(unit, at(other)), (other, at(unit))]);
            }
            6 => {
                let from = at(unit);
                for unit in 0..units.len() {
                    let to = at(unit);
                    if to == from {
                        moves.push((unit, cpu));
                    } else if to == cpu {
                        moves.push((unit, from));
                    }
                }
            }
            _ => {
                let l3 = cpus[cpu].l3;
                let within: Vec<_> = (0..cpus.len()).filter(|cpu| cpus[*cpu].l3 == l3).collect();
                moves.push((unit, cpu));
                let near = units[unit].near.iter().filter(|other| **other != unit);
                moves.extend(near.map(|other| (*other, within[rng.usize(..within.len())])));
            }
        }
    }

    /// Moves, and returns by how much that changes the cost; `None`, and nothing is moved, if it changes
    /// nothing or isn't allowed.
    fn make(&mut self, moves: &Moves) -> Option<f64> {
        let is_move = |(unit, cpu): &(usize, usize)| self.state.cpu_of[*unit] != Some(*cpu);
        if !moves.iter().any(is_move) || moves.len() == 2 && moves[0].0 == moves[1].0 {
            return None;
        }
        self.touch(moves);
        let before = self.part(moves);
        self.before.clear();
        for (unit, _) in moves {
            self.before.push((*unit, self.state.cpu_of[*unit].expect("all are placed")));
            self.state.take(*unit);
        }
        for (done, (unit, cpu)) in moves.iter().enumerate() {
            if !self.state.fits(*unit, *cpu) {
                moves[..done].iter().for_each(|(unit, _)| self.state.take(*unit));
                self.before.iter().for_each(|(unit, cpu)| self.state.put(*unit, *cpu));
                return None;
            }
            self.state.put(*unit, *cpu);
        }
        Some(self.part(moves) - before)
    }

    fn undo(&mut self) {
        self.before.iter().for_each(|(unit, _)| self.state.take(*unit));
        self.before.iter().for_each(|(unit, cpu)| self.state.put(*unit, *cpu));
    }

    /// The CPUs whose cost may change, with their siblings.
    fn touch(&mut self, moves: &Moves) {
        self.touched.clear();
        for (unit, to) in moves {
            let from = self.state.cpu_of[*unit].expect("all are placed");
            for cpu in [from, *to] {
                self.touched.push(cpu);
                self.touched.extend(&self.problem.cpus[cpu].siblings);
            }
        }
        self.touched.sort_unstable();
        self.touched.dedup();
    }

    /// What these units and the touched CPUs cost.
    fn part(&self, moves: &Moves) -> f64 {
        let cpus: f64 = self.touched.iter().map(|cpu| self.state.cpu_path(*cpu).total()).sum();
        // An edge between two of them counts twice, before and after: its half is taken off.
        let messages = moves.iter().map(|(unit, _)| {
            let here = self.state.cpu_of[*unit].expect("all are placed");
            let twice = self.problem.units[*unit]
                .edges
                .iter()
                .filter(|(other, _)| moves.iter().any(|(moved, _)| moved == other));
            let twice: f64 = twice
                .map(|(other, rate)| {
                    let there = self.state.cpu_of[*other].expect("all are placed");
                    self.problem.of_edge(*rate, here, there) / 2.0
                })
                .sum();
            self.state.of_messages(*unit, here) - twice
        });
        cpus + messages.sum::<f64>()
    }

    /// Moves and exchanges single units as long as that makes it cheaper.
    fn descend(&mut self) {
        let (units, cpus) = (self.problem.units.len(), self.problem.cpus.len());
        let mut moves = Moves::new();
        let mut is_better = true;
        while is_better {
            is_better = false;
            for unit in 0..units {
                for cpu in 0..cpus {
                    moves.clear();
                    moves.push((unit, cpu));
                    is_better |= self.take_if_better(&moves);
                }
                for other in unit + 1..units {
                    let at = |unit: usize| self.state.cpu_of[unit].expect("all are placed");
                    let (here, there) = (at(unit), at(other));
                    moves.clear();
                    moves.extend([(unit, there), (other, here)]);
                    is_better |= here != there && self.take_if_better(&moves);
                }
            }
        }
    }

    fn take_if_better(&mut self, moves: &Moves) -> bool {
        let Some(change) = self.make(moves) else { return false };
        // So that rounding can't lead in circles.
        if change < -1e-9 * self.cost.abs() {
            self.cost += change;
            return true;
        }
        self.undo();
        false
    }
}
