//! The latencies between CPUs as a map: rows begin, columns answer.

use super::axis::{bounds, time};
use super::plot::{WIDTH, drawing, short};
use crate::machine::matrix::Matrix;
use maud::{Markup, html};

const LEFT: f64 = 34.0;
const TOP: f64 = 22.0;
/// More CPUs than this leave no room for figures in the cells.
const FIGURES_MAX: usize = 8;
/// More labels than this stand too close.
const LABELS_MAX: usize = 16;
/// The faintest and the strongest cell: text stays legible on both.
const SHADES: (f64, f64) = (0.06, 0.6);

/// The map of medians.
pub fn map(matrix: &Matrix) -> Markup {
    let count = matrix.cpus.len();
    let cell = (WIDTH - LEFT - 4.0) / count.max(1) as f64;
    // Two CPUs don't need a page.
    let height = cell.min(56.0);
    let values = matrix.p50_ns.iter().flatten().flatten().copied();
    let (least, most) = bounds(values).unwrap_or((0.0, 1.0));
    let shade = |value: f64| {
        let (from, to) = SHADES;
        // All alike within a tenth: shades would show noise.
        let at = if most > least * 1.1 { (value / least).ln() / (most / least).ln() } else { 0.0 };
        from + at.clamp(0.0, 1.0) * (to - from)
    };
    let at = |row: usize, column: usize| (LEFT + cell * column as f64, TOP + height * row as f64);
    let says = format!("Round trips between {count} CPUs: {} to {}", time(least), time(most));
    let every = count.div_ceil(LABELS_MAX).next_power_of_two();
    html! {
        figure.wide-if-many[count > FIGURES_MAX] {
            figcaption { "Round trip between CPUs, median" }
            (drawing("heat", &says, TOP + height * count as f64 + 4.0, &html! {
                g.grid {
                    @for (place, cpu) in matrix.cpus.iter().enumerate().filter(|(place, _)| place.is_multiple_of(every)) {
                        @let (x, y) = at(place, place);
                        text x=(short(x + cell / 2.0)) y=(TOP - 7.0) text-anchor="middle" { (cpu) }
                        text x=(LEFT - 6.0) y=(short(y + height / 2.0 + 4.0)) text-anchor="end" { (cpu) }
                    }
                }
                @for (row, values) in matrix.p50_ns.iter().enumerate() {
                    @for (column, value) in values.iter().enumerate() {
                        @let (x, y) = at(row, column);
                        @match value {
                            Some(value) => {
                                rect.cell x=(short(x)) y=(short(y)) width=(short(cell)) height=(short(height))
                                    fill-opacity=(format!("{:.3}", shade(*value))) {
                                    title { (label(matrix, row, column)) ": " (time(*value)) }
                                }
                                @if count <= FIGURES_MAX {
                                    text.figure x=(short(x + cell / 2.0)) y=(short(y + height / 2.0 + 4.0))
                                        text-anchor="middle" { (format!("{value:.0}")) }
                                }
                            }
                            None => rect.no-cell x=(short(x)) y=(short(y)) width=(short(cell)) height=(short(height)) {},
                        }
                    }
                }
            }))
            p.note {
                "Row begins, column answers; ns, over " (matrix.lines) " cache lines. Stronger is "
                "slower: " (time(least)) " to " (time(most)) ". Grey: not measured."
            }
        }
    }
}

fn label(matrix: &Matrix, row: usize, column: usize) -> String {
    let cpu = |place: usize| matrix.cpus.get(place).map_or_else(String::new, usize::to_string);
    format!("CPU {} to {}", cpu(row), cpu(column))
}
