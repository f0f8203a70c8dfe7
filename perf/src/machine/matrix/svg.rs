//! The matrix as a picture: one SVG file with its style inside, and no script.

use crate::format::figure;
use crate::machine::matrix::heat::Scale;
use crate::machine::matrix::matrix::at;
use crate::machine::matrix::report::Report;
use std::fmt::{self, Write};

/// The side of a cell, smaller when there are many.
const CELL: usize = 44;
const CELL_SMALL: usize = 14;
/// With up to this many CPUs each cell shows its number; with more, it shows on hover.
const NUMBERED: usize = 24;
const MARGIN: usize = 56;
const TOP: usize = 84;
const FOOT: usize = 40;
/// The heading's characters at this size are about so wide.
const CHARACTER: usize = 7;

const SHADES: usize = 8;

/// From the nearest to the farthest; the text on a shade, light and dark. The dark ramp begins
/// close to its background, as the light one does.
const STYLE: &str = "\
text{font:11px system-ui,sans-serif;fill:#111}.h{font-size:15px;font-weight:600}\
.bg{fill:#fff}.none{fill:#f2f2f2}\
.s0{fill:#edf8fb}.s1{fill:#ccece6}.s2{fill:#99d8c9}.s3{fill:#fee391}.s4{fill:#fec44f}.s5{fill:#fe9929}\
.s6{fill:#f07f1e}.s7{fill:#e0600f}\
@media (prefers-color-scheme:dark){text{fill:#ddd}.bg{fill:#16181c}.none{fill:#22252b}\
.s0{fill:#173042}.s1{fill:#1c4355}.s2{fill:#205a63}.s3{fill:#5c5a1e}.s4{fill:#7a5a14}.s5{fill:#8f4f10}\
.s6{fill:#a3400f}.s7{fill:#b42a12}}";

/// Draws the median round trips.
pub fn svg(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = draw(&mut text, report);
    text
}

