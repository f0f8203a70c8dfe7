//! A placement in the making: which unit is on which CPU, what each CPU has to do, what it all costs.

use crate::tune::graph::Smt;
use crate::tune::problem::{Cost, Load, Problem};

/// A placement, perhaps of some units only.
#[derive(Clone)]
pub struct State<'a> {
    problem: &'a Problem,
    /// The CPU of each unit, by their places in the problem.
    pub cpu_of: Vec<Option<usize>>,
    loads: Vec<Load>,
    units: Vec<usize>,
}

impl<'a> State<'a> {
    /// Nothing is placed yet.
    pub fn new(problem: &'a Problem) -> Self {
        let cpus = problem.cpus.len();
        let cpu_of = vec![None; problem.units.len()];
        Self { problem, cpu_of, loads: vec![Load::default(); cpus], units: vec![0; cpus] }
    }

    /// All of it at once, whether it may be so or not.
    pub fn of(problem: &'a Problem, cpu_of: &[usize]) -> Self {
        let mut state = Self::new(problem);
        cpu_of.iter().enumerate().for_each(|(unit, cpu)| state.put(unit, *cpu));
        state
    }

    /// A complete placement as a list.
    pub fn list(&self) -> Vec<usize> {
        self.cpu_of.iter().map(|cpu| cpu.expect("every unit is placed")).collect()
    }

    /// Whether a CPU has anything to do.
    #[inline]
    pub fn is_used(&self, cpu: usize) -> bool {
        self.units[cpu] > 0
    }

    /// The same for all CPUs.
    pub fn used(&self) -> Vec<bool> {
        self.units.iter().map(|units| *units > 0).collect()
    }

    /// Whether another CPU of the core has anything to do.
    #[inline]
    pub fn is_shared(&self, cpu: usize) -> bool {
        self.problem.cpus[cpu].siblings.iter().any(|sibling| self.is_used(*sibling))
    }

    /// Places a unit that has no place yet.
    pub fn put(&mut self, unit: usize, cpu: usize) {
        self.loads[cpu] = self.loads[cpu].plus(self.problem.units[unit].load);
        self.units[cpu] += 1;
        self.cpu_of[unit] = Some(cpu);
    }

    /// Takes a unit off its CPU.
    pub fn take(&mut self, unit: usize) {
        let cpu = self.cpu_of[unit].take().expect("it is placed");
        self.units[cpu] -= 1;
        // An empty CPU has no rounding errors left.
        self.loads[cpu] = match self.units[cpu] {
            0 => Load::default(),
            _ => self.loads[cpu].minus(self.problem.units[unit].load),
        };
    }

    /// Whether an unplaced unit may go there, given those already placed.
    pub fn fits(&self, unit: usize, cpu: usize) -> bool {
        let Problem { units, cpus, smt, objects_max, .. } = self.problem;
        let it = &units[unit];
        let is_at_l3 =
            |other: &usize| self.cpu_of[*other].is_none_or(|there| cpus[there].l3 == cpus[cpu].l3);
        it.may[cpu]
            && self.loads[cpu].objects.saturating_add(it.objects.len()) <= *objects_max
            && (*smt != Smt::Avoid || !self.is_shared(cpu))
            && it.apart.iter().all(|other| self.cpu_of[*other] != Some(cpu))
            && it.near.iter().all(is_at_l3)
    }

    /// What one CPU costs, apart from messages.
    #[inline]
    pub fn cpu_path(&self, cpu: usize) -> Cost {
        self.problem.cpu_path(cpu, &self.loads[cpu], self.is_shared(cpu))
    }

    /// What it would cost with one more unit there.
    pub fn of_cpu_with(&self, unit: usize, cpu: usize) -> Cost {
        let load = self.loads[cpu].plus(self.problem.units[unit].load);
        self.problem.cpu_path(cpu, &load, self.is_shared(cpu))
    }

    /// What the messages of one unit cost that are exchanged with placed ones, were it there.
    #[inline]
    pub fn of_messages(&self, unit: usize, cpu: usize) -> f64 {
        let to = |(other, rate): &(usize, f64)| {
            self.cpu_of[*other].map_or(0.0, |there| self.problem.of_edge(*rate, cpu, there))
        };
        self.problem.units[unit].edges.iter().map(to).sum()
    }

    /// What everything that is placed costs.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        (0..self.loads.len()).for_each(|cpu| cost.add(self.cpu_path(cpu)));
        for (unit, cpu) in self.cpu_of.iter().enumerate() {
            let Some(cpu) = cpu else { continue };
            let inner = self.problem.units[unit].inner;
            // Each edge is met at both of its ends.
            cost.messages += self.of_messages(unit, *cpu) / 2.0;
            cost.messages += self.problem.of_edge(inner, *cpu, *cpu);
        }
        cost
    }
}
