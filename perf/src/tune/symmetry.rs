//! CPUs that could change places without anybody noticing: only one of them needs to be tried.

use crate::tune::problem::{Place, Problem};
use crate::tune::state::State;

/// Groups of CPUs, at each level from one CPU to a package.
pub struct Symmetry {
    levels: Vec<Level>,
}

struct Level {
    /// The block of each CPU.
    of: Vec<usize>,
    /// For each block the earlier ones that it could change places with.
    twins: Vec<Vec<usize>>,
}

impl Symmetry {
    /// Compares the CPUs of a problem.
    pub fn new(problem: &Problem) -> Self {
        let keys: [fn(&Place) -> usize; 4] =
            [|cpu| cpu.id, |cpu| cpu.core, |cpu| cpu.l3, |cpu| cpu.package];
        Self { levels: keys.map(|key| Level::new(problem, key)).into() }
    }

    /// The CPUs that are worth trying for the next unit.
    ///
    /// A CPU isn't if it belongs to an unused group that could change places with an earlier unused one:
    /// whatever is completed from here has a twin that costs the same.
    pub fn worth_trying(&self, state: &State<'_>) -> Vec<usize> {
        let used = state.used();
        let free: Vec<Vec<bool>> = self.levels.iter().map(|level| level.free(&used)).collect();
        let is_twin = |cpu: usize| {
            self.levels.iter().zip(&free).any(|(level, free)| {
                let block = level.of[cpu];
                free[block] && level.twins[block].iter().any(|earlier| free[*earlier])
            })
        };
        (0..used.len()).filter(|cpu| used[*cpu] || !is_twin(*cpu)).collect()
    }
}

impl Level {
    fn new(problem: &Problem, key: fn(&Place) -> usize) -> Self {
        let mut keys: Vec<_> = problem.cpus.iter().map(key).collect();
        let of_key = keys.clone();
        keys.sort_unstable();
        keys.dedup();
        let of: Vec<_> =
            of_key.iter().map(|key| keys.binary_search(key).expect("one of them")).collect();
        let mut blocks = vec![Vec::new(); keys.len()];
        of.iter().enumerate().for_each(|(cpu, block)| blocks[*block].push(cpu));
        let twins = |block: usize| {
            let alike = |earlier: &usize| are_alike(problem, &blocks[*earlier], &blocks[block]);
            (0..block).filter(alike).collect()
        };
        let twins = (0..blocks.len()).map(twins).collect();
        Self { of, twins }
    }

    /// Whether nothing of a block is used.
    fn free(&self, used: &[bool]) -> Vec<bool> {
        let mut free = vec![true; self.twins.len()];
        for (block, is_used) in self.of.iter().zip(used) {
            free[*block] &= !is_used;
        }
        free
    }
}

/// Whether the problem stays the same if these two groups change places, CPU by CPU.
fn are_alike(problem: &Problem, a: &[usize], b: &[usize]) -> bool {
    let swapped = |cpu: usize| {
        let at = |group: &[usize]| group.iter().position(|one| *one == cpu);
        at(a).map(|place| b[place]).or_else(|| at(b).map(|place| a[place])).unwrap_or(cpu)
    };
    if a.len() != b.len() {
        return false;
    }
    let image: Vec<_> = (0..problem.cpus.len()).map(swapped).collect();
    let looks_alike = |one: usize, other: usize| {
        let (here, there) = (&problem.cpus[one], &problem.cpus[other]);
        here.slowdown == there.slowdown
            && here.hiccup_ns == there.hiccup_ns
            && problem.units.iter().all(|unit| unit.may[one] == unit.may[other])
    };
    let stands_alike = |one: usize, other: usize| {
        let places = &problem.cpus;
        let same = |key: fn(&Place) -> usize| {
            (key(&places[one]) == key(&places[other]))
                == (key(&places[image[one]]) == key(&places[image[other]]))
        };
        problem.one_way_ns(one, other) == problem.one_way_ns(image[one], image[other])
            && same(|cpu| cpu.core)
            && same(|cpu| cpu.l3)
    };
    let moved = || a.iter().chain(b);
    moved().all(|cpu| looks_alike(*cpu, image[*cpu]))
        && moved().all(|cpu| (0..image.len()).all(|other| stands_alike(*cpu, other)))
}
