//! Mainspring beside the libraries that one would pick instead, in one harness.
//!
//! In each row of the table the same work is done by the machine's floor, by the rivals and by
//! ours, by turns, over some rounds. What is judged is the ratio of figures of the same round.

mod table;
mod work;

mod actors;
mod floors;
mod ours;
mod queues;

mod memory;
mod payload;

mod interval;
mod judge;
mod one;
mod quiet;
mod rounds;
mod run;

mod args;
mod report;
mod versions;

use args::{Asked, Plan};
use mainspring_perf::error::Error;
use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use table::{Against, Gate};
use work::Contender;

fn main() -> ExitCode {
    let done = match order() {
        Some(order) => apart(move || one::measure(&order)),
        None => args::read().and_then(|asked| match asked {
            Asked::Text(text) => Ok(text),
            Asked::List => Ok(list()),
            Asked::Run(plan) => run(plan),
        }),
    };
    match done {
        Ok(text) => {
            // A reader that has gone, as `head` does, is no reason to fail.
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("rivals: {}", failure.to_string().replace('\n', " "));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Everybody who competes; no two have the same name.
fn contenders() -> Vec<Contender> {
    let mut all = floors::contenders();
    all.extend(queues::contenders());
    all.extend(actors::contenders());
    all.extend(ours::contenders());
    all
}

/// What this process is to measure, if that is what it was started for.
fn order() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    arguments.next().filter(|word| word == one::WORD)?;
    Some(arguments.next().unwrap_or_default())
}

/// Works in a thread of its own: that one is pinned. Were the first one pinned, the library would
/// take its mask for the process's.
fn apart(work: impl FnOnce() -> Result<String, Error> + Send + 'static) -> Result<String, Error> {
    let thread = std::thread::Builder::new().name("bench".into()).spawn(work);
    thread.map_err(Error::Thread)?.join().unwrap_or(Err(Error::Stopped))
}

fn run(mut plan: Plan) -> Result<String, Error> {
    let json = plan.json.take();
    let document = report::Document::new(&plan, run::all(&plan)?);
    if let Some(file) = json {
        document.write(file)?;
    }
    Ok(document.to_text())
}

/// The rows and what is wanted in them, then everybody who competes.
fn list() -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    for row in table::rows() {
        let _ = writeln!(text, "{}, by {}", row.label, row.ours);
        for Gate { of, against, at_most } in row.gates {
            let against = match against {
                Against::Floor => "× floor".into(),
                Against::BestPeer => "× the best rival".into(),
                Against::Named(name) => format!("× {name}"),
                Against::OursAt(_) => "× ours on two CPUs".into(),
                Against::Nothing => String::new(),
            };
            let _ = writeln!(text, "  {of:?} ≤ {at_most} {against}");
        }
    }
    let names: Vec<_> = contenders().iter().map(|one| one.name).collect();
    let _ = writeln!(text, "contenders: {}", names.join("; "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn everybody_has_a_name_of_their_own() {
        let everybody = contenders();
        let names: HashSet<_> = everybody.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), everybody.len());
    }
}
