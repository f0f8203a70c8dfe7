//! Rate against latency: up to which rate an object keeps up.

use super::axis::{Axis, amount, time};
use super::groups::{self, Group};
use super::plot::{self, Plot};
use crate::lab::open_loop::REACHED;
use crate::results::document::{Document, Figures, Load};
use crate::stats::Quantiles;
use maud::{Markup, html};

const NAMES: [&str; 3] = ["p50", "p99", "p99.9"];
/// Whether the plan was kept.
pub fn is_kept(load: &Load) -> bool {
    load.achieved_per_s >= REACHED * load.target_per_s && load.received >= load.planned
}

/// One planned rate.
struct Step<'a> {
    load: &'a Load,
    latency: &'a Quantiles,
}

/// A chart for each group with planned rates, and each kind of arrivals in it.
pub fn charts(document: &Document) -> Vec<Markup> {
    let mut charts = Vec::new();
    for Group { name, scenarios } in groups::of(&document.scenarios) {
        let mut arrivals: Vec<&str> = Vec::new();
        for figures in &scenarios {
            let load = figures.load.as_ref().map(|load| load.arrivals.as_str());
            arrivals.extend(load.filter(|one| !arrivals.contains(one)));
        }
        for arrivals in arrivals {
            let steps = steps(&scenarios, arrivals);
            charts.extend((!steps.is_empty()).then(|| chart(name, arrivals, &steps)));
        }
    }
    charts
}

/// By rate.
fn steps<'a>(scenarios: &[&'a Figures], arrivals: &str) -> Vec<Step<'a>> {
    let steps = scenarios.iter().filter_map(|figures| {
        let load = figures.load.as_ref().filter(|load| load.arrivals == arrivals)?;
        Some(Step { load, latency: figures.latency_ns.as_ref()? })
    });
    let mut steps: Vec<_> = steps.collect();
    steps.sort_by(|a, b| a.load.target_per_s.total_cmp(&b.load.target_per_s));
    steps
}

fn chart(name: &str, arrivals: &str, steps: &[Step]) -> Markup {
    let picks: [fn(&Quantiles) -> Option<u64>; 3] = [|q| q.p50, |q| q.p99, |q| q.p999];
    let rates = steps.iter().map(|step| step.load.achieved_per_s);
    let x = Axis::linear("answered per second", rates, amount);
    let values = steps.iter().flat_map(|step| picks.map(|pick| pick(step.latency)));
    let y = Axis::log("", values.flatten().map(|nanos| nanos as f64), time);
    let plot = Plot { x, y };
    let points = |pick: fn(&Quantiles) -> Option<u64>| -> Vec<(f64, f64)> {
        let points = steps.iter().filter_map(|step| {
            Some(plot.point(step.load.achieved_per_s, pick(step.latency)? as f64))
        });
        points.collect()
    };
    let late: Vec<_> = steps.iter().filter(|step| !is_kept(step.load)).collect();
    let title = format!("{name}, {arrivals} arrivals");
    let says = format!("Latency by rate: {title}");
    let lines = html! {
        @for step in &late {
            @let (x, top) = Plot::at(plot.x.place(step.load.achieved_per_s), 1.0);
            @let (_, bottom) = Plot::at(0.0, 0.0);
            line.missed x1=(plot::short(x)) x2=(plot::short(x)) y1=(top) y2=(bottom) {}
            path.missed transform={ "translate(" (plot::short(x)) " " (top + 5.0) ")" }
                d="M-4-4L4 4M4-4L-4 4" {}
        }
        @for (series, pick) in picks.into_iter().enumerate() {
            @let points = points(pick);
            g class={ "s" (series) } {
                (plot::line("line", points.iter().copied()))
                @for point in points { (plot::mark(series, point)) }
            }
        }
    };
    let names = NAMES.into_iter().enumerate().map(|(series, name)| (format!("s{series}"), name));
    html! {
        figure {
            figcaption { (title) }
            (plot.svg("rate", &says, &lines))
            (plot::legend(names))
            @if !late.is_empty() {
                p.note {
                    "✕ planned and not reached: "
                    @for (place, step) in late.iter().enumerate() {
                        @if place > 0 { ", " }
                        (amount(step.load.target_per_s)) "/s (got "
                        (amount(step.load.achieved_per_s)) "/s)"
                    }
                }
            }
        }
    }
}
