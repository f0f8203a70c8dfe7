//! The command `tune`.

mod text;

use crate::{options, print};
use clap::{Args, ValueEnum};
use mainspring::{Profile, Topology, WaitStrategy};
use mainspring_perf::error::Error;
use mainspring_perf::machine::jitter::{self, CpuJitter};
use mainspring_perf::machine::matrix::Matrix;
use mainspring_perf::machine::recorded;
use mainspring_perf::results::output::Output;
use mainspring_perf::tune::budget::Objective;
use mainspring_perf::tune::graph::Graph;
use mainspring_perf::tune::plan::{self, PlannedRunner};
use mainspring_perf::tune::problem::{Cost, Machine};
use mainspring_perf::tune::prove::{self, Proof};
use mainspring_perf::tune::search::{self, Effort, Placement};
use mainspring_perf::tune::{explain, inputs};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Its options.
#[derive(Args)]
pub struct Options {
    /// The graph: the objects, who sends to whom how often, and constraints (see docs/PLACEMENT.md).
    graph: PathBuf,
    /// Latencies between CPUs, as `latency-map --json` writes them [default: measured now].
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// Hiccups of the CPUs, as `jitter --json` writes them [default: measured now].
    #[arg(long, value_name = "FILE")]
    jitter: Option<PathBuf>,
    /// What a wake-up adds to a request, in microseconds [default: measured now].
    #[arg(long, value_name = "N")]
    wake_us: Option<f64>,
    /// Plans for the machine whose /sys and /proc are copied to this folder; assumes what isn't given.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Writes the profile for `Builder::profile` to this file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to optimise waiting for.
    #[arg(long, value_enum, default_value_t)]
    objective: Wish,
    /// Explains for each object why it is where it is.
    #[arg(long)]
    explain: bool,
    /// Runs the placement and a naive one alternately on this machine, and compares them.
    #[arg(long)]
    prove: bool,
    /// How long that takes in total, roughly, in seconds.
    #[arg(long, value_name = "N", default_value_t = 14.0)]
    seconds: f64,
    /// The seed of the search.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Writes everything as JSON to this file, or to standard output instead of the table.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
}

/// [`Objective`], as it is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Wish {
    /// The least CPU time at which 99 of 100 requests pay for no wake-up.
    Latency,
    /// Spins for as long as a wake-up takes: never more than twice the best possible cost.
    #[default]
    Balanced,
    /// The least CPU time.
    Cpu,
}

const WAKE_MAX_US: f64 = 1e6;

/// Everything that was found, as `--json` writes it.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    fingerprint: String,
    summary: String,
    objective: Objective,
    seed: u64,
    wake_ns: f64,
    assumed: &'a [&'static str],
    is_proven: bool,
    arrivals_per_s: f64,
    /// Nanoseconds of delay a second, over all messages.
    cost: Cost,
    round_robin: Cost,
    all_on_one: Cost,
    objects: BTreeMap<&'a str, usize>,
    runners: &'a [PlannedRunner],
    proof: Option<&'a Proof>,
}

/// What was found.
struct Found<'a> {
    graph: &'a Graph,
    machine: Machine<'a>,
    known: &'a Known,
    objective: Objective,
    effort: Effort,
    placement: Placement,
    round_robin: Placement,
    all_on_one: Placement,
    runners: Vec<PlannedRunner>,
    proof: Option<Proof>,
}

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let graph = Graph::load(&options.graph)?;
    let topology = read_topology(options.root.as_deref())?;
    check(&options, &graph, &topology)?;
    let outputs = Outputs::open(&options)?;
    let known = Known::gather(&options, &graph, &topology)?;
    let mut found = find(&options, &graph, &topology, &known)?;
    let profile = plan::profile(found.machine, &found.runners);
    if options.prove {
        let progress = options::progress(2 * prove::ROUNDS);
        let (naive, seconds) = (naive_profile(&found), options::seconds(options.seconds)?);
        let proof = prove::run(&graph, &naive, &profile, seconds, || progress.inc(1));
        progress.finish_and_clear();
        found.proof = Some(proof?);
    }
    outputs.write(&found, &profile, options.explain)?;
    Ok(ExitCode::SUCCESS)
}

