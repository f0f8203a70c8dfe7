//! A graph on a machine: what a placement costs.
//!
//! The unit of cost is nanoseconds of delay per second, over all messages; divided by the messages a
//! second it is the mean delay of one. [`Cost`] has its parts.

use crate::machine::jitter::CpuJitter;
use crate::machine::matrix::Matrix;
use crate::tune::graph::{Graph, Smt};
use crate::tune::latency::{LOCAL_NS, Latency};
use mainspring::{CoreClass, Topology};
use serde::Serialize;
use std::collections::BTreeMap;

/// How much slower both CPUs of a core are while both are busy.
const SMT_SLOWDOWN: f64 = 1.5;
/// How much slower an efficiency core is.
const EFFICIENCY_SLOWDOWN: f64 = 1.7;
/// From here on the waiting time grows linearly: the formula has a pole at 1.
const LOAD_CAP: f64 = 0.95;
/// What each CPU's worth of load beyond the limit counts: more than any latency can win.
const OVERLOAD_NS: f64 = 1e12;

/// What is known of a machine.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// Its CPUs.
    pub topology: &'a Topology,
    /// Round trips between them. What isn't in it is taken from pairs as far apart, or assumed.
    pub matrix: Option<&'a Matrix>,
    /// Hiccups of CPUs; none of those that aren't in it.
    pub jitter: &'a [CpuJitter],
}

/// What a placement costs, in nanoseconds of delay per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// On the way between CPUs.
    pub messages: f64,
    /// In mailboxes, behind other requests of the same runner.
    pub waiting: f64,
    /// In methods that take longer than on a fast core of one's own.
    pub slowness: f64,
    /// Because the CPU was taken away.
    pub hiccups: f64,
    /// Not a delay: load beyond the limit, as CPUs.
    pub overload: f64,
}

impl Cost {
    /// Everything but the overload.
    pub fn delay(&self) -> f64 {
        self.messages + self.waiting + self.slowness + self.hiccups
    }

    /// What the search makes small.
    pub fn total(&self) -> f64 {
        self.delay() + OVERLOAD_NS * self.overload
    }

    /// Adds another part.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.waiting += other.waiting;
        self.slowness += other.slowness;
        self.hiccups += other.hiccups;
        self.overload += other.overload;
    }
}

/// Objects that stay together.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Their places in the graph.
    pub objects: Vec<usize>,
    /// What they bring.
    pub load: Load,
    /// Messages a second exchanged with other units, both ways together.
    pub edges: Vec<(usize, f64)>,
    /// Messages a second among themselves.
    pub inner: f64,
    /// Units that must not share its CPU.
    pub apart: Vec<usize>,
    /// Units that must share its L3.
    pub near: Vec<usize>,
    /// For each CPU whether it may be there.
    pub may: Vec<bool>,
}

/// What is on a CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// How many objects.
    pub objects: usize,
    /// Requests a second.
    pub arrivals: f64,
    /// The share of a fast CPU's time that they take.
    pub busy: f64,
    /// The sum over requests a second of the square of their service time, in seconds.
    pub squares: f64,
}

impl Load {
    /// One object.
    fn of(arrivals: f64, service_us: f64) -> Self {
        let seconds = service_us * 1e-6;
        Self {
            objects: 1,
            arrivals,
            busy: arrivals * seconds,
            squares: arrivals * seconds * seconds,
        }
    }

    /// With more.
    pub fn plus(self, other: Self) -> Self {
        Self {
            objects: self.objects + other.objects,
            arrivals: self.arrivals + other.arrivals,
            busy: self.busy + other.busy,
            squares: self.squares + other.squares,
        }
    }

    /// With less.
    pub fn minus(self, other: Self) -> Self {
        Self {
            objects: self.objects - other.objects,
            arrivals: self.arrivals - other.arrivals,
            busy: self.busy - other.busy,
            squares: self.squares - other.squares,
        }
    }
}

/// A CPU that may be used.
#[derive(Clone, Debug)]
pub struct Place {
    /// The kernel's number.
    pub id: usize,
    /// See [`mainspring::Cpu`].
    pub core: usize,
    /// See [`mainspring::Cpu`].
    pub l3: usize,
    /// See [`mainspring::Cpu`].
    pub package: usize,
    /// How many times slower than a fast core.
    pub slowdown: f64,
    /// By how much hiccups delay a request, on average.
    pub hiccup_ns: f64,
    /// Other usable CPUs of the core, by their places.
    pub siblings: Vec<usize>,
}

/// A graph on a machine.
pub struct Problem {
    /// The CPUs that may be used, in ascending order of their ids.
    pub cpus: Vec<Place>,
    /// The objects, in units.
    pub units: Vec<Unit>,
    /// What the two CPUs of a core are for.
    pub smt: Smt,
    /// How many objects a CPU may have.
    pub objects_max: usize,
    utilisation: f64,
    one_way_ns: Vec<f64>,
}

impl Problem {
    /// Puts both together. What the graph demands may be impossible; there may be no CPU at all.
    pub fn new(graph: &Graph, machine: Machine<'_>) -> Self {
        let cpus = places(graph, machine);
        let latency = Latency::new(machine.topology, machine.matrix);
        let pairs = cpus.iter().flat_map(|a| cpus.iter().map(|b| (a.id, b.id)));
        let one_way_ns = pairs.map(|(a, b)| latency.one_way_ns(a, b)).collect();
        Self {
            units: units(graph, &cpus),
            smt: graph.smt,
            objects_max: graph.objects_per_runner.unwrap_or(usize::MAX),
            utilisation: graph.utilisation,
            one_way_ns,
            cpus,
        }
    }

    /// How long a message is on its way between two CPUs.
    #[inline]
    pub fn one_way_ns(&self, a: usize, b: usize) -> f64 {
        self.one_way_ns[a * self.cpus.len() + b]
    }

