//! A placement as runners: which there are, what they have to do, how they wait; and as a profile.

use crate::tune::budget::{self, Objective, Point};
use crate::tune::graph::Graph;
use crate::tune::problem::{Machine, Problem};
use crate::tune::search::Placement;
use mainspring::{Profile, WaitStrategy};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One runner, alone on its CPU.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRunner {
    /// Its name.
    pub name: String,
    /// Its CPU.
    pub cpu: usize,
    /// The names of its objects.
    pub objects: Vec<String>,
    /// Requests a second that reach them.
    pub rate: f64,
    /// How much of the CPU's time they take.
    pub busy: f64,
    /// How it might wait: see [`budget::front`].
    pub front: Vec<Point>,
    /// How it waits: a place on the front.
    pub chosen: usize,
}

impl PlannedRunner {
    /// How it waits.
    pub fn wait(&self) -> WaitStrategy {
        self.front[self.chosen].wait
    }
}

/// The runners of a placement, by their CPUs. Each bears the name of a runner in the graph that is on
/// its CPU, or the CPU's.
pub fn runners(
    graph: &Graph,
    machine: Machine<'_>,
    placement: &Placement,
    objective: Objective,
    wake_ns: f64,
) -> Vec<PlannedRunner> {
    let mut objects_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (object, cpu) in placement.cpu_of.iter().enumerate() {
        objects_of.entry(*cpu).or_default().push(object);
    }
    let problem = Problem::new(&graph.with_only(&[]), machine);
    let may_spin = machine.topology.allowed().count() > 1;
    let mut taken: BTreeSet<&str> =
        graph.objects.iter().filter_map(|object| object.runner.as_deref()).collect();
    taken.insert("");
    let runner = |(cpu, objects): (&usize, &Vec<usize>)| {
        let own = objects.iter().find_map(|object| graph.objects[*object].runner.clone());
        let rate = objects.iter().map(|object| graph.arrivals(*object)).sum();
        let seconds =
            |object: &usize| graph.arrivals(*object) * graph.objects[*object].service_us * 1e-6;
        let is_sibling = |other: &usize| {
            other != cpu
                && machine.topology.distance(*other, *cpu) == Some(mainspring::Distance::SameCore)
        };
        let place = problem.cpus.binary_search_by_key(cpu, |place| place.id).unwrap_or(0);
        let slowdown = problem.slowdown(place, objects_of.keys().any(is_sibling));
        let busy = objects.iter().map(seconds).sum::<f64>() * slowdown;
        let front = budget::front(rate, busy, wake_ns, may_spin);
        PlannedRunner {
            name: own.unwrap_or_else(|| unlike(format!("cpu{cpu}"), &taken)),
            cpu: *cpu,
            objects: objects.iter().map(|object| graph.objects[*object].name.clone()).collect(),
            rate,
            busy,
            chosen: budget::choose(&front, objective, wake_ns),
            front,
        }
    };
    objects_of.iter().map(runner).collect()
}

/// A name that the graph doesn't use for another runner.
fn unlike(mut name: String, taken: &BTreeSet<&str>) -> String {
    while taken.contains(name.as_str()) {
        name.push('\'');
    }
    name
}

/// The profile of these runners.
pub fn profile(machine: Machine<'_>, runners: &[PlannedRunner]) -> Profile {
    let mut profile = Profile::for_machine(machine.topology);
    for runner in runners {
        profile.add_runner(&runner.name, [runner.cpu], runner.wait());
        runner.objects.iter().for_each(|object| profile.add_object(object, &runner.name));
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::search;
    use mainspring::{Cpu, Topology};

    #[test]
    fn runners_bear_the_graph_s_names_or_those_of_their_cpus_and_no_two_the_same() {
        let object = |name: &str, more: &str| format!("[[object]]\nname = \"{name}\"\n{more}\n");
        let text = format!(
            "schema = \"mainspring-graph/1\"\n{}{}{}{}",
            object("a", "cpu = 0\nrunner = \"cpu1\""),
            object("b", "cpu = 0"),
            object("c", "cpu = 1\nrate = 100000\nservice_us = 2"),
            object("d", "cpu = 2"),
        );
        let graph = Graph::parse(&text).unwrap();
        let topology = Topology::from_cpus("x", (0..3).map(Cpu::new).collect());
        let machine = Machine { topology: &topology, matrix: None, jitter: &[] };
        let placement = search::search(&graph, machine, search::Effort::default()).unwrap();
        let runners = runners(&graph, machine, &placement, Objective::Latency, 20_000.0);
        let shown: Vec<_> =
            runners.iter().map(|one| (one.name.as_str(), one.cpu, one.objects.len())).collect();
        assert_eq!(shown, [("cpu1", 0, 2), ("cpu1'", 1, 1), ("cpu2", 2, 1)]);
        assert!((runners[1].busy - 0.2).abs() < 1e-9, "{}", runners[1].busy);
        let profile = profile(machine, &runners);
        let waits = profile.runners.iter().map(|runner| runner.wait.name());
        assert_eq!(waits.collect::<Vec<_>>(), ["park", "spin-then-park", "park"]);
        assert_eq!(profile.objects.len(), 4);
        assert_eq!(Profile::parse(&profile.to_string()).unwrap(), profile);
    }
}
