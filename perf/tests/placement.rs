//! Placements are as cheap as the cheapest, keep every constraint, and are the same for the same seed:
//! on machines that nobody here owns. Nothing here is timed.

use fastrand::Rng;
use mainspring::{CoreClass, Cpu, Topology};
use mainspring_perf::machine::jitter::CpuJitter;
use mainspring_perf::machine::matrix::Matrix;
use mainspring_perf::tune::graph::{Edge, Graph, Object, Smt};
use mainspring_perf::tune::problem::Machine;
use mainspring_perf::tune::search::{self, Effort, Placement};

/// Packages, L3 groups in each, cores in each, threads of each.
fn regular(packages: usize, groups: usize, cores: usize, threads: usize) -> Topology {
    let cpu = |id: usize| {
        let core = id / threads;
        let l3 = core / cores;
        let package = l3 / groups;
        Cpu { core, l3, node: package, package, ..Cpu::new(id) }
    };
    let count = packages * groups * cores * threads;
    Topology::from_cpus("simulated", (0..count).map(cpu).collect())
}

/// Two fast cores with two threads each, and four slow ones.
fn hybrid() -> Topology {
    let cpu = |id: usize| match id {
        0..4 => Cpu { core: id / 2, class: CoreClass::Performance, ..Cpu::new(id) },
        _ => Cpu { core: id - 2, class: CoreClass::Efficiency, ..Cpu::new(id) },
    };
    Topology::from_cpus("simulated hybrid", (0..8).map(cpu).collect())
}

/// Small enough to try everything.
fn machines() -> Vec<(&'static str, Topology)> {
    vec![
        ("two sockets with two L3 groups each", regular(2, 2, 2, 1)),
        ("a hybrid", hybrid()),
        ("an SMT desktop", regular(1, 1, 4, 2)),
        ("a flat machine", regular(1, 1, 6, 1)),
        ("two sockets with SMT", regular(2, 1, 2, 2)),
    ]
}

/// Round trips that no two pairs have in common.
fn measured(topology: &Topology, rng: &mut Rng) -> Matrix {
    let cpus: Vec<_> = topology.cpus().iter().map(|cpu| cpu.id).collect();
    let mut p50_ns = vec![vec![None; cpus.len()]; cpus.len()];
    for (a, b) in (0..cpus.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
        let distance = topology.distance(cpus[a], cpus[b]).unwrap() as u8;
        let round_trip_ns = f64::from(distance).powi(2) * 40.0 * (0.9 + 0.2 * rng.f64());
        (p50_ns[a][b], p50_ns[b][a]) = (Some(round_trip_ns), Some(round_trip_ns));
    }
    Matrix { cpus, lines: 2, p99_ns: p50_ns.clone(), p50_ns }
}

fn noisy(cpu: usize) -> CpuJitter {
    let [p99_ns, p999_ns, p9999_ns, max_ns] = [100, 100, 100, 50_000];
    let (seconds, threshold_ns, count, share) = (1.0, 1000, 1000, 0.02);
    let hdr = String::new();
    CpuJitter { cpu, seconds, threshold_ns, count, share, p99_ns, p999_ns, p9999_ns, max_ns, hdr }
}

fn object(name: String, service_us: f64, rate: f64) -> Object {
    Object { name, runner: None, cpu: None, service_us, rate }
}

/// Some objects and edges; with constraints, or without.
fn graph(objects: usize, is_constrained: bool, rng: &mut Rng) -> Graph {
    let any = |rng: &mut Rng| object(format!("o{}", rng.u32(..)), 0.1 + 3.0 * rng.f64(), 0.0);
    let mut graph = Graph {
        objects: (0..objects).map(|_| any(rng)).collect(),
        edges: Vec::new(),
        keep_apart: Vec::new(),
        share_l3: Vec::new(),
        leave_for_os: Vec::new(),
        smt: [Smt::Avoid, Smt::Any, Smt::Pair][rng.usize(..3)],
        objects_per_runner: None,
        utilisation: 0.7,
    };
    graph.objects[0].rate = 1e4 + 1e5 * rng.f64();
    for to in 1..objects {
        for from in 0..to {
            if from + 1 == to || rng.f64() < 0.3 {
                let rate = 10_f64.powf(3.0 + 2.3 * rng.f64());
                graph.edges.push(Edge { from, to, rate });
            }
        }
    }
    if is_constrained {
        graph.leave_for_os = vec![0];
        graph.objects[1].cpu = Some(1 + rng.usize(..2));
        graph.keep_apart.push(vec![0, objects - 1]);
        graph.share_l3.push(vec![objects - 2, objects - 1]);
        graph.objects_per_runner = Some(3);
        (graph.objects[0].runner, graph.objects[2].runner) = (Some("r".into()), Some("r".into()));
    }
    graph
}