/// Everything that can be refused before anything is measured, the graph's constraints included.
fn check(options: &Options, graph: &Graph, topology: &Topology) -> Result<(), Error> {
    options::seconds(options.seconds)?;
    if let Some(micros) = options.wake_us.filter(|micros| !(0.0..=WAKE_MAX_US).contains(micros)) {
        let rule = format!("give 0 to {WAKE_MAX_US} microseconds");
        return Err(Error::Usage(format!("--wake-us {micros}: {rule}")));
    }
    if let Some(root) = options.root.as_ref().filter(|_| options.prove) {
        let root = root.display();
        let why = "only this machine can be measured; leave one of them out";
        return Err(Error::Usage(format!("--root {root} --prove: {why}")));
    }
    let machine = Machine { topology, matrix: None, jitter: &[] };
    let possible = search::greedy(graph, machine).map(|_| ());
    possible.map_err(|why| Error::Usage(format!("{}: {why}", options.graph.display())))
}

/// Where results go besides the table.
struct Outputs {
    profile: Option<Output>,
    json: Option<Output>,
}

impl Outputs {
    fn open(options: &Options) -> Result<Self, Error> {
        let profile = options.output.clone().map(|path| Output::open("--output", Some(path)));
        let json = options.json.clone().map(|path| Output::open("--json", path));
        Ok(Self { profile: profile.transpose()?, json: json.transpose()? })
    }

    fn write(self, found: &Found<'_>, profile: &Profile, explains: bool) -> Result<(), Error> {
        let Self { profile: to, json } = self;
        if ![&to, &json].into_iter().flatten().any(Output::is_stdout) {
            print(&text::of(found));
            if explains {
                let why = explain::text(found.graph, found.machine, &found.placement);
                print(&format!("\n{why}"));
            }
        }
        to.map_or(Ok(()), |to| to.write(&profile.to_string()))?;
        json.map_or(Ok(()), |json| json.write_json(&document(found)))
    }
}

/// What is known of the machine: read, measured, or assumed.
struct Known {
    matrix: Option<Matrix>,
    jitter: Vec<CpuJitter>,
    wake_ns: f64,
    assumed: Vec<&'static str>,
}

impl Known {
    fn gather(options: &Options, graph: &Graph, topology: &Topology) -> Result<Self, Error> {
        let usable = topology.allowed().map(|cpu| cpu.id);
        let cpus: Vec<_> = usable.filter(|cpu| !graph.leave_for_os.contains(cpu)).collect();
        let is_here = options.root.is_none();
        let matrix = matrix(options.matrix.as_deref(), topology, &cpus, is_here)?;
        let jitter = hiccups(options.jitter.as_deref(), topology, &cpus, is_here)?;
        let wake_ns = match options.wake_us {
            Some(micros) => Some(micros * 1000.0),
            None if is_here => Some(inputs::measure_wake(&cpus)?),
            None => None,
        };
        let mut assumed = Vec::new();
        assumed.extend(matrix.is_none().then_some("latencies between CPUs, by their distance"));
        assumed.extend(jitter.is_none().then_some("no hiccups"));
        assumed.extend(wake_ns.is_none().then_some("25 µs for a wake-up"));
        let wake_ns = wake_ns.unwrap_or(inputs::WAKE_ASSUMED_NS);
        Ok(Self { matrix, jitter: jitter.unwrap_or_default(), wake_ns, assumed })
    }
}

fn find<'a>(
    options: &Options,
    graph: &'a Graph,
    topology: &'a Topology,
    known: &'a Known,
) -> Result<Found<'a>, Error> {
    let machine = Machine { topology, matrix: known.matrix.as_ref(), jitter: &known.jitter };
    let effort = Effort { seed: options.seed, ..Effort::default() };
    let placement = search::search(graph, machine, effort)?;
    let by_hand = (search::round_robin(graph, machine), search::all_on_one(graph, machine));
    let (Some(round_robin), Some(all_on_one)) = by_hand else {
        return Err(Error::Usage("this process may use no CPU; see taskset(1)".into()));
    };
    let objective = options.objective.objective();
    let runners = plan::runners(graph, machine, &placement, objective, known.wake_ns);
    Ok(Found {
        graph,
        machine,
        known,
        objective,
        effort,
        placement,
        round_robin,
        all_on_one,
        runners,
        proof: None,
    })
}

