//! The header of a page: whether the figures can be used, and what is wrong with them.

use super::axis::time;
use super::section::section;
use crate::format::figure;
use crate::results::document::{Document, Moved, Status, Verdict};
use maud::{Markup, html};

/// The head of the page.
pub fn header(document: &Document) -> Markup {
    let (class, sign, word, says) = status(document.status);
    let missed = document.gates.iter().filter(|gate| !gate.is_met).count();
    let doubts = doubts(document);
    html! {
        header {
            p.brand { "Mainspring " (document.version) }
            h1 { (document.suite) " suite" }
            p.started {
                @if !document.started.is_empty() { (document.started) " · " }
                (document.environment.cpu_model)
            }
            p class={ "verdict " (class) } { span.badge { span aria-hidden="true" { (sign) " " } (word) } " " (says) }
            @if let Some(error) = &document.error { p.error { (error) } }
            @if missed > 0 {
                p { (missed) " of " (document.gates.len()) " gates missed." }
            }
            @if !doubts.is_empty() {
                section.warnings aria-label="Warnings" {
                    h2 { "Read this first" }
                    ul { @for doubt in &doubts { li { (doubt) } } }
                }
            }
        }
    }
}

fn status(status: Status) -> (&'static str, &'static str, &'static str, &'static str) {
    match status {
        Status::Ok => ("good", "✓", "ok", "The floors stayed the same; the figures can be used."),
        Status::Noisy => (
            "doubtful",
            "≈",
            "noisy",
            "A floor moved by more than a factor of two, so the rounds can't be compared with each other.",
        ),
        Status::Interrupted => (
            "doubtful",
            "…",
            "interrupted",
            "The run was interrupted: there are fewer rounds than planned.",
        ),
        Status::Failed => ("bad", "✕", "failed", "The figures of this run mean nothing."),
    }
}

/// Warnings, floors that moved, and what the machine can't show.
fn doubts(document: &Document) -> Vec<String> {
    let moved = document.moved.iter().map(|Moved { floor, least_ns, largest_ns }| {
        format!("{floor} moved between rounds, from {} to {}", time(*least_ns), time(*largest_ns))
    });
    let environment = &document.environment;
    let limits = [
        environment.hypervisor.as_ref().map(|name| {
            format!("a virtual machine (hypervisor: {name}): read tails as upper bounds")
        }),
        environment.quota_cpus.as_ref().map(|quota| {
            format!("the cgroup limits this process to {quota} CPUs' time: it may be throttled")
        }),
        (document.build.profile == "debug")
            .then(|| "a debug build: its figures say nothing about a release build".into()),
        (document.pins.iter().any(|pin| !pin.is_verified))
            .then(|| "not every thread ran on its CPU; see the pin map".into()),
    ];
    document.warnings.iter().cloned().chain(moved).chain(limits.into_iter().flatten()).collect()
}

/// What is wanted of the library.
pub fn gates(document: &Document) -> Markup {
    if document.gates.is_empty() {
        return html! {};
    }
    section(
        "gates",
        "Gates",
        &html! { ul.gates { @for gate in &document.gates { (one_gate(gate)) } } },
    )
}

fn one_gate(gate: &Verdict) -> Markup {
    let (class, sign, word) =
        if gate.is_met { ("good", "✓", "met") } else { ("bad", "✕", "missed") };
    html! {
        li class=(class) {
            span.badge { span aria-hidden="true" { (sign) " " } (word) }
            span {
                (gate.text)
                small { (gate.scenario) ": " (figure(gate.value)) ", wanted at most " (figure(gate.wanted_max)) }
            }
        }
    }
}
