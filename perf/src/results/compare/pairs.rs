//! Two builds, run alternately in fresh processes: A B, B A, A B, …
//!
//! What drifts over minutes hits both of a pair alike, and what differs from process to process
//! (addresses, where threads come to lie) is in the spread of the pairs, so that the interval knows
//! of it.

use super::comparison::{Comparison, How, Named, Question, Side};
use super::documents::side;
use super::judge::conclude;
use super::{environment, samples};
use crate::error::Error;
use crate::results::document::{Document, Status};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Two builds of this command, and how to run them.
pub struct Builds {
    /// What B is compared with.
    pub a: PathBuf,
    /// What is judged.
    pub b: PathBuf,
    /// How many pairs of runs.
    pub pairs: u32,
    /// What follows `bench` on their command lines.
    pub arguments: Vec<String>,
}

/// Whether a run of a pair is A's or B's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    A,
    B,
}

/// Runs the builds alternately and leaves each document in `folder`. `tell` is called before each run.
///
/// # Errors
/// [`Error::Usage`] for a build that can't be started or is no such command, and [`Error`] of
/// another kind if a run fails.
pub fn run(
    builds: &Builds,
    folder: &Path,
    mut tell: impl FnMut(u32),
) -> Result<Vec<(Document, Document)>, Error> {
    let mut all = Vec::new();
    for pair in 0..builds.pairs {
        let mut once = |build: Build, place: u32| {
            tell(2 * pair + place);
            run_once(builds, build, folder, pair)
        };
        let documents = if pair.is_multiple_of(2) {
            let a = once(Build::A, 0)?;
            (a, once(Build::B, 1)?)
        } else {
            let b = once(Build::B, 0)?;
            (once(Build::A, 1)?, b)
        };
        all.push(documents);
    }
    Ok(all)
}

fn run_once(builds: &Builds, build: Build, folder: &Path, pair: u32) -> Result<Document, Error> {
    let (binary, letter) = if build == Build::A { (&builds.a, 'a') } else { (&builds.b, 'b') };
    let file = folder.join(format!("{:03}-{letter}.json", pair + 1));
    // An older one of this name would be taken for the result of a run that wrote none.
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::System { what: file.display().to_string(), error });
        }
        _ => {}
    }
    let shown = binary.display();
    // A bare name is a file here, as it is for every other argument, and no command to be searched for.
    let program = fs::canonicalize(binary).unwrap_or_else(|_| binary.clone());
    let mut command = Command::new(program);
    command.arg("bench").args(&builds.arguments).arg("--json").arg(&file);
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| {
        Error::Usage(format!("--run {shown}: {error}; give two builds of this command"))
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("mainspring: ");
    let said = if said.is_empty() { output.status.to_string() } else { said.to_owned() };
    let failed = |error: String| Error::System {
        what: format!("{shown} bench, pair {}", pair + 1),
        error: io::Error::other(error),
    };
    match output.status.code() {
        Some(0) => {}
        Some(2) => return Err(Error::Usage(format!("{shown} bench: {said}"))),
        _ => return Err(failed(said)),
    }
    let document = Document::read(&file)?;
    match document.status {
        Status::Interrupted => Err(failed("it was interrupted".into())),
        _ => Ok(document),
    }
}

/// Compares alternating runs; the first of each pair of the first, third, … ran before the second.
///
/// # Errors
/// [`Error::Usage`] if there is nothing to compare.
pub fn compare(
    builds: &Builds,
    pairs: &[(Document, Document)],
    question: &Question,
) -> Result<Comparison, Error> {
    let names = (builds.a.display().to_string(), builds.b.display().to_string());
    let Some((first_a, first_b)) = pairs.first() else {
        return Err(Error::Usage("--pairs 0: give at least 1".into()));
    };
    let (mut a, mut b) = (named(&names.0, first_a), named(&names.1, first_b));
    if a.name == b.name {
        (a.name, b.name) = ("A", "B");
    }
    let mut warnings = environment::differences(a, b, question.allow_other_machine)?;
    for (a, b) in pairs {
        environment::usable(named(&names.0, a))?;
        environment::usable(named(&names.1, b))?;
    }
    // Each run's own would be said as often as there are pairs.
    warnings.retain(|warning| !warning.ends_with("during this run"));
    let is_noisy = |document: &Document| document.status == Status::Noisy;
    let noisy = pairs.iter().filter(|(a, b)| is_noisy(a) || is_noisy(b)).count();
    if noisy > 0 {
        let of = pairs.len();
        warnings.push(format!(
            "in {noisy} of {of} pairs a floor moved by more than a factor of two during a run"
        ));
    }
    let (samples, unmatched) = samples::of_pairs(pairs, &question.only);
    let worst = |is_noisy: bool| if is_noisy { Status::Noisy } else { Status::Ok };
    let sides: (Side, Side) = (
        side(named(&names.0, first_a), worst(pairs.iter().any(|(a, _)| is_noisy(a)))),
        side(named(&names.1, first_b), worst(pairs.iter().any(|(_, b)| is_noisy(b)))),
    );
    conclude(How::Pairs, sides, warnings, samples, unmatched, question)
}

fn named<'a>(name: &'a str, document: &'a Document) -> Named<'a> {
    Named { name, document }
}

/// Checks that a folder for documents is there and can be written to.
///
/// # Errors
/// [`Error::Usage`] with the folder's name.
pub fn folder(path: &Path) -> Result<(), Error> {
    let probe = path.join(".mainspring-probe");
    let tried = fs::create_dir_all(path).and_then(|()| File::create(&probe));
    let tried = tried.and_then(|_| fs::remove_file(&probe));
    tried.map_err(|error| {
        Error::Usage(format!(
            "--keep {}: {error}; give a folder that you may write to",
            path.display()
        ))
    })
}
