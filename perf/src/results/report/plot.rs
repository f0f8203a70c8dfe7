//! The frame of a chart: axes, grid, labels. Charts are as wide as a phone, so that what is written
//! in them can be read there; a wider page shows several beside each other.

use super::axis::Axis;
use maud::{Markup, html};

/// In the chart's own units, which are about a pixel each.
pub const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 236.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 42.0;
/// Labels nearer to each other than this are left out, on the horizontal axis.
const LABEL_WIDTH: f64 = 46.0;

/// More series than this can't be told apart in one chart.
pub const SERIES_MAX: usize = 6;

/// Two axes.
pub struct Plot {
    pub x: Axis,
    pub y: Axis,
}

impl Plot {
    /// Where a point of the unit square lies.
    pub fn at(x: f64, y: f64) -> (f64, f64) {
        (LEFT + x * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM))
    }

    /// Where a pair of values lies.
    pub fn point(&self, x: f64, y: f64) -> (f64, f64) {
        Self::at(self.x.place(x), self.y.place(y))
    }

    /// The whole chart. `says` is for those who can't see it.
    pub fn svg(&self, kind: &str, says: &str, inside: &Markup) -> Markup {
        let ((left, bottom), (right, top)) = (Self::at(0.0, 0.0), Self::at(1.0, 1.0));
        drawing(
            kind,
            says,
            HEIGHT,
            &html! {
                g.grid {
                    @for (at, text) in &self.y.ticks {
                        @let (_, y) = Self::at(0.0, *at);
                        line x1=(left) x2=(right) y1=(short(y)) y2=(short(y)) {}
                        text x=(left - 6.0) y=(short(y + 4.0)) text-anchor="end" { (text) }
                    }
                    @for (at, text, is_written) in thinned(&self.x) {
                        @let (x, _) = Self::at(at, 0.0);
                        line x1=(short(x)) x2=(short(x)) y1=(short(top)) y2=(short(bottom)) {}
                        @if is_written {
                            @let anchor = if at > 0.93 { "end" } else { "middle" };
                            @let x = if at > 0.93 { right + RIGHT - 2.0 } else { x };
                            text x=(short(x)) y=(short(bottom + 15.0)) text-anchor=(anchor) { (text) }
                        }
                    }
                }
                line.axis x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
                text.label x=((left + right) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" {
                    (self.x.label)
                }
                (inside)
            },
        )
    }
}

/// Ticks with whether there is room for their labels.
fn thinned(axis: &Axis) -> Vec<(f64, &str, bool)> {
    let mut last = f64::NEG_INFINITY;
    let ticks = axis.ticks.iter().map(|(at, text)| {
        let (x, _) = Plot::at(*at, 0.0);
        let has_room = x - last >= LABEL_WIDTH;
        if has_room {
            last = x;
        }
        (*at, text.as_str(), has_room)
    });
    ticks.collect()
}

/// An `svg` that grows and shrinks with its place.
pub fn drawing(kind: &str, says: &str, height: f64, inside: &Markup) -> Markup {
    html! {
        svg.chart data-chart=(kind) role="img" aria-label=(says)
            viewBox={ "0 0 " (WIDTH) " " (short(height)) } {
            title { (says) }
            (inside)
        }
    }
}

/// A line through these points.
pub fn line(class: &str, points: impl Iterator<Item = (f64, f64)>) -> Markup {
    let mut path = String::new();
    for (x, y) in points {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&format!("{} {}", short(x), short(y)));
    }
    html! { @if !path.is_empty() { path class=(class) d=(path) {} } }
}

/// A mark whose form differs from series to series, for those who can't tell the colours apart.
pub fn mark(series: usize, (x, y): (f64, f64)) -> Markup {
    let forms = [
        "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
        "M-3-3h6v6h-6z",
        "M0-4L4 3H-4z",
        "M0-4L4 0L0 4L-4 0z",
        "M-1-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
        "M0 4L4-3H-4z",
    ];
    let form = forms[series % forms.len()];
    html! { path.mark d=(form) transform={ "translate(" (short(x)) " " (short(y)) ")" } {} }
}

/// What the series are. `dashed` ones are what the others are compared with.
pub fn legend<'a>(entries: impl Iterator<Item = (String, &'a str)>) -> Markup {
    html! {
        ul.legend {
            @for (class, text) in entries {
                li {
                    svg viewBox="0 0 26 12" aria-hidden="true" class=(class) {
                        @if class == "round-key" {
                            circle.round cx="13" cy="6" r="3" {}
                        } @else {
                            path.line d="M0 6H26" {}
                        }
                        @if let Some(series) = series_of(&class) { (mark(series, (13.0, 6.0))) }
                    }
                    span { (text) }
                }
            }
        }
    }
}

/// The number in a class `s2`.
fn series_of(class: &str) -> Option<usize> {
    class.strip_prefix('s')?.parse().ok()
}

/// One decimal is more than a pixel shows.
pub fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(String::from).unwrap_or(text)
}
