//! A comparison as people read it on a terminal.

use super::comparison::{Comparison, How, Metric, Overall, Row, Verdict};
use crate::format::figure;
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

const HEADER: [&str; 9] =
    ["", "unit", "A", "B", "B ÷ A", "95 % interval", "noise", "chance", "verdict"];
const NONE: &str = "n/a";

/// The whole text.
pub fn text(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADER);
    for column in table.column_iter_mut().skip(2).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for row in &comparison.rows {
        table.add_row(cells(row));
    }
    let mut text = format!("{table}\n\n");
    // Writing to a string can't fail.
    let _ = footer(&mut text, comparison);
    text
}

fn cells(row: &Row) -> [String; 9] {
    let some = |value: Option<f64>| value.map_or_else(|| NONE.into(), figure);
    let change = row.change.map_or_else(|| NONE.into(), |change| signed(change.ratio));
    let interval = row.change.map_or_else(String::new, |change| {
        format!("{} to {}", signed(change.low), signed(change.high))
    });
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let verdict = match (word(row.verdict), row.why.as_str()) {
        (word, "") => word.to_owned(),
        (word, why) => format!("{word}: {why}"),
    };
    [
        name(row),
        row.unit.clone(),
        some(row.a),
        some(row.b),
        change,
        interval,
        row.noise.map_or_else(String::new, percent),
        row.chance.map_or_else(String::new, percent),
        verdict,
    ]
}

/// The scenario, with the name of the figure if it isn't the usual one.
pub fn name(row: &Row) -> String {
    match row.metric {
        Metric::Value => row.scenario.clone(),
        Metric::P99 => format!("{} p99", row.scenario),
    }
}

/// A ratio as a change: `+5.0 %` for 1.05; from a factor of two on as a factor.
pub fn signed(ratio: f64) -> String {
    if (0.5..2.0).contains(&ratio) {
        // No minus before nothing.
        let percent = (1000.0 * (ratio - 1.0)).round() / 10.0 + 0.0;
        if percent == 0.0 { "0.0 %".into() } else { format!("{percent:+.1} %") }
    } else {
        format!("× {}", figure(ratio))
    }
}

/// What a row's verdict is called.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same",
        Verdict::Regressed => "SLOWER",
        Verdict::Improved => "faster",
        Verdict::Noisy => "can't tell",
        Verdict::Informs => "informs",
    }
}

/// The whole in one sentence.
pub fn sentence(comparison: &Comparison) -> String {
    let names = |verdict: Verdict| {
        let rows = comparison.rows.iter().filter(|row| row.gates && row.verdict == verdict);
        rows.map(name).collect::<Vec<_>>().join(", ")
    };
    let threshold = 100.0 * comparison.threshold;
    let whole = match comparison.verdict {
        Overall::Passed => format!("no regression beyond {threshold:.1} %"),
        Overall::Regressed => format!("B is slower: {}", names(Verdict::Regressed)),
        Overall::Noisy => {
            format!("too noisy to detect a change of {threshold:.1} %: {}", names(Verdict::Noisy))
        }
    };
    match names(Verdict::Improved) {
        faster if faster.is_empty() => whole,
        faster => format!("{whole}; faster: {faster}"),
    }
}

/// What the figures are and how they were judged.
pub fn method(comparison: &Comparison) -> &'static str {
    match comparison.how {
        How::Pairs => {
            "Fresh processes, alternating (A B, B A, …); the unit is a pair of runs. × floor: ratios to \
             the floor of the same round, where those vary less."
        }
        How::Documents => {
            "Rounds of two runs. × floor: ratios to the floor of the same round, in which the machine's \
             drift cancels. They don't show what differs between visits to a machine: to detect a \
             few percent, use compare --run."
        }
    }
}

fn footer(text: &mut String, comparison: &Comparison) -> std::fmt::Result {
    writeln!(text, "{}", method(comparison))?;
    writeln!(
        text,
        "noise: how much the same build differs from itself; chance: how often so large a change \
         would be seen anywhere in this comparison if nothing had changed."
    )?;
    for (letter, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        let commit = side.commit.as_deref().unwrap_or("unknown commit");
        writeln!(text, "{letter}: {} ({commit}, {})", side.name, side.started)?;
    }
    for one in &comparison.unmatched {
        writeln!(text, "not compared: {}: {}", one.scenario, one.why)?;
    }
    for warning in &comparison.warnings {
        writeln!(text, "warning: {warning}")?;
    }
    writeln!(text, "{}", sentence(comparison))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_percents_and_large_ones_factors() {
        assert_eq!(signed(1.05), "+5.0 %");
        assert_eq!(signed(0.93), "-7.0 %");
        assert_eq!(signed(1.0), "0.0 %");
        assert_eq!(signed(0.99999), "0.0 %");
        assert_eq!(signed(3.0), "× 3.00");
        assert_eq!(signed(0.25), "× 0.25");
    }
}
