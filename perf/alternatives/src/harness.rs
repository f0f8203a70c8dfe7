//! How variants are compared: side by side in every round, each against the first of its table.
//!
//! A virtual machine's speed drifts by more than many variants differ. So the variants of a table
//! take turns within each round, forwards in one and backwards in the next, and what counts is the
//! median of the ratios within rounds, with their range.

use comfy_table::{CellAlignment, Table as Text, presets};
use core_affinity::CoreId;
use std::time::Duration;

/// One thing to know about the hot path.
pub struct Question {
    /// What `--only` looks for.
    pub name: &'static str,
    /// The question, as a sentence.
    pub asks: &'static str,
    /// What is measured to answer it.
    pub tables: fn() -> Vec<Table>,
}

/// Variants of one thing, in one situation. The first is what the others are compared with.
pub struct Table {
    title: String,
    variants: Vec<Variant>,
}

struct Variant {
    name: String,
    run: Box<dyn Fn(&Lab) -> f64>,
}

/// Where and how long each variant runs in each round.
pub struct Lab {
    /// The CPU of the thread that sends, or calls.
    pub sender: usize,
    /// The CPU of the thread that takes, or answers.
    pub receiver: usize,
    /// How long one variant runs in one round.
    pub round: Duration,
}

impl Lab {
    /// Takes the first two CPUs that this process may use; `None` if there is one only.
    pub fn open(round: Duration) -> Option<Self> {
        let cpus = core_affinity::get_core_ids()?;
        let [sender, receiver, ..] = cpus[..] else { return None };
        Some(Self { sender: sender.id, receiver: receiver.id, round })
    }

    /// Binds the calling thread to a CPU.
    pub fn pin(&self, cpu: usize) {
        assert!(core_affinity::set_for_current(CoreId { id: cpu }), "CPU {cpu} was allowed");
    }
}

impl Table {
    /// A table without variants.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), variants: Vec::new() }
    }

    /// Adds a variant, which runs for about one round and returns nanoseconds an operation.
    pub fn with(mut self, name: impl Into<String>, run: impl Fn(&Lab) -> f64 + 'static) -> Self {
        self.variants.push(Variant { name: name.into(), run: Box::new(run) });
        self
    }

    /// Runs all variants in each round; the answer is a text.
    pub fn measure(&self, lab: &Lab, rounds: usize) -> String {
        let mut nanos = vec![Vec::with_capacity(rounds); self.variants.len()];
        for round in 0..rounds {
            for turn in 0..self.variants.len() {
                let forwards = round % 2 == 0;
                let which = if forwards { turn } else { self.variants.len() - 1 - turn };
                lab.pin(lab.sender);
                nanos[which].push((self.variants[which].run)(lab));
            }
        }
        format!("{}\n{}\n", self.title, self.text(&nanos))
    }

    fn text(&self, nanos: &[Vec<f64>]) -> Text {
        let mut text = Text::new();
        text.load_style(presets::ASCII_MARKDOWN);
        text.set_header(["", "ns", "× first", "range"]);
        for column in text.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for (variant, own) in self.variants.iter().zip(nanos) {
            let ratios = own.iter().zip(&nanos[0]).map(|(own, first)| own / first);
            let ratios = sorted(ratios);
            let range = match (ratios.first(), ratios.last()) {
                (Some(least), Some(most)) => format!("{least:.2}–{most:.2}"),
                _ => String::new(),
            };
            let ratio = format!("{:.2}", median(&ratios));
            text.add_row([
                variant.name.clone(),
                figure(median(&sorted(own.iter().copied()))),
                ratio,
                range,
            ]);
        }
        text
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle one of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let last = sorted.len() - 1;
    (sorted[last / 2] + sorted[last.div_ceil(2)]) / 2.0
}

/// Three significant digits.
fn figure(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }
}
