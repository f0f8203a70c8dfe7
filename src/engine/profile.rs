//! A placement of runners and objects that was found beforehand, for one machine, and kept in a file.

mod apply;
mod file;

use crate::machine::topology::{Topology, TopologyError};
use crate::runner::environment;
use crate::runner::wait::WaitStrategy;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where runners and objects belong on one machine, as `mainspring tune` finds it. With the feature
/// `profile`.
///
/// It is for an engine's [builder](crate::Builder::profile), and written as TOML by its `Display`. Its
/// format is described in `docs/PLACEMENT.md`.
///
/// ```
/// use mainspring::{Profile, Topology, WaitStrategy, prelude::*};
///
/// struct Book(u64);
/// #[active]
/// impl Book {
///     pub fn add(&mut self, order: u64) -> u64 { self.0 += order; self.0 }
/// }
///
/// // As a rule `mainspring tune` writes the file, and the program only names it.
/// let cpu = mainspring::allowed_cpus()[0];
/// let mut profile = Profile::for_machine(&Topology::read()?);
/// profile.add_runner("market", [cpu], WaitStrategy::default());
/// profile.add_object("book", "market");
/// let path = std::env::temp_dir().join(format!("mainspring-{}.toml", std::process::id()));
/// std::fs::write(&path, profile.to_string())?;
///
/// let engine = Engine::builder().profile(&path).start()?;
/// assert_eq!(engine.runners(), ["market"]);
/// let book = engine.spawn("book", || Book(0)).start()?; // on "market"
/// assert_eq!(book.add(2).get()?, 2);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The machine that it was made for, and holds on.
    pub machine: ProfileMachine,
    /// The runners, no two of one name.
    pub runners: Vec<ProfileRunner>,
    /// The objects, no two of one name.
    pub objects: Vec<ProfileObject>,
}

/// The machine that a profile was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileMachine {
    /// Its [fingerprint](Topology::fingerprint), which decides.
    pub fingerprint: String,
    /// The same for people: the topology in one line.
    pub summary: String,
}

/// A runner of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRunner {
    /// Its name.
    pub name: String,
    /// The CPUs that it is pinned to; none if it isn't.
    pub cpus: Vec<usize>,
    /// How it waits for work.
    pub wait: WaitStrategy,
}

/// An object of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileObject {
    /// Its name.
    pub name: String,
    /// The runner that it goes to: one of the profile, or of the program.
    pub runner: String,
}

/// Why a profile can't be used.
#[derive(Debug, Error)]
#[error("profile{}: {reason}", .path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
pub struct ProfileError {
    /// The file, if it came from one.
    pub path: Option<PathBuf>,
    /// What stands in the way.
    #[source]
    pub reason: ProfileFailure,
}

/// What stands in the way of using a profile.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProfileFailure {
    /// The file can't be read.
    #[error(
        "{0}; give a file that `mainspring tune --output FILE` has written, or start without it"
    )]
    Unreadable(io::Error),
    /// It is no TOML, or says something that a profile can't say.
    #[error("line {line}, column {column}: {message}")]
    Malformed {
        /// The line, from 1 on.
        line: usize,
        /// The column in it, in characters, from 1 on.
        column: usize,
        /// What is wrong there, and what would be right.
        message: String,
    },
    /// It is of another version of the format, or something else.
    #[error(
        "its schema is {found:?}, and this version of mainspring reads {:?}; run `mainspring tune` of \
         this version, or use the version that wrote it",
        Profile::SCHEMA
    )]
    OtherSchema {
        /// The schema it names.
        found: String,
    },
    /// It was made for another machine: CPU numbers mean nothing here.
    #[error(
        "it was made for another machine ({}, fingerprint {}), and this one is {} (fingerprint {}); run \
         `mainspring tune` here, or start without it",
        made_for.summary, made_for.fingerprint, this.summary, this.fingerprint
    )]
    OtherMachine {
        /// What it was made for.
        made_for: Box<ProfileMachine>,
        /// What this is.
        this: Box<ProfileMachine>,
    },
    /// Which machine this is can't be found out.
    #[error("whether it was made for this machine can't be told: {0}; start without it")]
    UnknownMachine(TopologyError),
    /// Two runners or two objects have one name.
    #[error("two {what}s are named {name:?}: leave one of them out, or rename it")]
    Duplicate {
        /// `runner` or `object`.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl ProfileFailure {
    fn of(self, path: Option<&Path>) -> ProfileError {
        ProfileError { path: path.map(Into::into), reason: self }
    }
}

impl Profile {
    /// The schema's name and version, as a file begins with it.
    pub const SCHEMA: &str = "mainspring-profile/1";

    /// An empty profile for that machine.
    pub fn for_machine(machine: &Topology) -> Self {
        Self { machine: ProfileMachine::of(machine), runners: Vec::new(), objects: Vec::new() }
    }

    /// Adds a runner.
    pub fn add_runner(
        &mut self,
        name: impl Into<String>,
        cpus: impl IntoIterator<Item = usize>,
        wait: WaitStrategy,
    ) {
        let (name, cpus) = (name.into(), cpus.into_iter().collect());
        self.runners.push(ProfileRunner { name, cpus, wait });
    }

    /// Adds an object.
    pub fn add_object(&mut self, name: impl Into<String>, runner: impl Into<String>) {
        self.objects.push(ProfileObject { name: name.into(), runner: runner.into() });
    }

    /// Reads a file.
    ///
    /// Whether it is for this machine is checked when an engine starts with it.
    ///
    /// # Errors
    /// A file that can't be read, or isn't a profile of this [schema](Self::SCHEMA).
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ProfileError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(ProfileFailure::Unreadable);
        text.and_then(|text| file::read(&text)).map_err(|reason| reason.of(Some(path)))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        file::read(text).map_err(|reason| reason.of(None))
    }

    fn check_names(&self) -> Result<(), ProfileFailure> {
        no_twins("runner", self.runners.iter().map(|runner| &runner.name))?;
        no_twins("object", self.objects.iter().map(|object| &object.name))
    }
}

fn no_twins<'a>(
    what: &'static str,
    mut names: impl Iterator<Item = &'a String>,
) -> Result<(), ProfileFailure> {
    let mut seen = HashSet::new();
    match names.find(|name| !seen.insert(*name)) {
        Some(name) => Err(ProfileFailure::Duplicate { what, name: name.clone() }),
        None => Ok(()),
    }
}

impl ProfileMachine {
    fn of(machine: &Topology) -> Self {
        Self { fingerprint: machine.fingerprint(), summary: machine.to_string() }
    }

    /// In a simulation nothing is pinned, and any machine will do.
    fn check(&self) -> Result<(), ProfileFailure> {
        if environment::is_simulated() {
            return Ok(());
        }
        let this = Self::of(&Topology::read().map_err(ProfileFailure::UnknownMachine)?);
        if this.fingerprint == self.fingerprint {
            return Ok(());
        }
        let (made_for, this) = (Box::new(self.clone()), Box::new(this));
        Err(ProfileFailure::OtherMachine { made_for, this })
    }
}

/// As TOML, as [`parse`](Self::parse) reads it.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&file::write(self))
    }
}
