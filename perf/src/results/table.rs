//! The report as people read it: a table, then the machine, the command and the gates.

use crate::format::figure;
use crate::machine::Machine;
use crate::results::document::{Document, Figures, Kind, Load, Moved, Status};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

const HEADER: [&str; 7] = ["", "ns", "p99", "p99.9", "max", "M/s", "× floor"];
const NONE: &str = "n/a";

/// The whole text.
pub fn text(document: &Document) -> String {
    let mut text = table(document);
    text.push('\n');
    // Writing to a string can't fail.
    let _ = footer(&mut text, document);
    text
}

fn table(document: &Document) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADER);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for figures in &document.scenarios {
        table.add_row(row(figures));
    }
    format!("{table}\n")
}

fn row(figures: &Figures) -> [String; 7] {
    let some = |value: Option<f64>| value.map_or_else(|| NONE.into(), figure);
    // Planned rates may be far below a million.
    let rate = |load: &Load| format!("{:.4}", load.achieved_per_s / 1e6);
    let quantile = |value: Option<u64>| some(value.map(|value| value as f64));
    let ratio = match figures.floor {
        Some(_) => figures.ratio.map_or_else(|| NONE.into(), |ratio| format!("{ratio:.2}")),
        None => String::new(),
    };
    let empty = String::new;
    let name = figures.id.clone();
    match (figures.kind, &figures.latency_ns) {
        (Kind::Latency, Some(all)) => [
            name,
            quantile(all.p50),
            quantile(all.p99),
            quantile(all.p999),
            figure(all.max as f64),
            figures.load.as_ref().map_or_else(String::new, rate),
            ratio,
        ],
        (Kind::Amount, _) => {
            let name = format!("{name} ({})", figures.unit);
            [name, some(figures.value), empty(), empty(), empty(), empty(), ratio]
        }
        _ => {
            let rate = some(figures.value.map(|nanos| 1000.0 / nanos));
            [name, some(figures.value), empty(), empty(), empty(), rate, ratio]
        }
    }
}

fn footer(text: &mut String, document: &Document) -> std::fmt::Result {
    writeln!(
        text,
        "ns: median of single latencies, or of the time per operation over {} rounds; × floor: \
         median of the rounds' ratios.",
        document.rounds
    )?;
    let Machine { cpu_model, kernel, hypervisor, cpus_allowed, cpus_used, .. } =
        &document.environment;
    let place = if hypervisor.is_some() { "virtual machine" } else { "no hypervisor detected" };
    let clock_read_ns = document.clock.read_ns;
    let pins = match cpus_used[..] {
        [caller, runner] => format!("caller on {caller}, runner on {runner}"),
        _ => "nothing pinned".into(),
    };
    writeln!(text, "machine: {cpu_model}, {place}, Linux {kernel}")?;
    writeln!(text, "cpus: {pins}, of {cpus_allowed:?} allowed")?;
    writeln!(text, "clock: {clock_read_ns:.1} ns a reading; each latency includes one")?;
    writeln!(text, "command: {}", document.command)?;
    if document.status == Status::Interrupted {
        writeln!(text, "interrupted: not every round of every scenario was measured")?;
    }
    for verdict in &document.gates {
        writeln!(text, "{}", verdict.text)?;
    }
    for warning in &document.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    for Moved { floor, least_ns, largest_ns } in &document.moved {
        let (least, largest) = (figure(*least_ns), figure(*largest_ns));
        writeln!(text, "noisy: {floor} moved between rounds, from {least} to {largest} ns")?;
    }
    Ok(())
}
