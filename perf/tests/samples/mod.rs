//! Documents for tests, built as values: what `bench` may write, from the least to the most.
#![allow(dead_code)] // each test file uses some

use fastrand::Rng;
use mainspring_perf::lab::Pin;
use mainspring_perf::lab::clock::Clock;
use mainspring_perf::lab::counters::Counters;
use mainspring_perf::machine::jitter::CpuJitter;
use mainspring_perf::machine::machine::{Machine, Place};
use mainspring_perf::machine::matrix::Matrix;
use mainspring_perf::results::document::{
    Build, Document, Figures, Kind, Load, Moved, RoundFigures, SCHEMA, Second, Status, Verdict,
};
use mainspring_perf::stats::Quantiles;
use mainspring_perf::stats::{Latencies, median};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything optional absent, and not one scenario.
pub fn bare() -> Document {
    Document {
        schema: SCHEMA.into(),
        version: "0.1.0".into(),
        started: String::new(),
        status: Status::Ok,
        error: None,
        warnings: vec![],
        command: "mainspring".into(),
        build: Build {
            rustc: String::new(),
            profile: "release".into(),
            target: String::new(),
            commit: None,
        },
        environment: machine(2),
        clock: Clock { kind: "CLOCK_MONOTONIC".into(), read_ns: 19.2, step_ns: 1 },
        pins: vec![],
        suite: "quick".into(),
        parameters: [("capacity".to_owned(), "1024".to_owned())].into(),
        rounds: 5,
        probes_ns: vec![],
        moved: vec![],
        gates: vec![],
        jitter: vec![],
        matrix: None,
        scenarios: vec![],
    }
}

/// A machine with two CPUs to each cache and eight caches to each package.
pub fn machine(cpus: usize) -> Machine {
    let place = |cpu: usize| Place {
        cpu,
        core: cpu / if cpus > 16 { 2 } else { 1 },
        l3: cpu / 8,
        node: cpu / 32,
        package: cpu / 32,
        is_isolated: cpus > 2 && cpu % 8 == 7,
    };
    Machine {
        fingerprint: format!("two words {cpus}"),
        summary: format!("{cpus} CPUs, 1 package"),
        cpu_model: "Imaginary CPU @ 2.60GHz".into(),
        kernel: "6.18.5".into(),
        cmdline: None,
        hypervisor: None,
        microcode: None,
        mitigations: [].into(),
        isolated: vec![],
        nohz_full: vec![],
        offline: vec![],
        clocksource: None,
        governor: None,
        smt: None,
        thp: None,
        quota_cpus: None,
        cpus_allowed: (0..cpus).filter(|cpu| cpus < 16 || *cpu != 3).collect(),
        cpus_used: vec![0, 1],
        cpus: (0..cpus).map(place).collect(),
    }
}

/// Latencies around a median with a tail, in nanoseconds.
pub fn latencies(random: &mut Rng, median: f64, count: usize) -> Latencies {
    let mut latencies = Latencies::new();
    for _ in 0..count {
        let stall = if random.u32(..2000) == 0 { 1.0 + 200.0 * random.f64() } else { 1.0 };
        let nanos = median * (0.25 * normal(random)).exp() * stall;
        latencies.record(Duration::from_nanos(nanos.max(1.0) as u64));
    }
    latencies
}

/// Of the standard normal distribution, nearly.
pub fn normal(random: &mut Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}

/// A scenario with these rounds and nothing else.
pub fn figures(id: &str, kind: Kind, rounds: &[(f64, Option<f64>)]) -> Figures {
    let values = || rounds.iter().map(|(value, _)| *value);
    let round = |(value, ratio): &(f64, Option<f64>)| RoundFigures {
        value: *value,
        ratio: *ratio,
        operations: Some(1000),
        latency_ns: None,
        counters: Counters::default(),
    };
    Figures {
        id: id.into(),
        floor: None,
        kind,
        unit: "ns".into(),
        value: median(values()),
        value_min: values().reduce(f64::min),
        value_max: values().reduce(f64::max),
        ratio: median(rounds.iter().filter_map(|(_, ratio)| *ratio)),
        latency_ns: None,
        service_ns: None,
        load: None,
        series: vec![],
        rounds: rounds.iter().map(round).collect(),
    }
}

fn timed(random: &mut Rng, id: &str, floor: Option<&str>, nanos: f64) -> Figures {
    let all = latencies(random, nanos, 12_000);
    let rounds: Vec<_> = (0..5)
        .map(|_| {
            let value = nanos * (0.05 * normal(random)).exp();
            (value, floor.map(|_| value / nanos * 1.2))
        })
        .collect();
    let mut figures = figures(id, Kind::Latency, &rounds);
    for round in &mut figures.rounds {
        let quantiles = Quantiles { hdr: None, ..all.quantiles() };
        round.latency_ns = Some(Quantiles { count: all.count() / 5, ..quantiles });
        round.counters = Counters {
            switches_voluntary: Some(random.u64(..40)),
            switches_involuntary: Some(random.u64(..9)),
            steal_ms: Some(random.u64(..20)),
            parks: Some(random.u64(..20_000)),
            spin_hits: Some(random.u64(..900_000)),
            wakes_sent: Some(random.u64(..20_000)),
            wakes_elided: Some(random.u64(..900_000)),
            ..Counters::default()
        };
    }
    figures.floor = floor.map(Into::into);
    figures.latency_ns = Some(all.quantiles_with_histogram());
    figures
}

