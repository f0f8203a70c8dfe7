//! The `mainspring` command: measures the library against the floor of the machine it runs on.
//!
//! Every scenario is measured in several rounds, in turn with the others, and compared with a
//! minimal program of the same round. What measures is in the library of this package.

mod args;
mod gate;
mod report;
mod rivals;
mod run;
mod scale;
mod suite;

use args::{Asked, Plan};
use mainspring_perf::machine;
use mainspring_perf::trouble::Trouble;
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
        Asked::Rivals(arguments) => match rivals::run(&arguments) {
            Ok(code) => code,
            Err(trouble) => fail(&trouble),
        },
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
    let document = report::Document::new(&plan, machine, run, trouble.as_ref());
    if let Some(file) = json {
        document.write(file)?;
    }
    match trouble {
        Some(trouble) => Err(trouble),
        None => {
            print(&document.to_text());
            Ok(())
        }
    }
}

/// One line, whatever went wrong.
fn fail(trouble: &Trouble) -> ExitCode {
    eprintln!("mainspring: {}", trouble.to_string().replace('\n', " "));
    ExitCode::from(trouble.exit_code())
}

/// A reader that has gone, as `head` does, is no reason to fail.
fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
