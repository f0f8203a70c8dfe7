//! Finds a placement: by exhaustive search where that is feasible, else by simulated annealing.

use crate::error::Error;
use crate::tune::feasible::{self, Any};
use crate::tune::graph::Graph;
use crate::tune::problem::{Cost, Machine, Problem};
use crate::tune::state::State;
use crate::tune::{anneal, exact};
use fastrand::Rng;

/// How hard it tries. The same effort and seed lead to the same placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often annealing begins anew.
    pub restarts: u32,
    /// Steps each time.
    pub steps: u64,
    /// Work that may be spent on trying everything, in looks at one CPU for one unit.
    pub exact: u64,
    /// Decides the steps.
    pub seed: u64,
}

impl Default for Effort {
    /// About a second for 200 objects on 64 CPUs.
    fn default() -> Self {
        Self { restarts: 4, steps: 300_000, exact: 20_000_000, seed: 1 }
    }
}

/// Which CPU each object is placed on, and the cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The CPU of each object of the graph, as the kernel numbers it.
    pub cpu_of: Vec<usize>,
    /// What it costs.
    pub cost: Cost,
    /// Whether everything was tried: there is no cheaper one.
    pub is_proven: bool,
}

/// Finds a placement.
///
/// # Errors
/// [`Error::Usage`] with the constraints that exclude each other.
pub fn search(graph: &Graph, machine: Machine<'_>, effort: Effort) -> Result<Placement, Error> {
    let problem = Problem::new(graph, machine);
    let mut best = (f64::INFINITY, Vec::new());
    for number in 0..effort.restarts.max(1) {
        let mut rng = Rng::with_seed(effort.seed.wrapping_add(u64::from(number)));
        let begin = match begin(&problem, number, &mut rng) {
            Any::Found(begin) => begin,
            Any::None => return Err(impossible(graph, machine)),
            Any::GaveUp if best.1.is_empty() && number + 1 >= effort.restarts => {
                return Err(Error::Usage(
                    "no placement was found that keeps every constraint, though there may be one; \
                     leave some constraints out"
                        .into(),
                ));
            }
            Any::GaveUp => continue,
        };
        let found = anneal::improve(&problem, &begin, effort.steps, &mut rng);
        if found.0 < best.0 {
            best = found;
        }
    }
    // One step looks at every CPU for every unit.
    let looks = (problem.units.len() * problem.cpus.len()).max(1) as u64;
    let is_proven = exact::improve(&problem, &mut best, effort.exact / looks);
    Ok(placement(graph, &problem, &best.1, is_proven))
}

/// Where annealing begins: the first time greedily, then anywhere.
fn begin(problem: &Problem, number: u32, rng: &mut Rng) -> Any {
    match number {
        0 => feasible::any(problem, |state, unit, cpu| {
            let added = state.of_cpu_with(unit, cpu).total() - state.cpu_path(cpu).total();
            added + state.of_messages(unit, cpu)
        }),
        _ => feasible::any(problem, |_, _, _| rng.f64()),
    }
}

/// The placement that takes the best CPU for one unit after the other.
///
/// # Errors
/// As [`search`].
pub fn greedy(graph: &Graph, machine: Machine<'_>) -> Result<Placement, Error> {
    let problem = Problem::new(graph, machine);
    match begin(&problem, 0, &mut Rng::with_seed(0)) {
        Any::Found(begin) => Ok(placement(graph, &problem, &begin, false)),
        _ => Err(impossible(graph, machine)),
    }
}

fn placement(graph: &Graph, problem: &Problem, units: &[usize], is_proven: bool) -> Placement {
    let mut cpu_of = vec![0; graph.objects.len()];
    for (unit, cpu) in problem.units.iter().zip(units) {
        unit.objects.iter().for_each(|object| cpu_of[*object] = problem.cpus[*cpu].id);
    }
    Placement { cpu_of, cost: State::of(problem, units).cost(), is_proven }
}

fn impossible(graph: &Graph, machine: Machine<'_>) -> Error {
    let usable: Vec<_> = machine.topology.allowed().map(|cpu| cpu.id).collect();
    let conflict = feasible::conflict(graph, machine).unwrap_or_default();
    let said: Vec<_> = conflict.iter().map(|one| graph.said(one)).collect();
    let can = if said.len() == 1 { "can't be kept" } else { "can't be kept together" };
    Error::Usage(format!(
        "{} {can} on CPUs {usable:?}: change one of them, or leave it out",
        said.join("; ")
    ))
}

/// Round robin over the CPUs: what one does without any knowledge. `None` without a CPU.
pub fn round_robin(graph: &Graph, machine: Machine<'_>) -> Option<Placement> {
    by_hand(graph, machine, |object, cpus| cpus[object % cpus.len()])
}

/// Everything on the first CPU. `None` without one.
pub fn all_on_one(graph: &Graph, machine: Machine<'_>) -> Option<Placement> {
    by_hand(graph, machine, |_, cpus| cpus[0])
}

/// Constraints other than [`Graph::leave_for_os`] aren't kept.
fn by_hand(
    graph: &Graph,
    machine: Machine<'_>,
    cpu: impl Fn(usize, &[usize]) -> usize,
) -> Option<Placement> {
    let usable = machine.topology.allowed().map(|cpu| cpu.id);
    let usable: Vec<_> = usable.filter(|id| !graph.leave_for_os.contains(id)).collect();
    if usable.is_empty() {
        return None;
    }
    let cpu_of: Vec<_> = (0..graph.objects.len()).map(|object| cpu(object, &usable)).collect();
    let cost = cost_of(graph, machine, &cpu_of);
    Some(Placement { cpu_of, cost, is_proven: false })
}

/// What any placement costs, whether it keeps the constraints or not.
///
/// # Panics
/// If it has other CPUs than the process may use.
pub fn cost_of(graph: &Graph, machine: Machine<'_>, cpu_of: &[usize]) -> Cost {
    // Objects that must stay together are one unit, and here they may not.
    let problem = Problem::new(&graph.with_only(&[]), machine);
    let place = |id: &usize| {
        problem.cpus.binary_search_by_key(id, |cpu| cpu.id).expect("a CPU that may be used")
    };
    State::of(&problem, &cpu_of.iter().map(place).collect::<Vec<_>>()).cost()
}