fn streamed(random: &mut Rng, id: &str, floor: Option<&str>, nanos: f64) -> Figures {
    let rounds: Vec<_> = (0..7)
        .map(|_| {
            let value = nanos * (0.08 * normal(random)).exp();
            (value, floor.map(|_| value / nanos * 3.0))
        })
        .collect();
    Figures { floor: floor.map(Into::into), ..figures(id, Kind::Throughput, &rounds) }
}

/// An object that takes a microsecond for each request, asked at a planned rate.
fn planned(random: &mut Rng, arrivals: &str, rate: f64) -> Figures {
    const MAX: f64 = 1e6;
    let busy = (rate / MAX).min(0.999);
    let nanos = 800.0 + 1000.0 / (1.0 - busy);
    let id = format!("open/{arrivals}/{rate}");
    let mut figures = timed(random, &id, None, nanos);
    let achieved = rate.min(0.86 * MAX);
    let sent = (achieved * 8.0) as u64;
    let planned = (rate * 8.0) as u64;
    figures.load = Some(Load {
        arrivals: arrivals.into(),
        target_per_s: rate,
        achieved_per_s: achieved,
        planned,
        sent,
        received: sent,
    });
    figures.service_ns = Some(latencies(random, 900.0, 12_000).quantiles_with_histogram());
    figures.series = (0..8).map(|second| second_of(random, second, nanos, achieved)).collect();
    figures
}

/// The sixth second has a stall.
fn second_of(random: &mut Rng, second: u32, nanos: f64, rate: f64) -> Second {
    let stall = if second == 5 { 400.0 } else { 1.0 + random.f64() };
    Second {
        second,
        count: rate as u64,
        p50_ns: (nanos * (1.0 + 0.1 * random.f64())) as u64,
        p99_ns: (second != 2).then_some((3.0 * nanos * stall.sqrt()) as u64),
        max_ns: (20.0 * nanos * stall) as u64,
    }
}

/// Everything there is.
pub fn rich() -> Document {
    let mut random = Rng::with_seed(17);
    let random = &mut random;
    let lines = Some("floor/ping_pong");
    let ring = Some("floor/ring/single");
    let mut scenarios = vec![
        timed(random, "floor/ping_pong", None, 300.0),
        streamed(random, "floor/ring/single", None, 2.6),
        streamed(random, "floor/ring/batched", None, 1.4),
        timed(random, "call/round_trip/spin", lines, 340.0),
        timed(random, "call/round_trip/spin-then-yield", lines, 345.0),
        timed(random, "call/round_trip/backoff", lines, 420.0),
        timed(random, "call/round_trip/spin-then-park", lines, 350.0),
        timed(random, "call/round_trip/park", lines, 60_000.0),
        timed(random, "call/round_trip/unpinned", lines, 1_200.0),
        timed(random, "call/round_trip/seventh", lines, 900.0),
        streamed(random, "call/window_128/spin-then-park", ring, 50.0),
        streamed(random, "tell/mpsc/single/spin", ring, 17.0),
        streamed(random, "tell/spsc/single/spin", ring, 10.6),
        streamed(random, "tell/spsc/batched/spin", ring, 4.1),
    ];
    for rate in [100e3, 300e3, 500e3, 700e3, 800e3, 900e3, 950e3] {
        scenarios.push(planned(random, "fixed", rate));
        scenarios.push(planned(random, "poisson", rate));
    }
    scenarios.push(figures("idle/memory/never_used", Kind::Amount, &[(1432.0, None)]));
    scenarios.push(figures("wake/park", Kind::None, &[]));
    let pin = |role: &str, cpu, is_verified| Pin { role: role.into(), cpu, is_verified };
    Document {
        started: "2026-11-22T02:00:00Z".into(),
        status: Status::Noisy,
        warnings: vec!["runner \"bench\" parks although it should spin: it shares its CPU".into()],
        command: "mainspring bench --suite open --seconds 60 --cpus 0,1 --json out.json".into(),
        build: Build {
            rustc: "rustc 1.92.0 (ded5c06cf 2025-12-08)".into(),
            profile: "release".into(),
            target: "x86_64-unknown-linux-gnu".into(),
            commit: Some("7133f8a0c0ffee-dirty".into()),
        },
        environment: Machine {
            hypervisor: Some("KVM".into()),
            cmdline: Some("BOOT_IMAGE=/vmlinuz root=/dev/vda1 isolcpus=7".into()),
            microcode: Some("0x2b000603".into()),
            mitigations: [("spectre_v2".to_owned(), "Mitigation: IBRS".to_owned())].into(),
            isolated: vec![7, 15],
            nohz_full: vec![7],
            offline: vec![16],
            clocksource: Some("tsc".into()),
            governor: Some("performance".into()),
            smt: Some("off".into()),
            thp: Some("madvise".into()),
            quota_cpus: Some("1.5".into()),
            ..machine(16)
        },
        pins: vec![pin("caller", 0, true), pin("runner", 1, true), pin("ledger", 9, false)],
        moved: vec![Moved { floor: "the probe".into(), least_ns: 290.0, largest_ns: 880.0 }],
        gates: vec![
            gate("call round trip spin: 1.2 × floor, at most 1.5 wanted", 1.2, 1.5),
            gate("mpsc tell: 9.1 × floor, at most 8 wanted", 9.1, 8.0),
        ],
        jitter: vec![hiccups(random, 0), hiccups(random, 1)],
        matrix: Some(matrix(16)),
        scenarios,
        ..bare()
    }
}