    /// The least that a message takes.
    pub fn least_ns(&self) -> f64 {
        self.one_way_ns.iter().copied().fold(LOCAL_NS, f64::min)
    }

    /// How many times slower a CPU is, with its sibling busy or not.
    pub fn slowdown(&self, cpu: usize, is_shared: bool) -> f64 {
        let shared = if is_shared && self.smt != Smt::Pair { SMT_SLOWDOWN } else { 1.0 };
        self.cpus[cpu].slowdown * shared
    }

    /// What the load of one CPU costs, apart from messages on their way.
    ///
    /// Waiting is that of an M/G/1 queue (Pollaczek and Khinchine) whose service times are exponential
    /// for each object. Every part is convex in the load, so that more objects never make another one
    /// cheaper: the exact search counts on it.
    #[inline]
    pub fn cpu_path(&self, cpu: usize, load: &Load, is_shared: bool) -> Cost {
        if load.objects == 0 {
            return Cost::default();
        }
        let slowdown = self.slowdown(cpu, is_shared);
        let busy = load.busy * slowdown;
        let squares = load.squares * slowdown * slowdown;
        Cost {
            messages: 0.0,
            waiting: 1e9 * load.arrivals * squares * pressure(busy),
            slowness: 1e9 * load.busy * (slowdown - 1.0),
            hiccups: load.arrivals * self.cpus[cpu].hiccup_ns,
            overload: (busy - self.utilisation).max(0.0),
        }
    }

    /// What messages between units on these CPUs cost.
    #[inline]
    pub fn of_edge(&self, rate: f64, a: usize, b: usize) -> f64 {
        rate * self.one_way_ns(a, b)
    }
}

/// 1 / (1 − load), and its tangent from the cap on.
fn pressure(load: f64) -> f64 {
    let free = 1.0 - load.min(LOAD_CAP);
    1.0 / free + (load - LOAD_CAP).max(0.0) / (free * free)
}

fn places(graph: &Graph, machine: Machine<'_>) -> Vec<Place> {
    let usable = machine.topology.allowed().filter(|cpu| !graph.leave_for_os.contains(&cpu.id));
    let mut places: Vec<_> = usable
        .map(|cpu| Place {
            id: cpu.id,
            core: cpu.core,
            l3: cpu.l3,
            package: cpu.package,
            slowdown: if cpu.class == CoreClass::Efficiency { EFFICIENCY_SLOWDOWN } else { 1.0 },
            hiccup_ns: machine.jitter.iter().find(|one| one.cpu == cpu.id).map_or(0.0, hiccup_ns),
            siblings: Vec::new(),
        })
        .collect();
    for place in 0..places.len() {
        let is_sibling =
            |other: &usize| *other != place && places[*other].core == places[place].core;
        places[place].siblings = (0..places.len()).filter(is_sibling).collect();
    }
    places
}

/// A request that arrives at any moment meets a hiccup with the probability of its share, and waits for
/// what is left of it: the mean length, if lengths are exponential.
pub fn hiccup_ns(jitter: &CpuJitter) -> f64 {
    if jitter.count == 0 {
        return 0.0;
    }
    let mean_ns = jitter.share * jitter.seconds * 1e9 / jitter.count as f64;
    jitter.share * mean_ns
}

fn units(graph: &Graph, cpus: &[Place]) -> Vec<Unit> {
    let mut by_runner: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for (place, object) in graph.objects.iter().enumerate() {
        match object.runner.as_deref().and_then(|runner| by_runner.get(runner)) {
            Some(unit) => sets[*unit].push(place),
            None => {
                by_runner.extend(object.runner.as_deref().map(|runner| (runner, sets.len())));
                sets.push(vec![place]);
            }
        }
    }
    let mut unit_of = vec![0; graph.objects.len()];
    for (unit, set) in sets.iter().enumerate() {
        set.iter().for_each(|object| unit_of[*object] = unit);
    }
    let unit = |(unit, set): (usize, &Vec<usize>)| {
        let apart = partners(&graph.keep_apart, &unit_of, unit);
        let is_here =
            |object: &usize, id: usize| graph.objects[*object].cpu.is_none_or(|pin| pin == id);
        let is_whole = !apart.contains(&unit);
        let may = |cpu: &Place| is_whole && set.iter().all(|object| is_here(object, cpu.id));
        let load =
            |object: &usize| Load::of(graph.arrivals(*object), graph.objects[*object].service_us);
        Unit {
            load: set.iter().map(load).fold(Load::default(), Load::plus),
            edges: Vec::new(),
            inner: 0.0,
            near: partners(&graph.share_l3, &unit_of, unit),
            may: cpus.iter().map(may).collect(),
            objects: set.clone(),
            apart,
        }
    };
    let mut units: Vec<_> = sets.iter().enumerate().map(unit).collect();
    let mut between: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for edge in &graph.edges {
        let (a, b) = (unit_of[edge.from], unit_of[edge.to]);
        *between.entry((a.min(b), a.max(b))).or_default() += edge.rate;
    }
    for ((a, b), rate) in between {
        if a == b {
            units[a].inner += rate;
        } else {
            units[a].edges.push((b, rate));
            units[b].edges.push((a, rate));
        }
    }
    units
}

/// The units that share a set with this one; itself included if two of its objects are in the set.
fn partners(sets: &[Vec<usize>], unit_of: &[usize], unit: usize) -> Vec<usize> {
    let mut found = Vec::new();
    for set in sets {
        let mut units: Vec<_> = set.iter().map(|object| unit_of[*object]).collect();
        if let Some(own) = units.iter().position(|one| *one == unit) {
            units.swap_remove(own);
            found.append(&mut units);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}
