//! The `mainspring` command: measures the library against the floor of the machine it runs on.
//!
//! Every scenario is measured in several rounds, in turn with the others, and compared with a
//! minimal program of the same round. What measures is in the library of this package.

mod args;
mod choice;
mod gate;
mod output;
mod rivals;
mod run;
mod scale;
mod suite;
mod summary;

mod compare;
mod doctor;
mod jitter;
mod latency_map;
mod report;
mod topology;
mod tune;

use args::{Asked, Plan};
use mainspring_perf::trouble::Trouble;
use mainspring_perf::{machine, table};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let asked = match args::read() {
        Ok(asked) => asked,
        Err(trouble) => return fail(&trouble),
    };
    match asked {
        Asked::Text(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Asked::Run(plan) => run_apart(plan),
        Asked::Rivals(arguments) => ended(rivals::run(&arguments)),
        Asked::Tool(tool) => ended(tool.run()),
    }
}

/// Measures in a thread of its own: that one is pinned. Were the first one pinned, the library
/// would take its mask for the process's.
fn run_apart(plan: Plan) -> ExitCode {
    let bench = std::thread::Builder::new().name("bench".into());
    let measured = bench.spawn(move || measure(plan)).map(std::thread::JoinHandle::join);
    match measured {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(trouble))) => fail(&trouble),
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => fail(&Trouble::Thread(error)),
    }
}

/// Runs the suite and reports it; a run that broke off reports what it has.
fn measure(mut plan: Plan) -> Result<(), Trouble> {
    let json = plan.json.take();
    let machine = machine::look(&plan.allowed, plan.cpus);
    let (run, trouble) = run::all(&plan);
    let document = summary::document(&plan, machine, run, trouble.as_ref());
    if let Some(file) = json {
        document.write(file)?;
    }
    match trouble {
        Some(trouble) => Err(trouble),
        None => {
            print(&table::text(&document));
            Ok(())
        }
    }
}

fn ended(result: Result<ExitCode, Trouble>) -> ExitCode {
    result.unwrap_or_else(|trouble| fail(&trouble))
}

/// One line, whatever went wrong.
fn fail(trouble: &Trouble) -> ExitCode {
    eprintln!("mainspring: {}", trouble.to_string().replace('\n', " "));
    ExitCode::from(trouble.exit_code())
}

/// A reader that has gone, as `head` does, is no reason to fail.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