fn gate(text: &str, value: f64, wanted_max: f64) -> Verdict {
    let is_met = value <= wanted_max;
    Verdict {
        text: text.into(),
        scenario: "call/round_trip/spin".into(),
        value,
        wanted_max,
        is_met,
    }
}

fn hiccups(random: &mut Rng, cpu: usize) -> CpuJitter {
    let all = latencies(random, 21.0, 20_000);
    let quantile = |share| all.quantile(share).unwrap_or(0);
    CpuJitter {
        cpu,
        seconds: 3.0,
        threshold_ns: 1000,
        count: 412,
        share: 0.0042,
        p99_ns: quantile(0.99),
        p999_ns: quantile(0.999),
        p9999_ns: quantile(0.9999),
        max_ns: all.max(),
        hdr: all.encoded(),
    }
}

/// Near within eight, far between; one pair wasn't measured.
pub fn matrix(count: usize) -> Matrix {
    let nanos = |row: usize, column: usize| match (row, column) {
        (a, b) if a == b => None,
        (0, b) if b + 1 == count && count > 2 => None,
        (a, b) if a / 8 == b / 8 => Some(40.0 + (a * 7 + b * 3) as f64 % 9.0),
        (a, b) if a / 32 == b / 32 => Some(180.0 + (a + b) as f64 % 17.0),
        (a, b) => Some(420.0 + (a + 2 * b) as f64 % 31.0),
    };
    let rows = |factor: f64| -> Vec<Vec<Option<f64>>> {
        let row = |row| (0..count).map(|column| nanos(row, column).map(|n| n * factor)).collect();
        (0..count).map(row).collect()
    };
    Matrix { cpus: (0..count).collect(), lines: 16, p50_ns: rows(1.0), p99_ns: rows(2.0) }
}

/// A rich document on another number of CPUs.
pub fn with_cpus(count: usize) -> Document {
    let rich = rich();
    let environment = Machine { cpus_used: vec![0, 1], ..machine(count) };
    Document { environment, matrix: Some(matrix(count)), ..rich }
}

/// It broke off before anything was measured.
pub fn failed() -> Document {
    Document {
        status: Status::Failed,
        error: Some("call/round_trip/spin: an object stopped while it was measured".into()),
        scenarios: vec![figures("call/round_trip/spin", Kind::None, &[])],
        ..bare()
    }
}

/// What tries to get out of every place that text can stand in.
pub const HOSTILE: &str =
    "</script></style></title><!--\"'><img src=x onerror=alert(1)>&amp;<script>alert(2)";

/// A document of nothing but such text.
pub fn hostile() -> Document {
    let mut document = rich();
    let text = || HOSTILE.to_owned();
    document.started = text();
    document.version = text();
    document.suite = text();
    document.command = text();
    document.error = Some(text());
    document.warnings = vec![text()];
    document.parameters = [(text(), text())].into();
    document.clock.kind = text();
    document.build = Build { rustc: text(), profile: text(), target: text(), commit: Some(text()) };
    document.environment.cpu_model = text();
    document.environment.kernel = text();
    document.environment.cmdline = Some(text());
    document.environment.hypervisor = Some(text());
    document.environment.quota_cpus = Some(text());
    document.environment.governor = Some(text());
    document.pins.iter_mut().for_each(|pin| pin.role = text());
    document.moved.iter_mut().for_each(|moved| moved.floor = text());
    for gate in &mut document.gates {
        (gate.text, gate.scenario) = (text(), text());
    }
    for figures in &mut document.scenarios {
        figures.id += HOSTILE;
        figures.unit = text();
        figures.floor = figures.floor.as_ref().map(|floor| floor.clone() + HOSTILE);
        if let Some(load) = &mut figures.load {
            load.arrivals = text();
        }
    }
    document
}

/// Puts a document into a file.
pub fn write(document: &Document, folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, mainspring_perf::json::pretty(document).unwrap()).unwrap();
    path
}
