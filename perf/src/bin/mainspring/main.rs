//! The `mainspring` command: measures the library and the machine it runs on, and what to make of both.
//!
//! Every scenario is measured in several rounds, in turn with the others, and compared with a
//! minimal program of the same round. What measures is in the library of this package.

mod args;
mod options;
mod gate;
mod rivals;
mod suite;

mod compare;
mod doctor;
mod jitter;
mod latency_map;
mod report;
mod topology;
mod tune;

use args::Invocation;
use mainspring_perf::cli::{self, print};
use mainspring_perf::run::session;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::exit_code(args::read().and_then(|asked| match asked {
        Invocation::Text(text) => Ok(print(&text)),
        Invocation::Run(suite, plan) => {
            session::run(*plan, move |settings| suite.scenarios(settings), gate::judge)
        }
        Invocation::Rivals(arguments) => rivals::run(&arguments),
        Invocation::Tool(tool) => tool.run(),
    }))
}
