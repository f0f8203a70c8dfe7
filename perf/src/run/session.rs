//! One run from its beginning to its report, in a thread of its own; Ctrl-C ends it early.

use crate::cli;
use crate::error::Error;
use crate::lab::scenario::{self, Scenario};
use crate::lab::settings::Settings;
use crate::machine::machine;
use crate::results::document::Verdict;
use crate::results::output::Output;
use crate::results::table;
use crate::run::plan::Plan;
use crate::run::rounds::{self, Outcome};
use crate::run::summary;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Builder, JoinHandle};

/// The code that shells report for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Opens the file for the figures, and measures in a thread of its own, which it pins. If it pinned the
/// first thread, the library would mistake that thread's mask for the process's.
///
/// The first Ctrl-C ends the run after the current measurement; the results so far are reported and
/// written. The second Ctrl-C ends the program.
///
/// # Errors
/// [`Error::Usage`] before anything runs, if the file can't be written; otherwise what stopped the run,
/// with the document written anyway.
pub fn run(
    plan: Plan,
    scenarios: impl FnOnce(&Settings) -> Vec<Scenario> + Send + 'static,
    judge: fn(&[Outcome]) -> Vec<Verdict>,
) -> Result<ExitCode, Error> {
    // After every other check: what is refused anyway leaves no file behind.
    let json = plan.settings.json.clone().map(|path| Output::open("--json", Some(path)));
    let json = json.transpose()?;
    let interrupted = interruptible().map_err(|error| system("the handler of Ctrl-C", error))?;
    let measured = Builder::new().name("bench".into()).spawn(move || {
        let all = scenarios(&plan.settings);
        let scenarios = scenario::select(all, &plan.only, plan.cpus.is_some());
        measure(&plan, scenarios, judge, json, &interrupted)
    });
    // A panic was reported by the thread itself.
    let panicked = |_| Ok(ExitCode::FAILURE);
    measured.map(JoinHandle::join).map_err(Error::Thread)?.unwrap_or_else(panicked)
}

/// The flag that Ctrl-C sets; with it set, Ctrl-C ends the program.
fn interruptible() -> io::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), interrupted.clone())?;
    flag::register(SIGINT, interrupted.clone())?;
    Ok(interrupted)
}

/// Runs the scenarios and reports them; a run that stopped early reports what it has.
fn measure(
    plan: &Plan,
    scenarios: Vec<Scenario>,
    judge: fn(&[Outcome]) -> Vec<Verdict>,
    json: Option<Output>,
    interrupted: &AtomicBool,
) -> Result<ExitCode, Error> {
    let machine = machine::read(&plan.allowed, plan.cpus);
    let (run, error) = rounds::all(plan, scenarios, interrupted);
    let (gates, is_interrupted) = (judge(&run.outcomes), run.is_interrupted);
    let document = summary::document(plan, machine, run, gates, error.as_ref());
    // Before the file: a full disk must not take the table along.
    if error.is_none() && !json.as_ref().is_some_and(Output::is_stdout) {
        cli::print(&table::text(&document));
    }
    if let Some(output) = json {
        output.write_json(&document)?;
    }
    match error {
        Some(error) => Err(error),
        None if is_interrupted => Ok(ExitCode::from(INTERRUPTED)),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn system(what: &str, error: io::Error) -> Error {
    Error::System { what: what.into(), error }
}
