//! Throughput: a bar for each scenario, and a dot for each of its rounds.

use super::axis::Axis;
use super::groups;
use super::plot::{self, WIDTH, drawing, short};
use crate::format::figure;
use crate::results::document::{Document, Figures, Kind};
use maud::{Markup, html};

const ROW: f64 = 36.0;
const LEFT: f64 = 4.0;
const RIGHT: f64 = 14.0;
const FOOT: f64 = 36.0;

/// A chart for each area of the suite: their rates differ too much for one.
pub fn charts(document: &Document) -> Vec<Markup> {
    let is_rate = |one: &&Figures| one.kind == Kind::Throughput && one.value.is_some();
    let rates = document.scenarios.iter().filter(is_rate);
    groups::by_area(rates).into_iter().map(|group| chart(group.name, &group.scenarios)).collect()
}

/// Millions a second, of nanoseconds each.
fn rate(nanos: f64) -> f64 {
    if nanos > 0.0 { 1000.0 / nanos } else { 0.0 }
}

fn chart(name: &str, scenarios: &[&Figures]) -> Markup {
    let rounds = scenarios.iter().flat_map(|one| one.rounds.iter().map(|round| rate(round.value)));
    let medians = scenarios.iter().filter_map(|one| one.value).map(rate);
    let axis =
        Axis::linear("million operations a second", rounds.chain(medians), |v| format!("{v}"));
    let at = |value: f64| LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT);
    let foot = ROW * scenarios.len() as f64 + 4.0;
    let says = format!("Throughput: {name}");
    html! {
        figure {
            figcaption { (name) }
            (drawing("bars", &says, foot + FOOT, &html! {
                g.grid {
                    @for (place, text) in &axis.ticks {
                        @let x = LEFT + place * (WIDTH - LEFT - RIGHT);
                        @let anchor = if *place == 0.0 { "start" } else if *place == 1.0 { "end" } else { "middle" };
                        line x1=(short(x)) x2=(short(x)) y1="0" y2=(short(foot)) {}
                        text x=(short(x)) y=(short(foot + 14.0)) text-anchor=(anchor) { (text) }
                    }
                }
                text.label x=(WIDTH / 2.0) y=(short(foot + 30.0)) text-anchor="middle" { (axis.label) }
                @for (place, one) in scenarios.iter().enumerate() {
                    @let top = ROW * place as f64;
                    @let middle = one.value.map_or(0.0, rate);
                    text.name x=(LEFT) y=(short(top + 13.0)) { (rest(name, &one.id)) }
                    text.value x=(WIDTH - RIGHT) y=(short(top + 13.0)) text-anchor="end" {
                        (figure(middle))
                    }
                    rect.bar x=(LEFT) y=(short(top + 18.0)) height="12" width=(short(at(middle) - LEFT)) {}
                    @for round in &one.rounds {
                        circle.round cx=(short(at(rate(round.value)))) cy=(short(top + 24.0)) r="2.6" {}
                    }
                }
            }))
            (plot::legend([("bar-key".into(), "median of the rounds"), ("round-key".into(), "one round")].into_iter()))
        }
    }
}

/// A name without the chart's own.
fn rest<'a>(area: &str, id: &'a str) -> &'a str {
    id.strip_prefix(area).and_then(|rest| rest.strip_prefix('/')).unwrap_or(id)
}
