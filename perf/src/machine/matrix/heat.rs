//! The matrix on a terminal: numbers always, and shades that are colours where there are any.

use crate::format::figure;
use crate::machine::matrix::matrix::{Matrix, at};
use std::fmt::Write;

/// From the nearest pair to the farthest: backgrounds of the 256 colours, and the glyphs that replace
/// them without colours.
const COLOURS: [u8; SHADES] = [194, 229, 222, 215, 209, 203];
const GLYPHS: [char; SHADES] = [' ', '·', '░', '▒', '▓', '█'];
const SHADES: usize = 6;
/// A number, a glyph, a space.
const CELL: usize = 8;
const LABEL: usize = 6;

/// Where a latency lies between the least and the largest, in equal ratios.
pub(super) struct Scale {
    least: f64,
    largest: f64,
}

impl Scale {
    /// That of all pairs that were measured; `None` if none was.
    pub(super) fn of(matrix: &Matrix) -> Option<Self> {
        let all = || matrix.measured().map(|(_, _, ns)| ns);
        Some(Self { least: all().reduce(f64::min)?, largest: all().reduce(f64::max)? })
    }

    /// The shade, below `shades`; 0 is the nearest.
    pub(super) fn shade(&self, ns: f64, shades: usize) -> usize {
        // All alike within a tenth: shades would show noise.
        if self.largest < self.least * 1.1 {
            return 0;
        }
        let share = (ns / self.least).ln() / (self.largest / self.least).ln();
        ((share * shades as f64) as usize).min(shades - 1)
    }

    /// The least and the largest.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.least, self.largest)
    }
}

/// The median round trips, in blocks of columns that fit into the width. CPUs of which nothing was
/// measured are left out.
pub fn text(matrix: &Matrix, width: usize, coloured: bool) -> String {
    let Some(scale) = Scale::of(matrix) else { return String::new() };
    let is_measured = |place: &usize| {
        (0..matrix.cpus.len()).any(|other| {
            at(&matrix.p50_ns, *place, other).is_some()
                || at(&matrix.p50_ns, other, *place).is_some()
        })
    };
    let places: Vec<_> = (0..matrix.cpus.len()).filter(is_measured).collect();
    let columns = (width.saturating_sub(LABEL) / CELL).max(1);
    let mut text = String::new();
    for block in places.chunks(columns) {
        let _ = write!(text, "{:LABEL$}", "");
        for column in block {
            let _ = write!(text, "{:>1$}  ", matrix.cpus[*column], CELL - 2);
        }
        end_line(&mut text);
        for row in &places {
            let _ = write!(text, "{:>1$} ", matrix.cpus[*row], LABEL - 1);
            for column in block {
                text += &cell(at(&matrix.p50_ns, *row, *column), &scale, coloured);
            }
            end_line(&mut text);
        }
    }
    text
}

fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

fn cell(ns: Option<f64>, scale: &Scale, coloured: bool) -> String {
    let Some(ns) = ns else { return format!("{:>1$}  ", "·", CELL - 2) };
    let (number, shade) = (figure(ns), scale.shade(ns, SHADES));
    if coloured {
        let (colour, width) = (COLOURS[shade], CELL - 2);
        // Black on the shade.
        format!("\u{1b}[38;5;16;48;5;{colour}m{number:>width$} \u{1b}[0m ")
    } else {
        format!("{number:>width$}{} ", GLYPHS[shade], width = CELL - 2)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::machine::matrix::Pair;
    use crate::machine::matrix::matrix::pairs_of;
    use crate::machine::matrix::matrix::tests::{pair_of, sixteen};

    pub(in super::super) fn full(topology: &mainspring::Topology) -> Matrix {
        let count = topology.cpus().len();
        let mut matrix = Matrix::new((0..count).collect(), 8);
        for (a, b) in pairs_of(count) {
            matrix.set(a, b, pair_of(topology, a, b));
        }
        matrix
    }

    #[test]
    fn every_pair_of_sixteen_cpus_has_its_number_within_the_width() {
        let text = text(&full(&sixteen()), 80, false);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let count =
            |number: &str| text.split_whitespace().filter(|word| word.starts_with(number)).count();
        // "20.0" for 16 pairs of siblings, "400█" for the other package.
        assert_eq!([count("20.0"), count("50.0"), count("200"), count("400█")], [16, 32, 64, 128]);
        // Two blocks of nine and seven columns, each with a head and sixteen rows.
        assert_eq!(text.lines().count(), 2 * 17);
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn on_a_terminal_near_and_far_have_different_colours_and_the_same_numbers() {
        let text = text(&full(&sixteen()), 200, true);
        for (number, colour) in [("20.0", COLOURS[0]), ("400", COLOURS[SHADES - 1])] {
            let cell = format!("48;5;{colour}m{number:>6} \u{1b}[0m");
            assert!(text.contains(&cell), "{cell:?} in {text}");
        }
    }

    #[test]
    fn of_sixty_four_cpus_only_those_that_were_measured_are_shown() {
        let mut matrix = Matrix::new((0..64).collect(), 8);
        matrix.set(3, 60, Pair { p50_ns: 123.4, p99_ns: None });
        assert_eq!(
            text(&matrix, 80, false),
            "           3      60\n    3      ·     123\n   60      ·       ·\n"
        );
        assert_eq!(text(&Matrix::new((0..64).collect(), 8), 80, false), "");
    }

    #[test]
    fn pairs_that_are_alike_have_one_shade() {
        let scale = |least, largest| Scale { least, largest };
        let shades = [100.0, 104.0, 109.0].map(|ns| scale(100.0, 109.0).shade(ns, 6));
        assert_eq!(shades, [0, 0, 0]);
        let shades = [10.0, 100.0, 1000.0].map(|ns| scale(10.0, 1000.0).shade(ns, 6));
        assert_eq!(shades, [0, 3, 5]);
    }
}
