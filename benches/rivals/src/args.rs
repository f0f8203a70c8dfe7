//! The command line.

use clap::Parser;
use clap::error::ErrorKind;
use mainspring_perf::error::Error;
use std::fs::File;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "rivals", about = "Measures Mainspring beside other libraries, by turns")]
struct Cli {
    /// Measures every rival in every row, not only the best three of each.
    #[arg(long)]
    full: bool,
    /// Three short rounds and no verdicts: to see that everything works.
    #[arg(long)]
    quick: bool,
    /// Measures only the rows with this in their label.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Writes every figure to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Lists the rows, what is wanted in them, and who competes; runs nothing.
    #[arg(long)]
    list: bool,
}

/// What the command line asks for.
pub enum Asked {
    /// A text, and nothing to run.
    Text(String),
    /// The rows, and who is in them.
    List,
    /// A run.
    Run(Plan),
}

/// One run.
pub struct Plan {
    /// Whether all rivals are measured in every row, or the best three.
    pub is_full: bool,
    /// Whether it is over in a few short rounds, without verdicts.
    pub is_quick: bool,
    /// What the labels of the rows must hold.
    pub only: String,
    /// Where the figures go, open already.
    pub json: Option<File>,
    /// How the run can be repeated.
    pub command: String,
}

/// Reads the command line.
pub fn read() -> Result<Asked, Error> {
    let Cli { full: is_full, quick: is_quick, only, json, list } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_or_help(&error),
    };
    if list {
        return Ok(Asked::List);
    }
    let only = only.unwrap_or_default();
    if !crate::table::rows().iter().any(|row| row.label.contains(&only)) {
        let why = format!("--only {only}: no row has this in its label; see --list");
        return Err(Error::Usage(why));
    }
    // Opened before the run: nobody waits for minutes to learn that it can't be written.
    let json = json.map(|path| File::create(&path).map_err(|error| (path, error))).transpose();
    let json = json.map_err(|(path, error)| {
        let path = path.display();
        Error::Usage(format!("--json {path}: {error}; give a file in a directory you may write to"))
    })?;
    let command = std::env::args().skip(1).fold("cargo rivals".to_owned(), |all, one| {
        let one = if one.contains(' ') { format!("{one:?}") } else { one };
        all + " " + &one
    });
    Ok(Asked::Run(Plan { is_full, is_quick, only, json, command }))
}

/// Help is a text; everything else becomes one line.
fn refuse_or_help(error: &clap::Error) -> Result<Asked, Error> {
    let text = error.to_string();
    if error.kind() == ErrorKind::DisplayHelp {
        return Ok(Asked::Text(text));
    }
    let said = text.lines().next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    Err(Error::Usage(format!("{said}; see cargo rivals --help")))
}
