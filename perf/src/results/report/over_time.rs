//! Latency over time: each second's median, 99th percentile and longest.

use super::axis::{Axis, time};
use super::plot::{self, Plot};
use crate::results::document::{Document, Figures, Second};
use maud::{Markup, html};

const NAMES: [&str; 3] = ["p50", "p99", "max"];

/// A chart for each scenario that was watched second by second.
pub fn charts(document: &Document) -> Vec<Markup> {
    let watched = document.scenarios.iter().filter(|figures| !figures.series.is_empty());
    watched.map(chart).collect()
}

fn chart(figures: &Figures) -> Markup {
    let seconds = &figures.series;
    let most = seconds.iter().map(|second| f64::from(second.second) + 1.0);
    let x = Axis::linear("seconds", most, |second| format!("{second}"));
    let values = seconds.iter().flat_map(|second| [second.p50_ns, second.max_ns]);
    let y = Axis::log("", values.map(|nanos| nanos as f64), time);
    let plot = Plot { x, y };
    let picks: [fn(&Second) -> Option<u64>; 3] =
        [|second| Some(second.p50_ns), |second| second.p99_ns, |second| Some(second.max_ns)];
    let says = format!("Latency of each second: {}", figures.id);
    let is_short = seconds.len() <= 40;
    let lines = html! {
        @for (series, pick) in picks.into_iter().enumerate() {
            @let points = points(&plot, seconds, pick);
            g class={ "s" (series) } {
                (plot::line("line", points.iter().copied()))
                @if is_short { @for point in &points { (plot::mark(series, *point)) } }
            }
        }
    };
    let names = NAMES.into_iter().enumerate();
    html! {
        figure {
            figcaption { (figures.id) }
            (plot.svg("strip", &says, &lines))
            (plot::legend(names.map(|(series, name)| (format!("s{series}"), name))))
        }
    }
}

fn points(plot: &Plot, seconds: &[Second], pick: fn(&Second) -> Option<u64>) -> Vec<(f64, f64)> {
    let points = seconds.iter().filter_map(|second| {
        let nanos = pick(second)?;
        Some(plot.point(f64::from(second.second) + 0.5, nanos as f64))
    });
    points.collect()
}
