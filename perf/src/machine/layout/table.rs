//! One row for each CPU.

use super::Row;
use comfy_table::{CellAlignment, Table, presets};

const HEADER: [&str; 13] = [
    "CPU",
    "core",
    "L3",
    "node",
    "package",
    "class",
    "max MHz",
    "MHz",
    "governor",
    "device IRQs",
    "all IRQs",
    "allowed",
    "kept free",
];

/// The table, with the CPUs that are off at its end.
pub fn text(rows: &[Row], offline: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADER);
    for (place, column) in table.column_iter_mut().enumerate() {
        if ![5, 8, 11, 12].contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    rows.iter().for_each(|row| {
        table.add_row(cells(row));
    });
    for cpu in offline {
        let mut cells = [const { String::new() }; HEADER.len()];
        (cells[0], cells[11]) = (cpu.to_string(), "offline".into());
        table.add_row(cells);
    }
    format!("{table}\n")
}

fn cells(row: &Row) -> [String; HEADER.len()] {
    let number = |number: Option<u64>| number.map_or("n/a".into(), |number| number.to_string());
    let free = match (row.is_isolated, row.is_nohz_full) {
        (true, true) => "isolated, nohz_full",
        (true, false) => "isolated",
        (false, true) => "nohz_full",
        (false, false) => "",
    };
    [
        row.cpu.to_string(),
        row.core.to_string(),
        row.l3.to_string(),
        row.node.to_string(),
        row.package.to_string(),
        row.class.into(),
        number(row.max_mhz),
        number(row.mhz),
        row.governor.clone().unwrap_or_else(|| "n/a".into()),
        number(row.interrupts_device),
        number(row.interrupts),
        if row.is_allowed { "yes" } else { "no" }.into(),
        free.into(),
    ]
}
