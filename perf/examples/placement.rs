//! How long the search takes for 200 objects on 64 CPUs, and what it gains:
//! `cargo run --release --example placement`.

use mainspring::{Cpu, Topology};
use mainspring_perf::tune::graph::{Edge, Graph, Object, Smt};
use mainspring_perf::tune::problem::Machine;
use mainspring_perf::tune::search::{self, Effort, Placement};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let topology = topology();
    let graph = graph();
    let machine = Machine { topology: &topology, matrix: None, jitter: &[] };
    let begun = Instant::now();
    let found = search::search(&graph, machine, Effort::default())?;
    let seconds = begun.elapsed().as_secs_f64();
    let naive = search::round_robin(&graph, machine).ok_or("no CPU")?;
    let greedy = search::greedy(&graph, machine)?;
    let mean_ns = |placement: &Placement| placement.cost.delay() / graph.all_arrivals();
    println!("{topology}; {} objects, {} edges", graph.objects.len(), graph.edges.len());
    println!("found in {seconds:.2} s: {:.1} ns of delay for the mean message", mean_ns(&found));
    println!("greedily: {:.1} ns; round robin: {:.1} ns", mean_ns(&greedy), mean_ns(&naive));
    Ok(())
}

/// Two packages with four L3 groups of eight cores each.
fn topology() -> Topology {
    let cpu = |id: usize| Cpu { l3: id / 8, node: id / 32, package: id / 32, ..Cpu::new(id) };
    Topology::from_cpus("simulated", (0..64).map(cpu).collect())
}

/// Chains of ten; each sends to one other chain, too.
fn graph() -> Graph {
    let mut rng = fastrand::Rng::with_seed(3);
    let object = |number: usize, service_us: f64| Object {
        name: format!("o{number}"),
        runner: None,
        cpu: None,
        service_us,
        rate: 0.0,
    };
    let objects = (0..200).map(|number| object(number, 0.2 + rng.f64())).collect();
    let edge = |from: usize| {
        let to = if from % 10 == 9 { rng.usize(..200) } else { from + 1 };
        Edge { from, to, rate: 1e3 + 1e5 * rng.f64() }
    };
    Graph {
        objects,
        edges: (0..199).map(edge).collect(),
        keep_apart: Vec::new(),
        share_l3: Vec::new(),
        leave_for_os: Vec::new(),
        smt: Smt::Any,
        objects_per_runner: None,
        utilisation: 0.7,
    }
}
