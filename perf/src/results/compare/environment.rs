//! Whether two documents speak of the same machine, build and work.

use super::comparison::Named;
use crate::error::Error;
use crate::results::document::{Document, Status};

/// Whether a document's figures can be compared at all.
pub fn usable(named: Named) -> Result<(), Error> {
    let Named { name, document } = named;
    match document.status {
        Status::Failed => {
            let why = document.error.as_deref().unwrap_or("it doesn't say why");
            Err(Error::Usage(format!(
                "{name}: this run failed ({why}), so its figures mean nothing; measure again"
            )))
        }
        Status::Ok | Status::Noisy | Status::Interrupted => Ok(()),
    }
}

/// Differences other than the figures, and what is known to spoil the figures.
///
/// # Errors
/// [`Error::Usage`] for documents of two machines, unless they are allowed.
pub fn differences(a: Named, b: Named, allow_other: bool) -> Result<Vec<String>, Error> {
    let (one, two) = (&a.document.environment, &b.document.environment);
    let mut warnings = Vec::new();
    let machines = [
        ("the processor", &one.cpu_model, &two.cpu_model),
        ("the topology", &one.fingerprint, &two.fingerprint),
    ];
    for (what, of_a, of_b) in machines.into_iter().filter(|(_, a, b)| a != b) {
        let said = format!(
            "{what} of {} is {of_a:?}, and that of {} {of_b:?}: these are different machines",
            a.name, b.name
        );
        if !allow_other {
            let way = "measure both on one, or give --allow-other-machine to compare them anyway";
            return Err(Error::Usage(format!("{said}; {way}")));
        }
        warnings.push(said);
    }
    for (what, of_a, of_b) in settings(a.document, b.document) {
        if of_a != of_b {
            let names = (a.name, b.name);
            warnings.push(format!("{what}: {of_a} in {}, {of_b} in {}", names.0, names.1));
        }
    }
    for Named { name, document } in [a, b] {
        if let Some(spoilt) = spoilt(document) {
            warnings.push(format!("{name}: {spoilt}"));
        }
    }
    Ok(warnings)
}

type Setting = fn(&Document) -> Option<String>;

/// What explains a difference without any change of the library.
fn settings(a: &Document, b: &Document) -> Vec<(&'static str, String, String)> {
    let text = |of: Setting| {
        let said = |document| of(document).unwrap_or_else(|| "unknown".into());
        (said(a), said(b))
    };
    let all: [(&str, Setting); 13] = [
        ("hypervisor", |d| d.environment.hypervisor.clone()),
        ("microcode", |d| d.environment.microcode.clone()),
        ("mitigations", |d| Some(format!("{:?}", d.environment.mitigations))),
        ("kernel", |d| Some(d.environment.kernel.clone())),
        ("kernel command line", |d| d.environment.cmdline.clone()),
        ("clock source", |d| d.environment.clocksource.clone()),
        ("frequency governor", |d| d.environment.governor.clone()),
        ("quota", |d| d.environment.quota_cpus.clone()),
        ("CPUs used", |d| Some(format!("{:?}", d.environment.cpus_used))),
        ("suite", |d| Some(d.suite.clone())),
        ("parameters", |d| Some(format!("{:?}", d.parameters))),
        ("build profile", |d| Some(d.build.profile.clone())),
        ("compiler", |d| Some(d.build.rustc.clone())),
    ];
    let all = all.into_iter().map(|(what, of)| {
        let (of_a, of_b) = text(of);
        (what, of_a, of_b)
    });
    all.collect()
}

fn spoilt(document: &Document) -> Option<&'static str> {
    match document.status {
        Status::Noisy => Some("a floor moved by more than a factor of two during this run"),
        Status::Interrupted => Some("this run was interrupted and has fewer rounds"),
        Status::Ok | Status::Failed => None,
    }
}
