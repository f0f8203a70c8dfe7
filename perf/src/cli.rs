//! Reads and answers command lines, for every program of this package.

use crate::error::Error;
use clap::Parser;
use clap::error::ErrorKind;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What a command line asks for.
pub enum Parsed<T> {
    /// To do something.
    Options(T),
    /// A text, help or the version, and nothing to do.
    Text(String),
}

/// Reads the arguments, the program's name first.
///
/// # Errors
/// [`Error::Usage`], in one line.
pub fn parse<T: Parser>(arguments: Vec<OsString>) -> Result<Parsed<T>, Error> {
    T::try_parse_from(arguments).map(Parsed::Options).or_else(|error| {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Parsed::Text(text)),
            _ => Err(Error::Usage(in_one_line(&text))),
        }
    })
}

/// Without the usage, which `--help` shows.
fn in_one_line(text: &str) -> String {
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with("For more");
    let before_usage = text.lines().take_while(|line| !line.starts_with("Usage:"));
    let said: Vec<_> = before_usage.map(str::trim).filter(is_said).collect();
    let said = said.join(" ");
    format!("{}; see --help", said.strip_prefix("error: ").unwrap_or(&said))
}

/// The command line as it can be typed again, under this name.
pub fn command_line(name: &str, arguments: &[OsString]) -> String {
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    words.fold(name.to_owned(), |all, one| all + " " + &one)
}

/// The exit code; an error is printed in one line.
pub fn exit_code(result: Result<ExitCode, Error>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("mainspring: {}", error.to_string().replace('\n', " "));
        ExitCode::from(error.exit_code())
    })
}

/// Prints a text. A reader that has gone, such as `head`, is no reason to fail.
pub fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    ExitCode::SUCCESS
}
