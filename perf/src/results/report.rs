//! A run's document, or a comparison, as one HTML file: no network, and nothing beside it.
//!
//! Everything from a document passes maud's escaping, which each `( )` in a template does, or
//! [`embed::in_script`]. A strict content policy backs them up: a page loads nothing.

mod axis;
mod bars;
mod changes;
mod curve;
pub mod embed;
mod groups;
mod heat;
mod machine;
mod plot;
mod rate;
mod section;
mod over_time;
mod tables;
mod verdict;

use crate::error::Error;
use crate::json;
use crate::results::compare::{self, Comparison};
use crate::results::document::Document;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use section::section;
use serde::Serialize;

const STYLE: &str = include_str!("report/style.css");
const SCRIPT: &str = include_str!("report/download.js");
/// Nothing is loaded from anywhere; what is inline is ours or escaped.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

/// The page of a run.
///
/// # Errors
/// [`Error::System`] if the document can't be written as JSON, which ours always can.
pub fn page(document: &Document) -> Result<String, Error> {
    let title = format!("Mainspring: {} suite", document.suite);
    let body = html! {
        (verdict::header(document))
        (verdict::gates(document))
        (machine::environment(document))
        (machine::pins(document))
        @if let Some(matrix) = &document.matrix {
            (section("matrix", "Between CPUs", &html! { div.charts { (heat::map(matrix)) } }))
        }
        (charts("percentiles", "Latency by percentile", PERCENTILES, &curve::charts(document)))
        (charts("over-time", "Latency over time", OVER_TIME, &over_time::charts(document)))
        (charts("rates", "Rate and latency", RATES, &rate::charts(document)))
        (charts("throughput", "Throughput", THROUGHPUT, &bars::charts(document)))
        (tables::ratios(document))
        (tables::loads(document))
        (tables::counters(document))
        (tables::jitter(document))
        (tables::figures(document))
        (reproduce(&document.command))
    };
    shell(&title, "mainspring-run.json", &body, document)
}

const PERCENTILES: &str = "Further right is rarer: at 99.9 %, one operation in 1,000 takes longer. \
    Dashed: the floor, a bare program that does the same work. Dotted: how long the CPU itself was away \
    without any work; a curve that follows it shows the machine.";
const OVER_TIME: &str = "Every second of a planned load, over all rounds. Latency counts from the \
    moment a request was planned, so a stall shows in every request it delayed.";
const RATES: &str =
    "Each mark is a planned rate. Where the curves turn up, the object no longer keeps up.";
const THROUGHPUT: &str = "The bar is the median of the rounds, and each dot is a round: dots far apart \
    mean that the machine moved.";

/// The page of a comparison.
pub fn comparison(comparison: &Comparison) -> Result<String, Error> {
    let title = format!("Mainspring: {}", compare::text::sentence(comparison));
    shell(&title, "mainspring-compare.json", &changes::body(comparison), comparison)
}

/// The frame of both pages.
fn shell(title: &str, file: &str, body: &Markup, data: &impl Serialize) -> Result<String, Error> {
    let json = embed::in_script(&json::pretty(data)?);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                // Or the browser asks a server for one.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (body)
                    section #data {
                        h2 { "Raw data" }
                        p {
                            "Everything above comes from a JSON document that this page holds. "
                            button #download type="button" hidden data-file=(file) { "Download it" }
                        }
                        noscript { p.note { "Without JavaScript, find it at the end of this page's source." } }
                    }
                }
                script #raw type="application/json" { (PreEscaped(json)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

/// A part of the page with charts, if there are any.
fn charts(id: &str, title: &str, says: &str, charts: &[Markup]) -> Markup {
    if charts.is_empty() {
        return html! {};
    }
    section(
        id,
        title,
        &html! {
            p.lead { (says) }
            div.charts { @for chart in charts { (chart) } }
        },
    )
}

fn reproduce(command: &str) -> Markup {
    section("reproduce", "Run it again", &html! { pre { code { (command) } } })
}