/// Whether a placement keeps every constraint, said once more in other words.
fn is_kept(graph: &Graph, topology: &Topology, cpu_of: &[usize]) -> bool {
    let cpu = |object: usize| topology.cpu(cpu_of[object]).unwrap();
    let all = 0..cpu_of.len();
    let pairs = || all.clone().flat_map(|a| (0..a).map(move |b| (a, b)));
    let on = |id: usize| cpu_of.iter().filter(|cpu| **cpu == id).count();
    let together = |a: usize, b: usize| {
        let runner = &graph.objects[a].runner;
        runner.is_some() && *runner == graph.objects[b].runner
    };
    let in_one =
        |sets: &[Vec<usize>], a, b| sets.iter().any(|set| set.contains(&a) && set.contains(&b));
    all.clone().all(|o| cpu(o).is_allowed && !graph.leave_for_os.contains(&cpu_of[o]))
        && all.clone().all(|o| graph.objects[o].cpu.is_none_or(|pin| pin == cpu_of[o]))
        && all.clone().all(|o| graph.objects_per_runner.is_none_or(|max| on(cpu_of[o]) <= max))
        && pairs().all(|(a, b)| !together(a, b) || cpu_of[a] == cpu_of[b])
        && pairs().all(|(a, b)| !in_one(&graph.keep_apart, a, b) || cpu_of[a] != cpu_of[b])
        && pairs().all(|(a, b)| !in_one(&graph.share_l3, a, b) || cpu(a).l3 == cpu(b).l3)
        && (graph.smt != Smt::Avoid
            || pairs().all(|(a, b)| cpu_of[a] == cpu_of[b] || cpu(a).core != cpu(b).core))
}

/// The cost of the cheapest placement, by trying all; `None` if none is possible.
fn cheapest(graph: &Graph, machine: Machine<'_>) -> Option<f64> {
    let cpus: Vec<_> = machine.topology.cpus().iter().map(|cpu| cpu.id).collect();
    let count = cpus.len().pow(graph.objects.len() as u32);
    let mut cheapest = None;
    let mut cpu_of = vec![0; graph.objects.len()];
    for number in 0..count {
        let mut rest = number;
        for cpu in &mut cpu_of {
            *cpu = cpus[rest % cpus.len()];
            rest /= cpus.len();
        }
        if is_kept(graph, machine.topology, &cpu_of) {
            let cost = search::cost_of(graph, machine, &cpu_of).total();
            cheapest = Some(cheapest.map_or(cost, |least: f64| least.min(cost)));
        }
    }
    cheapest
}

const SMALL: Effort = Effort { restarts: 4, steps: 4_000, exact: 2_000_000, seed: 7 };

/// Compares with the cheapest on every machine, on random graphs.
fn compare(effort: Effort, check: impl Fn(&str, &Placement)) {
    let mut possible = 0;
    for (name, topology) in machines() {
        let objects = if topology.cpus().len() > 6 { 4 } else { 5 };
        for seed in 0..8 {
            let mut rng = Rng::with_seed(seed);
            let matrix = measured(&topology, &mut rng);
            let jitter = [noisy(2)];
            // Measured latencies break every symmetry, assumed ones none.
            let matrix = (seed % 2 == 0).then_some(&matrix);
            let machine = Machine { topology: &topology, matrix, jitter: &jitter };
            let graph = graph(objects, seed % 4 >= 2, &mut rng);
            let Some(least) = cheapest(&graph, machine) else {
                assert!(search::search(&graph, machine, effort).is_err(), "{name}, {seed}");
                continue;
            };
            possible += 1;
            let found = search::search(&graph, machine, effort).unwrap();
            let case = format!("{name}, seed {seed}");
            assert!(is_kept(&graph, &topology, &found.cpu_of), "{case}: {found:?}");
            let said = search::cost_of(&graph, machine, &found.cpu_of).total();
            let cost = found.cost.total();
            assert!((said - cost).abs() <= 1e-9 * cost, "{case}: {said} {cost}");
            assert!(cost <= 1.02 * least, "{case}: {cost}, and {least} is possible");
            assert!(cost >= least * (1.0 - 1e-9), "{case}: cheaper than the cheapest");
            check(&case, &found);
        }
    }
    assert!(possible > 25, "{possible} graphs were possible");
}

