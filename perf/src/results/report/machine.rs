//! Where it was measured: the environment's card, and who ran on which CPU.

use super::section::section;
use crate::machine::machine::Place;
use crate::results::document::Document;
use mainspring::list_of;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The machine, the build and the run in words.
pub fn environment(document: &Document) -> Markup {
    let Document { environment, build, clock, .. } = document;
    let or_unknown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
    let cpus = |cpus: &[usize]| {
        if cpus.is_empty() { "none".into() } else { list_of(cpus) }
    };
    let mitigations: Vec<_> =
        environment.mitigations.iter().map(|(what, how)| format!("{what}: {how}")).collect();
    let parameters: Vec<_> =
        document.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let rows = [
        ("Processor", environment.cpu_model.clone()),
        ("Topology", environment.summary.clone()),
        ("Hypervisor", environment.hypervisor.clone().unwrap_or_else(|| "none seen".into())),
        ("Kernel", environment.kernel.clone()),
        ("Clock source", or_unknown(&environment.clocksource)),
        ("Governor", or_unknown(&environment.governor)),
        ("SMT", or_unknown(&environment.smt)),
        ("Huge pages", or_unknown(&environment.thp)),
        ("Quota", environment.quota_cpus.clone().unwrap_or_else(|| "none".into())),
        ("CPUs allowed", cpus(&environment.cpus_allowed)),
        ("CPUs isolated", cpus(&environment.isolated)),
        ("CPUs without ticks", cpus(&environment.nohz_full)),
        ("CPUs switched off", cpus(&environment.offline)),
        ("Microcode", or_unknown(&environment.microcode)),
        (
            "Timed with",
            format!(
                "{}: {:.1} ns a reading, steps of {} ns",
                clock.kind, clock.read_ns, clock.step_ns
            ),
        ),
        ("Compiler", build.rustc.clone()),
        ("Build", [&build.profile, &build.target].map(String::as_str).join(" ")),
        ("Commit", or_unknown(&build.commit)),
        ("Rounds", document.rounds.to_string()),
        ("Parameters", parameters.join(", ")),
        ("Fingerprint", environment.fingerprint.clone()),
    ];
    let is_said = |(_, value): &(&str, String)| !value.trim().is_empty();
    let rows = rows.into_iter().filter(is_said);
    let long = [
        ("Kernel command line", or_unknown(&environment.cmdline)),
        ("Mitigations", mitigations.join("; ")),
    ];
    let long = long.into_iter().filter(is_said);
    section(
        "environment",
        "Environment",
        &html! {
            dl.card { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } }
            @for (name, value) in long { details { summary { (name) } p { (value) } } }
        },
    )
}

type Tree<'a> = BTreeMap<(usize, usize), BTreeMap<usize, BTreeMap<usize, Vec<&'a Place>>>>;

/// Packages, caches and cores as boxes in boxes, and who ran where.
pub fn pins(document: &Document) -> Markup {
    let environment = &document.environment;
    let mut tree = Tree::new();
    for place in &environment.cpus {
        let caches = tree.entry((place.package, place.node)).or_default();
        caches.entry(place.l3).or_default().entry(place.core).or_default().push(place);
    }
    let unplaced =
        document.pins.iter().filter(|pin| !environment.cpus.iter().any(|p| p.cpu == pin.cpu));
    let unplaced: Vec<_> = unplaced.map(|pin| format!("{} on CPU {}", pin.role, pin.cpu)).collect();
    section(
        "pins",
        "Who ran where",
        &html! {
            @if document.pins.is_empty() { p.lead { "Nothing was pinned." } }
            @if !tree.is_empty() {
                div.topology {
                    @for ((package, node), caches) in &tree {
                        div.package {
                            h3 { "Package " (package) ", node " (node) }
                            @for (l3, cores) in caches {
                                div.cache {
                                    h4 { "L3 " (l3) }
                                    div.cores { @for (core, cpus) in cores { (one_core(document, *core, cpus)) } }
                                }
                            }
                        }
                    }
                }
            }
            @if !unplaced.is_empty() { p { (unplaced.join(", ")) "." } }
        },
    )
}

fn one_core(document: &Document, core: usize, cpus: &[&Place]) -> Markup {
    html! {
        div.core title={ "core " (core) } { @for place in cpus { (one_cpu(document, place)) } }
    }
}

fn one_cpu(document: &Document, place: &Place) -> Markup {
    let pins: Vec<_> = document.pins.iter().filter(|pin| pin.cpu == place.cpu).collect();
    let is_allowed = document.environment.cpus_allowed.contains(&place.cpu);
    let class = match (pins.is_empty(), is_allowed) {
        (false, _) => "cpu used",
        (true, true) => "cpu",
        (true, false) => "cpu barred",
    };
    html! {
        div class=(class) {
            b { (place.cpu) }
            @for pin in pins {
                span { (pin.role) @if !pin.is_verified { strong { " not verified" } } }
            }
            @if place.is_isolated { small { "isolated" } }
            @if !is_allowed { small { "not allowed" } }
        }
    }
}
