//! Tables: ratios to floors, planned loads, counters, hiccups, and every figure.

use super::axis::{amount, time};
use super::rate;
use super::section::{breakable, scrolling, section};
use crate::format::{figure, whole};
use crate::lab::counters::Counters;
use crate::results::document::{Document, Figures, Kind};
use maud::{Markup, html};

const NONE: &str = "–";

/// A table with a name in its first column and figures in the others.
fn table(id: &str, title: &str, says: &str, head: &[&str], rows: &[Vec<String>]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    section(
        id,
        title,
        &html! {
            @if !says.is_empty() { p.lead { (says) } }
            (scrolling(title, &html! {
                table {
                    thead { tr { @for name in head { th scope="col" { (name) } } } }
                    tbody {
                        @for row in rows {
                            tr {
                                @for (place, cell) in row.iter().enumerate() {
                                    @if place == 0 { th scope="row" { (breakable(cell)) } } @else { td { (cell) } }
                                }
                            }
                        }
                    }
                }
            }))
        },
    )
}

fn some(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.into(), figure)
}

fn count(value: Option<u64>) -> String {
    value.map_or_else(|| NONE.into(), whole)
}

/// How far each scenario is from its floor.
pub fn ratios(document: &Document) -> Markup {
    let rows = document.scenarios.iter().filter(|one| one.floor.is_some());
    let rows: Vec<_> = rows
        .map(|one| {
            let rounds = || one.rounds.iter().filter_map(|round| round.ratio);
            let floor = one.floor.clone().unwrap_or_default();
            vec![
                one.id.clone(),
                some(one.ratio),
                some(rounds().reduce(f64::min)),
                some(rounds().reduce(f64::max)),
                floor,
            ]
        })
        .collect();
    let says = "Figures don't carry over to another machine. The ratio to a bare program that does the same \
                work roughly does.";
    let head = ["Scenario", "× floor", "least round", "largest", "Floor"];
    table("ratios", "Ratio to the floor", says, &head, &rows)
}

/// What became of planned loads.
pub fn loads(document: &Document) -> Markup {
    let rows = document.scenarios.iter().filter_map(|one| {
        let load = one.load.as_ref()?;
        let p99 = |quantiles: &Option<_>| {
            let quantiles: Option<&crate::stats::Quantiles> = quantiles.as_ref();
            quantiles.and_then(|all| all.p99).map_or_else(|| NONE.into(), |p99| time(p99 as f64))
        };
        Some(vec![
            one.id.clone(),
            load.arrivals.clone(),
            format!("{}/s", amount(load.target_per_s)),
            format!("{}/s", amount(load.achieved_per_s)),
            if rate::is_kept(load) { "✓ kept".into() } else { "✕ not reached".into() },
            whole(load.planned),
            whole(load.sent),
            whole(load.received),
            p99(&one.latency_ns),
            p99(&one.service_ns),
        ])
    });
    let rows: Vec<_> = rows.collect();
    let says = "Latency counts from when a request was planned, service from when it was actually sent. \
                Service hides the requests that a stall kept from being sent.";
    let head = [
        "Scenario",
        "Arrivals",
        "Planned",
        "Answered",
        "Plan",
        "Requests",
        "Sent",
        "Received",
        "Latency p99",
        "Service p99",
    ];
    table("loads", "Planned loads", says, &head, &rows)
}

type Pick = fn(&Counters) -> Option<u64>;

const COUNTERS: [(&str, Pick); 10] = [
    ("Parks", |c| c.parks),
    ("Spin hits", |c| c.spin_hits),
    ("Wakes sent", |c| c.wakes_sent),
    ("Wakes elided", |c| c.wakes_elided),
    ("Switches, voluntary", |c| c.switches_voluntary),
    ("Switches, forced", |c| c.switches_involuntary),
    ("Minor faults", |c| c.faults_minor),
    ("Run delay, ns", |c| c.run_delay_ns),
    ("Steal, ms", |c| c.steal_ms),
    ("Throttled", |c| c.throttled),
];

/// What the kernel and the engine counted; counters without any count have no column.
pub fn counters(document: &Document) -> Markup {
    let sum = |one: &Figures, pick: Pick| {
        one.rounds.iter().filter_map(|round| pick(&round.counters)).reduce(|a, b| a + b)
    };
    let is_counted = |pick: Pick| document.scenarios.iter().any(|one| sum(one, pick).is_some());
    let counted: Vec<_> = COUNTERS.into_iter().filter(|(_, pick)| is_counted(*pick)).collect();
    let rows = document
        .scenarios
        .iter()
        .filter(|one| counted.iter().any(|(_, pick)| sum(one, *pick).is_some()));
    let rows: Vec<_> = rows
        .map(|one| {
            let sums = counted.iter().map(|(_, pick)| count(sum(one, *pick)));
            std::iter::once(one.id.clone()).chain(sums).collect()
        })
        .collect();
    let head: Vec<_> =
        std::iter::once("Scenario").chain(counted.iter().map(|(name, _)| *name)).collect();
    let says = "All rounds together. The machine causes forced switches, steal and throttling, and \
                they cause tails.";
    table("counters", "Counters", says, &head, &rows)
}

/// How long the CPUs were away.
pub fn jitter(document: &Document) -> Markup {
    let nanos = |nanos: u64| time(nanos as f64);
    let rows = document.jitter.iter().map(|cpu| {
        vec![
            format!("CPU {}", cpu.cpu),
            format!("{:.1} s", cpu.seconds),
            whole(cpu.count),
            nanos(cpu.threshold_ns),
            format!("{:.3} %", 100.0 * cpu.share),
            nanos(cpu.p99_ns),
            nanos(cpu.p999_ns),
            nanos(cpu.p9999_ns),
            nanos(cpu.max_ns),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let head = ["", "Watched", "Hiccups", "from", "Time lost", "p99", "p99.9", "p99.99", "Longest"];
    let says = "A thread that only reads the clock: every scenario loses what it loses.";
    table("jitter", "The machine's own hiccups", says, &head, &rows)
}

/// Everything.
pub fn figures(document: &Document) -> Markup {
    let rows: Vec<_> = document.scenarios.iter().map(row).collect();
    let head = [
        "Scenario",
        "Unit",
        "Median",
        "Least round",
        "Largest",
        "M/s",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "p99.99",
        "Max",
        "Samples",
    ];
    let says = "A quantile is shown only if at least ten samples lie beyond it. Medians are over rounds, \
                quantiles over all rounds together.";
    table("figures", "All figures", says, &head, &rows)
}

fn row(one: &Figures) -> Vec<String> {
    let all = one.latency_ns.as_ref();
    let rate = one.value.filter(|value| one.kind == Kind::Throughput && *value > 0.0);
    vec![
        one.id.clone(),
        one.unit.clone(),
        some(one.value),
        some(one.value_min),
        some(one.value_max),
        some(rate.map(|nanos| 1000.0 / nanos)),
        count(all.and_then(|all| all.p50)),
        count(all.and_then(|all| all.p90)),
        count(all.and_then(|all| all.p99)),
        count(all.and_then(|all| all.p999)),
        count(all.and_then(|all| all.p9999)),
        count(all.map(|all| all.max)),
        count(all.map(|all| all.count)),
    ]
}