#[test]
fn what_is_said_to_be_the_cheapest_is() {
    compare(SMALL, |case, found| assert!(found.is_proven, "{case}"));
}

#[test]
fn annealing_alone_comes_within_two_percent_of_the_cheapest() {
    compare(Effort { exact: 0, ..SMALL }, |case, found| assert!(!found.is_proven, "{case}"));
}

#[test]
fn trying_everything_alone_finds_the_cheapest() {
    compare(Effort { restarts: 1, steps: 0, ..SMALL }, |case, found| {
        assert!(found.is_proven, "{case}");
    });
}

/// 200 objects in chains of ten, some busier than others, on 64 CPUs of two sockets.
fn large() -> (Graph, Topology) {
    let mut rng = Rng::with_seed(3);
    let mut graph = graph(3, false, &mut rng);
    graph.smt = Smt::Any;
    graph.objects = (0..200).map(|n| object(format!("o{n}"), 0.2 + rng.f64(), 0.0)).collect();
    let edge = |n: usize, rng: &mut Rng| {
        let chain = n % 10 != 9;
        let to = if chain { n + 1 } else { rng.usize(..200) };
        Edge { from: n, to, rate: 1e3 + 1e5 * rng.f64() }
    };
    graph.edges = (0..199).map(|n| edge(n, &mut rng)).collect();
    (graph, regular(2, 4, 8, 1))
}

#[test]
fn two_hundred_objects_on_sixty_four_cpus_are_placed_better_than_greedily_or_by_turns() {
    let (graph, topology) = large();
    let machine = Machine { topology: &topology, matrix: None, jitter: &[] };
    let effort = Effort { restarts: 1, steps: 30_000, exact: 100_000, seed: 1 };
    let found = search::search(&graph, machine, effort).unwrap();
    let greedy = search::greedy(&graph, machine).unwrap();
    let naive = search::round_robin(&graph, machine).unwrap();
    let costs = [&found, &greedy, &naive].map(|placement| placement.cost.total());
    assert!(costs[0] < 0.98 * costs[1] && costs[1] < costs[2], "{costs:?}");
    assert!(!found.is_proven, "nobody tries 64^200 placements");
    let again = search::search(&graph, machine, effort).unwrap();
    assert_eq!(found, again, "the same seed");
}

#[test]
fn a_chain_stays_in_one_l3_group_and_a_busy_object_gets_a_cpu_of_its_own() {
    let topology = regular(2, 2, 4, 1);
    let machine = Machine { topology: &topology, matrix: None, jitter: &[] };
    let mut rng = Rng::with_seed(1);
    let mut graph = graph(3, false, &mut rng);
    graph.smt = Smt::Any;
    // 60 % of a CPU each: they can't share one.
    graph.objects = (0..4).map(|n| object(format!("o{n}"), 6.0, 0.0)).collect();
    graph.objects[0].rate = 1e5;
    graph.edges = (1..4).map(|to| Edge { from: to - 1, to, rate: 1e5 }).collect();
    let found = search::search(&graph, machine, SMALL).unwrap();
    assert!(found.is_proven && found.cost.overload == 0.0, "{found:?}");
    let l3 = |cpu: &usize| topology.cpu(*cpu).unwrap().l3;
    assert!(found.cpu_of.iter().all(|cpu| l3(cpu) == l3(&found.cpu_of[0])), "{found:?}");
    let mut cpus = found.cpu_of.clone();
    cpus.sort_unstable();
    cpus.dedup();
    assert_eq!(cpus.len(), 4, "{found:?}");
    // With hardly anything to do, one CPU is nearest of all.
    graph.objects.iter_mut().for_each(|object| object.service_us = 0.01);
    let found = search::search(&graph, machine, SMALL).unwrap();
    assert!(found.cpu_of.iter().all(|cpu| *cpu == found.cpu_of[0]), "{found:?}");
}

