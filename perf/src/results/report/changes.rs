//! The page of a comparison: the verdict, intervals as whiskers, and the table behind them.

use super::axis::bounds;
use super::plot::{WIDTH, drawing, short};
use super::section::{breakable, scrolling, section};
use crate::format::figure;
use crate::results::compare::text::{method, name, sentence, signed, word};
use crate::results::compare::{CHANCE_MAX, Change, Comparison, Overall, Row, Side, Verdict};
use maud::{Markup, html};

const ROW: f64 = 40.0;
const FOOT: f64 = 34.0;
const EDGE: f64 = 24.0;

/// Everything between head and raw data.
pub fn body(comparison: &Comparison) -> Markup {
    let (class, sign, verdict) = match comparison.verdict {
        Overall::Passed => ("good", "✓", "no regression"),
        Overall::Regressed => ("bad", "✕", "regression"),
        Overall::Noisy => ("doubtful", "≈", "too noisy"),
    };
    html! {
        header {
            p.brand { "Mainspring " (comparison.version) }
            h1 { "B against A" }
            p class={ "verdict " (class) } {
                span.badge { span aria-hidden="true" { (sign) " " } (verdict) } " " (sentence(comparison))
            }
            @if !comparison.warnings.is_empty() {
                section.warnings aria-label="Warnings" {
                    h2 { "Read this first" }
                    ul { @for warning in &comparison.warnings { li { (warning) } } }
                }
            }
        }
        (whiskers(comparison))
        (table(comparison))
        @if !comparison.unmatched.is_empty() {
            (section("unmatched", "Not compared", &html! {
                ul { @for one in &comparison.unmatched { li { (one.scenario) ": " (one.why) } } }
            }))
        }
        (section("method", "How this was judged", &html! {
            p { (method(comparison)) }
            p {
                "A change counts if it exceeds the threshold of "
                (format!("{:.1} %", 100.0 * comparison.threshold))
                ", its interval excludes 1, it exceeds what the same build differs from itself "
                "(noise), and if nothing had changed, so large a change would be seen anywhere in the comparison in no more than " (100.0 * CHANCE_MAX)
                " % of cases (chance)."
            }
            dl.card { (side("A", &comparison.a)) (side("B", &comparison.b)) }
        }))
    }
}

fn side(letter: &str, side: &Side) -> Markup {
    html! {
        div { dt { (letter) } dd { (side.name) } }
        div {
            dt { (letter) ", built from" }
            dd { (side.commit.as_deref().unwrap_or("an unknown commit")) }
        }
        div { dt { (letter) ", run" } dd { (side.started) " " code { (side.command) } } }
    }
}

/// Where a ratio lies, on an axis that is as wide to either side of 1.
struct Across {
    reach: f64,
}

impl Across {
    fn of(rows: &[(&Row, Change)], threshold: f64) -> Self {
        let ends =
            rows.iter().flat_map(|(_, change)| [change.low.ln().abs(), change.high.ln().abs()]);
        let far = bounds(ends).map_or(0.0, |(_, most)| most);
        // A tail that is ten times longer must not make all others a dot.
        Self { reach: far.max(threshold.ln_1p() * 1.5).min(4.0_f64.ln()) }
    }

    fn at(&self, ratio: f64) -> f64 {
        let place = (ratio.ln() / self.reach).clamp(-1.0, 1.0);
        WIDTH / 2.0 + place * (WIDTH / 2.0 - EDGE)
    }
}

