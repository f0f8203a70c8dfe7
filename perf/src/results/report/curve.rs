//! Percentile curves: how long the slowest 10 %, 1 %, 0.1 %, … took.

use super::axis::{Axis, time};
use super::groups::{self, Group};
use super::plot::{self, Plot, SERIES_MAX};
use crate::results::document::{Document, Figures};
use crate::stats::Latencies;
use maud::{Markup, html};

/// A step of this many units can be seen.
const STEP: f64 = 0.7;

/// One line of a chart.
struct Curve<'a> {
    name: &'a str,
    steps: Vec<(u64, u64)>,
}

impl<'a> Curve<'a> {
    fn of(name: &'a str, hdr: Option<&str>) -> Option<Self> {
        let steps = Latencies::decoded(hdr?)?.cumulative();
        (!steps.is_empty()).then_some(Self { name, steps })
    }

    fn of_scenario(figures: &'a Figures) -> Option<Self> {
        Self::of(&figures.id, figures.latency_ns.as_ref()?.hdr.as_deref())
    }

    fn count(&self) -> u64 {
        self.steps.last().map_or(0, |(_, count)| *count)
    }

    /// The line's corners: a value holds from the share below it to its own.
    fn points(&self, plot: &Plot) -> Vec<(f64, f64)> {
        let all = self.count() as f64;
        let mut points: Vec<(f64, f64)> = Vec::new();
        let mut below = 0;
        for (value, count) in &self.steps {
            let y = plot.y.place(*value as f64);
            let from = plot.x.place_share(below as f64 / all);
            // The largest lies beyond every share but all; it ends where one sample is left.
            let to = plot.x.place_share((*count as f64 / all).min(1.0 - 0.5 / all));
            let (from, to) = (Plot::at(from, y), Plot::at(to, y));
            if points.last().is_none_or(|last| to.0 - last.0 > STEP) || *count == self.count() {
                points.extend([from, to]);
            }
            below = *count;
        }
        points
    }
}

/// A chart for each group of scenarios, with their floors and the machine's own hiccups.
pub fn charts(document: &Document) -> Vec<Markup> {
    let cpus: Vec<_> =
        document.jitter.iter().map(|jitter| format!("jitter of CPU {}", jitter.cpu)).collect();
    let jitter = document.jitter.iter().zip(&cpus);
    let jitter: Vec<_> =
        jitter.filter_map(|(jitter, name)| Curve::of(name, Some(&jitter.hdr))).take(2).collect();
    let mut charts = Vec::new();
    for Group { name, scenarios } in groups::of(&document.scenarios) {
        let curves: Vec<_> = scenarios.iter().filter_map(|one| Curve::of_scenario(one)).collect();
        // Charts of about as many lines each, not one full and one with what is left.
        let parts = curves.len().div_ceil(SERIES_MAX).max(1);
        for (part, curves) in curves.chunks(curves.len().div_ceil(parts).max(1)).enumerate() {
            let title = match parts {
                1 => name.to_owned(),
                _ => format!("{name} ({} of {parts})", part + 1),
            };
            let floors = floors(document, curves);
            charts.push(chart(&title, curves, &floors, &jitter));
        }
    }
    charts
}

/// The floors of these scenarios that aren't among them.
fn floors<'a>(document: &'a Document, curves: &[Curve]) -> Vec<Curve<'a>> {
    let find = |id: &str| document.scenarios.iter().find(|one| one.id == id);
    let mut ids: Vec<&str> = Vec::new();
    for curve in curves {
        let floor = find(curve.name).and_then(|figures| figures.floor.as_deref());
        ids.extend(floor.filter(|id| !ids.contains(id)));
    }
    ids.retain(|id| !curves.iter().any(|curve| curve.name == *id));
    ids.into_iter().filter_map(find).filter_map(Curve::of_scenario).take(2).collect()
}

fn chart(name: &str, curves: &[Curve], floors: &[Curve], jitter: &[Curve]) -> Markup {
    let all = || curves.iter().chain(floors).chain(jitter);
    let values = all().flat_map(|curve| [curve.steps.first(), curve.steps.last()]);
    let values = values.flatten().map(|(value, _)| *value as f64);
    let y = Axis::log("", values, time);
    let x = Axis::nines(curves.iter().map(Curve::count).max().unwrap_or(0));
    let plot = Plot { x, y };
    let styles: Vec<_> = styles(curves, floors, jitter);
    let says = format!("Latency by percentile: {name}");
    let lines = html! {
        @for (class, curve) in &styles {
            g class=(class) {
                @let points = curve.points(&plot);
                (plot::line("line", points.iter().copied()))
                @if let Some(series) = class.strip_prefix('s').and_then(|n| n.parse().ok()) {
                    @for point in at_nines(&plot, &points) { (plot::mark(series, point)) }
                }
            }
        }
    };
    html! {
        figure {
            figcaption { (name) }
            (plot.svg("curve", &says, &lines))
            (plot::legend(styles.iter().map(|(class, curve)| (class.clone(), curve.name))))
        }
    }
}

/// Solid for what is measured, dashed for floors, dotted for the machine.
fn styles<'a, 'b>(
    curves: &'a [Curve<'b>],
    floors: &'a [Curve<'b>],
    jitter: &'a [Curve<'b>],
) -> Vec<(String, &'a Curve<'b>)> {
    let of = |kind: &'static str, curves: &'a [Curve<'b>]| {
        curves.iter().enumerate().map(move |(place, curve)| (format!("{kind}{place}"), curve))
    };
    of("s", curves).chain(of("floor", floors)).chain(of("jitter", jitter)).collect()
}

/// The curve's points that have a label.
fn at_nines(plot: &Plot, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let ticks = plot.x.ticks.iter().map(|(at, _)| Plot::at(*at, 0.0).0);
    let found = ticks.filter_map(|x| {
        let next = points.iter().find(|point| point.0 >= x - 0.01)?;
        Some((x, next.1))
    });
    found.collect()
}
