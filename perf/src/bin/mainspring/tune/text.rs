//! What `tune` prints for people.

use super::Found;
use comfy_table::{CellAlignment, Table, presets};
use mainspring_perf::format::figure;
use mainspring_perf::tune::budget::{Point, said};
use mainspring_perf::tune::plan::PlannedRunner;
use mainspring_perf::tune::problem::Cost;
use mainspring_perf::tune::prove::{Proof, ROUNDS, Ratio};
use std::fmt::Write;

/// So many objects of a runner are named in the table.
const NAMED: usize = 6;

/// The whole text.
pub fn of(found: &Found<'_>) -> String {
    let mut text = table(&found.runners);
    // Writing to a string can't fail.
    let _ = predicted(&mut text, found).and_then(|()| spinning(&mut text, found));
    if let Some(proof) = &found.proof {
        let _ = proven(&mut text, proof);
    }
    text
}

fn table(runners: &[PlannedRunner]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["runner", "CPU", "objects", "requests/s", "busy", "waits"]);
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for runner in runners {
        let mut objects = runner.objects[..runner.objects.len().min(NAMED)].join(", ");
        if runner.objects.len() > NAMED {
            let _ = write!(objects, " and {} more", runner.objects.len() - NAMED);
        }
        table.add_row([
            runner.name.clone(),
            runner.cpu.to_string(),
            objects,
            figure(runner.rate),
            percent(runner.busy),
            said(runner.wait()),
        ]);
    }
    format!("{table}\n\n")
}

fn predicted(text: &mut String, found: &Found<'_>) -> std::fmt::Result {
    let messages = found.graph.all_arrivals();
    let mean = |cost: &Cost| cost.delay() / messages.max(f64::MIN_POSITIVE);
    let part = |nanos: f64| figure(nanos / messages.max(f64::MIN_POSITIVE));
    let cost = &found.placement.cost;
    writeln!(
        text,
        "Predicted mean delay of a message: {} ns (in transit {}, waiting {}, slow cores {}, \
         hiccups {}){}.",
        figure(mean(cost)),
        part(cost.messages),
        part(cost.waiting),
        part(cost.slowness),
        part(cost.hiccups),
        overload(cost),
    )?;
    for (name, other) in
        [("round robin", &found.round_robin), ("everything on one CPU", &found.all_on_one)]
    {
        let ratio = mean(&other.cost) / mean(cost);
        let ratio = if ratio.is_finite() { format!(", {ratio:.2} ×") } else { String::new() };
        let nanos = figure(mean(&other.cost));
        writeln!(text, "The same for {name}: {nanos} ns{ratio}{}.", overload(&other.cost))?;
    }
    let effort = &found.effort;
    match found.placement.is_proven {
        true => writeln!(text, "Every placement was tried: by this model there is none better.")?,
        false => writeln!(
            text,
            "The best of {} × {} steps (seed {}); not everything could be tried.",
            effort.restarts,
            figure(effort.steps as f64),
            effort.seed
        )?,
    }
    if !found.known.assumed.is_empty() {
        writeln!(text, "Assumed, not measured: {}.", found.known.assumed.join("; "))?;
    }
    Ok(())
}

fn overload(cost: &Cost) -> String {
    match cost.overload {
        0.0 => String::new(),
        cpus => format!(", with {cpus:.2} CPUs' worth of load above the limit"),
    }
}

fn spinning(text: &mut String, found: &Found<'_>) -> std::fmt::Result {
    let wake = figure(found.known.wake_ns / 1000.0);
    writeln!(
        text,
        "\nHow long to spin, if a wake-up takes {wake} µs: each runner's share of its CPU / what wake-ups \
         add to a request, mean / p99. The choice is in [brackets]."
    )?;
    for runner in &found.runners {
        let point = |(place, point): (usize, &Point)| {
            let micros = |nanos: f64| format!("{} µs", figure(nanos / 1000.0));
            let shown = format!(
                "{} {} / {} / {}",
                said(point.wait),
                percent(point.cpu_share),
                micros(point.delay_ns),
                micros(point.delay_p99_ns)
            );
            if place == runner.chosen { format!("[{shown}]") } else { shown }
        };
        let points: Vec<_> = runner.front.iter().enumerate().map(point).collect();
        writeln!(text, "  {}: {}", runner.name, points.join(", "))?;
    }
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn proven(text: &mut String, proof: &Proof) -> std::fmt::Result {
    writeln!(
        text,
        "\nMeasured here, {ROUNDS} alternating rounds of each: this placement ÷ round robin (95 % of \
         resampled medians)."
    )?;
    let line = |name: &str, ratio: &Option<Ratio>, is_less_better: bool| match ratio {
        None => format!("  {name}: too few messages"),
        Some(ratio) => {
            let Ratio { median, low, high } = ratio;
            format!(
                "  {name}: {median:.2} ({low:.2} to {high:.2}): {}",
                verdict(ratio, is_less_better)
            )
        }
    };
    writeln!(text, "{}", line("p50", &proof.p50, true))?;
    writeln!(text, "{}", line("p99", &proof.p99, true))?;
    writeln!(text, "{}", line("requests/s", &proof.served, false))?;
    let gains = [(&proof.p50, true), (&proof.p99, true), (&proof.served, false)];
    let is_gain = |(ratio, is_less_better): &(&Option<Ratio>, bool)| {
        ratio.as_ref().is_some_and(|ratio| verdict(ratio, *is_less_better) == BETTER)
    };
    if !gains.iter().any(is_gain) {
        writeln!(text, "  No gain was shown: the placement remains a prediction.")?;
    }
    let lost: u64 = proof.before.iter().chain(&proof.after).map(|round| round.lost).sum();
    if lost > 0 {
        writeln!(
            text,
            "  {lost} messages found a full mailbox: the rates are too high for this machine."
        )?;
    }
    match proof.sender_cpu {
        Some(cpu) => writeln!(text, "  The load was sent from CPU {cpu}, where no runner is."),
        None => writeln!(
            text,
            "  The load was sent from a CPU that a runner also uses, as there is no other: both placements \
             suffer from it."
        ),
    }
}

const BETTER: &str = "better";
/// A smaller difference is none, however certain it is.
const MARGIN: f64 = 0.01;

fn verdict(ratio: &Ratio, is_less_better: bool) -> &'static str {
    let (is_less, is_more) = (ratio.high < 1.0 - MARGIN, ratio.low > 1.0 + MARGIN);
    match (is_less, is_more, is_less_better) {
        (true, _, true) | (_, true, false) => BETTER,
        (true, _, false) | (_, true, true) => "worse",
        _ => "no difference shown",
    }
}