fn draw(out: &mut String, report: &Report) -> fmt::Result {
    let matrix = &report.matrix;
    let count = matrix.cpus.len();
    let cell = if count <= NUMBERED { CELL } else { CELL_SMALL };
    let summary = escaped(&report.machine.summary);
    let least_width = 160 + summary.chars().count().max(60) * CHARACTER;
    let (width, height) =
        ((MARGIN + count * cell + MARGIN).max(least_width), TOP + count * cell + FOOT);
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">"#
    )?;
    writeln!(out, "<style>{STYLE}</style>")?;
    writeln!(out, r#"<rect class="bg" width="{width}" height="{height}"/>"#)?;
    writeln!(
        out,
        r#"<text class="h" x="{MARGIN}" y="22">Round trips between CPUs, median, ns</text>"#
    )?;
    writeln!(out, r#"<text x="{MARGIN}" y="40">{summary}; {}</text>"#, escaped(&report.started))?;
    writeln!(out, r#"<text x="{MARGIN}" y="{}">answers →, begins ↓</text>"#, TOP - 22)?;
    let side = count * cell;
    writeln!(out, r#"<rect class="none" x="{MARGIN}" y="{TOP}" width="{side}" height="{side}"/>"#)?;
    labels(out, &matrix.cpus, cell)?;
    let Some(scale) = Scale::of(matrix) else { return writeln!(out, "</svg>") };
    for row in 0..count {
        for column in 0..count {
            if let Some(ns) = at(&matrix.p50_ns, row, column) {
                let pair = format!("{} → {}", matrix.cpus[row], matrix.cpus[column]);
                let p99 = at(&matrix.p99_ns, row, column);
                square(out, (column, row), cell, &pair, (ns, p99), &scale)?;
            }
        }
    }
    legend(out, &scale, TOP + side + 14)?;
    writeln!(out, "</svg>")
}

fn labels(out: &mut String, cpus: &[usize], cell: usize) -> fmt::Result {
    // Numbers of three digits don't fit above small cells one beside the other.
    let step = if cell == CELL { 1 } else { 4 };
    for (place, cpu) in cpus.iter().enumerate().step_by(step) {
        let middle = place * cell + cell / 2;
        let (x, y) = (MARGIN + middle, TOP - 6);
        writeln!(out, r#"<text x="{x}" y="{y}" text-anchor="middle">{cpu}</text>"#)?;
        let (x, y) = (MARGIN - 6, TOP + middle + 4);
        writeln!(out, r#"<text x="{x}" y="{y}" text-anchor="end">{cpu}</text>"#)?;
    }
    Ok(())
}

fn square(
    out: &mut String,
    (column, row): (usize, usize),
    cell: usize,
    pair: &str,
    (p50, p99): (f64, Option<f64>),
    scale: &Scale,
) -> fmt::Result {
    let (x, y, side) = (MARGIN + column * cell, TOP + row * cell, cell - 1);
    let shade = scale.shade(p50, SHADES);
    let number = figure(p50);
    let p99 = p99.map(|p99| format!(", p99 {} ns", figure(p99))).unwrap_or_default();
    write!(out, r#"<g><title>{pair}: {number} ns{p99}</title>"#)?;
    write!(out, r#"<rect class="s{shade}" x="{x}" y="{y}" width="{side}" height="{side}"/>"#)?;
    if cell == CELL {
        let (x, y) = (x + cell / 2, y + cell / 2 + 4);
        write!(out, r#"<text x="{x}" y="{y}" text-anchor="middle">{number}</text>"#)?;
    }
    writeln!(out, "</g>")
}

fn legend(out: &mut String, scale: &Scale, y: usize) -> fmt::Result {
    let (least, largest) = scale.ends();
    for shade in 0..SHADES {
        let x = MARGIN + shade * 20;
        writeln!(out, r#"<rect class="s{shade}" x="{x}" y="{y}" width="20" height="12"/>"#)?;
    }
    let (x, y) = (MARGIN + SHADES * 20 + 8, y + 10);
    let (least, largest) = (figure(least), figure(largest));
    writeln!(out, r#"<text x="{x}" y="{y}">{least} to {largest} ns, in equal ratios</text>"#)
}

/// A processor's name is whatever the machine says.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::heat::tests::full;
    use super::*;
    use crate::machine::matrix::matrix::tests::sixteen;
    use crate::machine::matrix::report::of_matrix;
    use mainspring::{Cpu, Topology};

    fn picture(topology: &Topology) -> String {
        let mut report = of_matrix(full(topology), topology);
        report.machine.summary = "<fake> & \"sons\"".into();
        svg(&report)
    }

    /// Counts of what must be there, and that each element that is opened is closed.
    fn check(svg: &str, squares: usize, numbers: usize) {
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<title>").count(), squares);
        assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        let numbered = svg.lines().filter(|line| line.starts_with("<g>") && line.contains("<text"));
        assert_eq!(numbered.count(), numbers);
        assert!(svg.contains("&lt;fake&gt; &amp;") && !svg.contains("<fake>"), "names are escaped");
        assert!(svg.contains("prefers-color-scheme:dark") && !svg.contains("<script"));
    }

    #[test]
    fn sixteen_cpus_have_a_square_and_a_number_for_each_pair() {
        let svg = picture(&sixteen());
        check(&svg, 240, 240);
        assert!(
            svg.contains("<title>0 → 1: 20.0 ns, p99 40.0 ns</title><rect class=\"s0\""),
            "{svg}"
        );
        assert!(
            svg.contains("<title>0 → 15: 400 ns, p99 800 ns</title><rect class=\"s7\""),
            "{svg}"
        );
    }

    #[test]
    fn sixty_four_cpus_have_small_squares_with_their_numbers_when_pointed_at() {
        let cpu = |id| Cpu { core: id / 2, l3: id / 8, ..Cpu::new(id) };
        let svg = picture(&Topology::from_cpus("fake", (0..64).map(cpu).collect()));
        check(&svg, 64 * 63, 0);
    }

    #[test]
    fn nothing_measured_is_an_empty_picture() {
        let topology = sixteen();
        let report = of_matrix(crate::machine::matrix::Matrix::new(vec![0, 1], 8), &topology);
        let svg = svg(&report);
        assert!(svg.ends_with("</svg>\n") && !svg.contains("<title>"), "{svg}");
    }
}
