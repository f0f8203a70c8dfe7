//! `cargo instructions`: how many instructions each step of a request takes.
//!
//! Times move with the machine and with what else it does; these counts don't. They are no times
//! either: a locked instruction that waits for another core counts as one, like the others.
//!
//! Each path is run by hand, on one thread, with so many repetitions and with twice as many, both
//! under valgrind's callgrind. The difference of the two totals, divided by the repetitions, is the
//! figure: what starts and ends the program cancels out.

mod before;
mod count;
mod gate;
mod paths;
mod record;
mod table;
mod trouble;

use clap::{Parser, Subcommand};
use count::Counter;
use record::{Document, Figures, Record};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use trouble::Trouble;

#[derive(Parser)]
#[command(name = "cargo instructions", args_conflicts_with_subcommands = true)]
/// Counts the instructions of the library's paths, and compares them with those recorded.
struct Cli {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Args)]
struct Options {
    /// Counts only paths with this in their name.
    #[arg(long, value_name = "NAME", default_value = "")]
    only: String,
    /// Writes every figure to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rewrites the record: what is counted now, or, with --before, what it is compared with.
    #[arg(long)]
    record: bool,
    /// Fails, with exit code 3, if a path takes more than recorded: by more than 5 %, and by 2.
    #[arg(long, conflicts_with_all = ["before", "record"])]
    gate: bool,
    /// Counts in the library as it was at this commit.
    #[arg(long, value_name = "COMMIT")]
    before: Option<String>,
}

/// What the program asks of itself.
#[derive(Subcommand)]
#[command(hide = true)]
enum Part {
    /// Repeats a path, to be counted.
    #[command(hide = true)]
    Repeat { path: String, count: usize },
    /// Lists the paths.
    #[command(hide = true)]
    Paths,
}

fn main() -> ExitCode {
    let Cli { part, options } = Cli::parse();
    let done = match part {
        Some(Part::Repeat { path, count }) => {
            paths::repeat(&path, count).map(|()| ExitCode::SUCCESS)
        }
        Some(Part::Paths) => {
            paths::ALL.iter().for_each(|path| println!("{}", path.id));
            Ok(ExitCode::SUCCESS)
        }
        None => run(&options),
    };
    match done {
        Ok(code) => code,
        Err(trouble) => {
            eprintln!("instructions: {trouble}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, Trouble> {
    let valgrind = count::valgrind()?;
    // Before the counting: nobody waits to learn that it can't be written.
    let json = options.json.as_ref().map(|path| {
        File::create(path).map_err(|error| Trouble::File { path: path.clone(), error })
    });
    let json = json.transpose()?;
    let (counter, commit) = match &options.before {
        Some(commit) => (Counter::new(before::build(commit)?)?, commit.clone()),
        None => (Counter::of_this()?, before::commit()),
    };
    let wanted: Vec<_> = paths::ALL.iter().filter(|path| path.id.contains(&options.only)).collect();
    if wanted.is_empty() {
        return Err(Trouble::NoPath { name: options.only.clone() });
    }
    let counted = counter.count_all(&wanted)?;
    let figures = Figures { commit, rustc: before::rustc()?, valgrind, instructions: counted };
    let mut record = Record::read()?;
    print!("{}", table::text(&wanted, &record, &figures));
    let code = if options.gate { gate::judge(&record.now, &figures) } else { ExitCode::SUCCESS };
    if let Some(file) = json {
        Document::new(&record, &figures).write(file)?;
    }
    if options.record {
        let place = if options.before.is_some() { &mut record.before } else { &mut record.now };
        place.take_over(figures);
        record.write()?;
    }
    Ok(code)
}
