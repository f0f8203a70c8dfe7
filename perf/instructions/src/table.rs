//! The figures as people read them: before → recorded → counted.

use crate::paths::Path;
use crate::record::{Figures, Record};
use comfy_table::{CellAlignment, Table, presets};

/// A difference that is worth a word: counts repeat to within less.
const SEEN: f64 = 0.1;

/// The whole text.
pub fn text(paths: &[&Path], record: &Record, counted: &Figures) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let Record { before, now, .. } = record;
    let named = |what: &str, figures: &Figures| format!("{what} {}", figures.commit);
    let heads = [named("before", before), named("recorded", now), named("counted", counted)];
    let [first, second, third] = heads;
    table.set_header([String::new(), first, second, third, "change".into(), String::new()]);
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for path in paths {
        let of = |figures: &Figures| figures.instructions.get(path.id).copied();
        let (was, is) = (of(now), of(counted));
        let cells = [of(before), was, is].map(figure);
        let [first, second, third] = cells;
        table.add_row([path.id.into(), first, second, third, change(was, is), path.what.into()]);
    }
    let Figures { rustc, valgrind, .. } = counted;
    let mut text = format!("{table}\n\ninstructions each; {rustc}, {valgrind}\n");
    if !now.rustc.is_empty() && now.rustc != *rustc {
        text += &format!("recorded with another compiler: {}\n", now.rustc);
    }
    text
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.1}"))
}

fn change(was: Option<f64>, is: Option<f64>) -> String {
    match (was, is) {
        (Some(was), Some(is)) if (is - was).abs() >= SEEN => format!("{:+.1}", is - was),
        _ => String::new(),
    }
}