fn whiskers(comparison: &Comparison) -> Markup {
    let rows = comparison.rows.iter().filter_map(|row| Some((row, row.change?)));
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return html! {};
    }
    let threshold = comparison.threshold;
    let across = Across::of(&rows, threshold);
    let foot = ROW * rows.len() as f64 + 4.0;
    let (from, to) = (across.at(1.0 / (1.0 + threshold)), across.at(1.0 + threshold));
    let ends = [-1.0, 0.0, 1.0].map(|end| (end * across.reach).exp());
    let inside = html! {
        rect.band x=(short(from)) y="0" width=(short(to - from)) height=(short(foot)) {}
        g.grid {
            @for ratio in ends {
                @let x = short(across.at(ratio));
                line x1=(x) x2=(x) y1="0" y2=(short(foot)) {}
                text x=(x) y=(short(foot + 14.0)) text-anchor="middle" { (signed(ratio)) }
            }
        }
        text.label x=(EDGE) y=(short(foot + 30.0)) { "← faster" }
        text.label x=(WIDTH - EDGE) y=(short(foot + 30.0)) text-anchor="end" { "slower →" }
        @for (place, (row, change)) in rows.iter().enumerate() {
            (whisker(row, change, ROW * place as f64, &across))
        }
    };
    section(
        "changes",
        "Changes",
        &html! {
            p.lead {
                "B ÷ A with its 95 % interval. Changes inside the band don't matter: up to "
                (format!("{:.1} %", 100.0 * threshold)) ". Thin lines gate nothing; arrows continue beyond the edge."
            }
            div.charts {
                figure.wide-if-many { (drawing("whiskers", "Changes with intervals", foot + FOOT, &inside)) }
            }
        },
    )
}

fn whisker(row: &Row, change: &Change, top: f64, across: &Across) -> Markup {
    let middle = top + 26.0;
    let [low, at, high] = [change.low, change.ratio, change.high].map(|ratio| across.at(ratio));
    let goes_on = |ratio: f64| ratio.ln().abs() > across.reach * 1.001;
    html! {
        g class={ "whisker " (class(row.verdict)) } {
            text.name x="4" y=(short(top + 14.0)) { (name(row)) }
            text.value x=(WIDTH - 4.0) y=(short(top + 14.0)) text-anchor="end" {
                (signed(change.ratio)) " " (word(row.verdict))
            }
            line x1=(short(low)) x2=(short(high)) y1=(middle) y2=(middle) {}
            @for (ratio, x, out) in [(change.low, low, -5.0), (change.high, high, 5.0)] {
                @if goes_on(ratio) {
                    path.arrow d={ "M" (short(x)) " " (middle - 4.0) "l" (out) " 4l" (-out) " 4z" } {}
                } @else {
                    line x1=(short(x)) x2=(short(x)) y1=(middle - 4.0) y2=(middle + 4.0) {}
                }
            }
            circle cx=(short(at)) cy=(middle) r="4" {}
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "bad",
        Verdict::Improved => "good",
        Verdict::Noisy => "doubtful",
        Verdict::Same => "same",
        Verdict::Informs => "informs",
    }
}

fn table(comparison: &Comparison) -> Markup {
    let head = [
        "Scenario",
        "Verdict",
        "B ÷ A",
        "95 % interval",
        "A",
        "B",
        "Unit",
        "Basis",
        "Noise",
        "Chance",
        "n",
    ];
    let percent =
        |share: Option<f64>| share.map_or_else(|| "–".into(), |s| format!("{:.1} %", 100.0 * s));
    let some = |value: Option<f64>| value.map_or_else(|| "–".into(), figure);
    let table = scrolling(
        "Every scenario",
        &html! {
            table {
                thead { tr { @for name in head { th scope="col" { (name) } } } }
                tbody {
                    @for row in &comparison.rows {
                        tr class=(class(row.verdict)) {
                            th scope="row" { (breakable(&name(row))) }
                            td.words { b { (word(row.verdict)) } @if !row.why.is_empty() { " " (row.why) } }
                            @match row.change {
                                Some(change) => {
                                    td { (signed(change.ratio)) }
                                    td { (signed(change.low)) " to " (signed(change.high)) }
                                }
                                None => { td { "–" } td { "–" } }
                            }
                            td { (some(row.a)) }
                            td { (some(row.b)) }
                            td { (row.unit) }
                            td { (row.basis) }
                            td { (percent(row.noise)) }
                            td { (percent(row.chance)) }
                            td { (row.count_a) " / " (row.count_b) }
                        }
                    }
                }
            }
        },
    );
    section("table", "Every scenario", &table)
}