impl Wish {
    fn objective(self) -> Objective {
        match self {
            Self::Latency => Objective::Latency,
            Self::Balanced => Objective::Balanced,
            Self::Cpu => Objective::Cpu,
        }
    }
}

fn read_topology(root: Option<&Path>) -> Result<Topology, Error> {
    match root {
        Some(root) => Topology::read_from(root).map_err(|error| {
            Error::Usage(format!(
                "--root {}: {error}; give a copy of / with sys and proc",
                root.display()
            ))
        }),
        None => Topology::read().map_err(|error| Error::System {
            what: "the machine's topology".into(),
            error: std::io::Error::other(error),
        }),
    }
}

fn matrix(
    path: Option<&Path>,
    topology: &Topology,
    cpus: &[usize],
    is_here: bool,
) -> Result<Option<Matrix>, Error> {
    if let Some(path) = path {
        return recorded::read_matrix(path, topology).map(Some);
    }
    if !is_here || cpus.len() < 2 {
        return Ok(None);
    }
    let progress = options::progress(0);
    let step = |steps: usize, a, b| {
        progress.set_length(steps as u64);
        progress.set_message(format!("CPUs {a} and {b}"));
        progress.inc(1);
    };
    let matrix = inputs::measure_matrix(topology, cpus, step);
    progress.finish_and_clear();
    matrix.map(Some)
}

fn hiccups(
    path: Option<&Path>,
    topology: &Topology,
    cpus: &[usize],
    is_here: bool,
) -> Result<Option<Vec<CpuJitter>>, Error> {
    if let Some(path) = path {
        return recorded::read_jitter(path, topology).map(Some);
    }
    if !is_here {
        return Ok(None);
    }
    let progress = options::progress(cpus.len());
    let watch = |cpu: &usize| {
        progress.set_message(format!("CPU {cpu}"));
        progress.tick();
        let watched = jitter::watch(*cpu, inputs::WATCH);
        progress.inc(1);
        watched
    };
    let watched = cpus.iter().map(watch).collect::<Result<_, _>>();
    progress.finish_and_clear();
    watched.map(Some)
}

/// What one does without knowing anything: a runner on each CPU, which waits as runners do, and the
/// objects by turns.
fn naive_profile(found: &Found<'_>) -> Profile {
    let mut profile = Profile::for_machine(found.machine.topology);
    let mut cpus = found.round_robin.cpu_of.clone();
    cpus.sort_unstable();
    cpus.dedup();
    for cpu in cpus {
        profile.add_runner(format!("cpu{cpu}"), [cpu], WaitStrategy::default());
    }
    for (object, cpu) in found.graph.objects.iter().zip(&found.round_robin.cpu_of) {
        profile.add_object(&object.name, format!("cpu{cpu}"));
    }
    profile
}

fn document<'a>(found: &'a Found<'_>) -> Document<'a> {
    let names = found.graph.objects.iter().map(|object| object.name.as_str());
    Document {
        schema: "mainspring-tune/1",
        version: env!("CARGO_PKG_VERSION"),
        fingerprint: found.machine.topology.fingerprint(),
        summary: found.machine.topology.to_string(),
        objective: found.objective,
        seed: found.effort.seed,
        wake_ns: found.known.wake_ns,
        assumed: &found.known.assumed,
        is_proven: found.placement.is_proven,
        arrivals_per_s: found.graph.all_arrivals(),
        cost: found.placement.cost,
        round_robin: found.round_robin.cost,
        all_on_one: found.all_on_one.cost,
        objects: names.zip(found.placement.cpu_of.iter().copied()).collect(),
        runners: &found.runners,
        proof: found.proof.as_ref(),
    }
}
