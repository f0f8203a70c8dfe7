//! The report as people read it: a table, what it rests on, and the verdicts' count.

use super::{Document, Summary};
use crate::interval::Interval;
use crate::judge::{Line, Verdict};
use crate::rounds::Role;
use comfy_table::{CellAlignment, Table, presets};
use mainspring_perf::format::figure;
use mainspring_perf::machine::Machine;
use std::fmt::Write;

const HEADER: [&str; 8] = ["", "floor", "best rival", "", "ours", "÷", "wanted", ""];
const NONE: &str = "n/a";

/// The whole text.
pub fn text(document: &Document) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    if document.is_full {
        let _ = everybody(&mut text, document);
    }
    text.push_str(&table(document));
    text.push('\n');
    let _ = footer(&mut text, document);
    text
}

fn table(document: &Document) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADER);
    for column in [1, 3, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in document.rows.iter().flat_map(|row| &row.lines) {
        table.add_row(row(line));
    }
    format!("{table}\n")
}

fn row(line: &Line) -> [String; 8] {
    let some = |value: Option<f64>| value.map(figure).unwrap_or_default();
    let (name, peer) = line.peer.unzip();
    [
        line.label.clone(),
        some(line.floor),
        name.unwrap_or_default().into(),
        some(peer),
        line.ours.map_or_else(|| NONE.into(), figure),
        line.ratio.map(|ratio| interval(ratio, line)).unwrap_or_default(),
        wanted(line),
        verdict(line.verdict).into(),
    ]
}

fn interval(Interval { median, low, high }: Interval, line: &Line) -> String {
    if line.against.is_some() {
        format!("{median:.2} [{low:.2}, {high:.2}]")
    } else {
        format!("[{}, {}]", figure(low), figure(high))
    }
}

fn wanted(line: &Line) -> String {
    match (&line.against, line.at_most) {
        (Some(against), Some(limit)) => format!("≤ {limit} × {against}"),
        (None, Some(limit)) => format!("≤ {}", figure(limit)),
        _ => String::new(),
    }
}

fn verdict(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Met) => "met",
        Some(Verdict::Missed) => "missed",
        Some(Verdict::Inconclusive) => "inconclusive",
        None => "",
    }
}

/// Every contender of every row, the quickest first.
fn everybody(text: &mut String, document: &Document) -> std::fmt::Result {
    for row in &document.rows {
        writeln!(text, "{}", row.label)?;
        let shown = row.contenders.iter().filter(|one| one.role != Role::Again);
        let mut shown: Vec<_> = shown.filter_map(|one| Some((one, one.value?))).collect();
        shown.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        for (one, value) in shown {
            let elsewhere =
                if one.work.is_some() { " (at the work it is compared with)" } else { "" };
            writeln!(text, "  {:>12}  {}{elsewhere}", figure(value), one.contender)?;
        }
    }
    writeln!(text)
}

fn footer(text: &mut String, document: &Document) -> std::fmt::Result {
    let Document { rounds, length_ms, seconds, environment, summary, .. } = document;
    writeln!(
        text,
        "ns, or bytes: medians of up to {rounds} rounds of {length_ms} ms each, by turns. ÷: the \
         median of the rounds' ratios, with its confidence interval of 95 %. A limit is one on the \
         upper bound; inconclusive: two measurements of ours differ by as much as is missing.",
    )?;
    let Machine { cpu_model, kernel, hypervisor, cpus_used, .. } = environment;
    let clock_read_ns = document.clock.read_ns;
    let place = if hypervisor.is_some() { "virtual machine" } else { "no hypervisor seen" };
    writeln!(text, "machine: {cpu_model}, {place}, Linux {kernel}, CPUs {cpus_used:?}")?;
    let probe = document.probe_ns.map_or_else(|| NONE.into(), figure);
    writeln!(text, "clock: {clock_read_ns:.1} ns a look; bare round trip: {probe} ns (median)")?;
    let versions = document.versions.iter().map(|(name, version)| format!("{name} {version}"));
    writeln!(text, "versions: {}", versions.collect::<Vec<_>>().join(", "))?;
    writeln!(text, "command: {}, {}, {} s", document.command, document.date, seconds)?;
    let Summary { met, missed, inconclusive, rounds_dropped, measurements_repeated } = summary;
    writeln!(
        text,
        "not quiet: {measurements_repeated} measurements repeated at once, {rounds_dropped} rounds \
         dropped",
    )?;
    for note in document.rows.iter().flat_map(|row| &row.notes) {
        writeln!(text, "note: {note}")?;
    }
    writeln!(text, "{met} rows met, {missed} missed, {inconclusive} inconclusive")
}