#[test]
fn noisy_slow_and_shared_cpus_are_avoided() {
    let mut rng = Rng::with_seed(1);
    let mut graph = graph(3, false, &mut rng);
    graph.objects = vec![object("a".into(), 1.0, 1e5), object("b".into(), 1.0, 1e5)];
    (graph.edges, graph.smt) = (Vec::new(), Smt::Any);
    graph.keep_apart = vec![vec![0, 1]];
    let place = |topology: &Topology, jitter: &[CpuJitter], graph: &Graph| {
        let machine = Machine { topology, matrix: None, jitter };
        let mut cpus = search::search(graph, machine, SMALL).unwrap().cpu_of;
        cpus.sort_unstable();
        cpus
    };
    let quiet = place(&regular(1, 1, 4, 1), &[noisy(0), noisy(2)], &graph);
    assert_eq!(quiet, [1, 3]);
    let fast = place(&hybrid(), &[], &graph);
    assert!(fast[0] < 2 && (2..4).contains(&fast[1]), "a fast core each: {fast:?}");
    // Siblings, where they cost nothing and talk.
    graph.smt = Smt::Pair;
    graph.edges = vec![Edge { from: 0, to: 1, rate: 1e5 }];
    let siblings = place(&regular(1, 1, 4, 2), &[], &graph);
    assert_eq!(siblings[0] / 2, siblings[1] / 2, "{siblings:?}");
}

#[test]
fn constraints_that_exclude_each_other_are_named_and_no_others() {
    let topology = regular(1, 2, 2, 2);
    let machine = Machine { topology: &topology, matrix: None, jitter: &[] };
    let plain = || {
        let mut graph = graph(3, false, &mut Rng::with_seed(1));
        graph.objects = (0..5).map(|n| object(format!("o{n}"), 0.1, 1e3)).collect();
        (graph.edges, graph.smt, graph.leave_for_os) = (Vec::new(), Smt::Any, vec![7]);
        graph
    };
    let said = |graph: &Graph| search::search(graph, machine, SMALL).unwrap_err().to_string();
    let has = |said: &str, words: &[&str], others: &[&str]| {
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(!others.iter().any(|word| said.contains(word)), "{said}");
    };
    let mut graph = plain();
    (graph.objects[0].cpu, graph.objects[1].cpu) = (Some(99), Some(1));
    has(&said(&graph), &["\"o0\" on CPU 99 can't be kept on"], &["leave_for_os", "o1"]);
    graph.objects[0].cpu = Some(7);
    has(&said(&graph), &["\"o0\" on CPU 7; leave_for_os [7] can't be kept together"], &["o1"]);
    let mut graph = plain();
    graph.keep_apart = vec![vec![0, 1], vec![0, 1, 2, 3, 4]];
    graph.smt = Smt::Avoid;
    has(&said(&graph), &["\"o4\"]; smt \"avoid\" can't"], &["leave_for_os", "[\"o0\", \"o1\"]"]);
    let mut graph = plain();
    (graph.objects[0].runner, graph.objects[1].runner) = (Some("r".into()), Some("r".into()));
    graph.keep_apart = vec![vec![1, 0]];
    has(
        &said(&graph),
        &["runner \"r\" for [\"o0\", \"o1\"]; keep_apart [\"o1\", \"o0\"]"],
        &["leave_for"],
    );
    let mut graph = plain();
    (graph.objects[0].cpu, graph.objects[1].cpu) = (Some(0), Some(4));
    graph.share_l3 = vec![vec![0, 1]];
    has(&said(&graph), &["on CPU 0", "on CPU 4", "share_l3"], &["leave_for"]);
    let mut graph = plain();
    (graph.objects_per_runner, graph.leave_for_os) = (Some(1), (0..4).collect());
    has(&said(&graph), &["leave_for_os [0, 1, 2, 3]; objects_per_runner 1"], &[]);
    let mut graph = plain();
    graph.leave_for_os = (0..8).collect();
    has(&said(&graph), &["leave_for_os", "can't be kept on CPUs"], &[]);
}
