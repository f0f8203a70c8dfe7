//! Why something did not start, or was not found.

use crate::machine::pin::PinError;
use crate::mailbox::CapacityError;
use std::io;
use thiserror::Error;

/// Why an engine, a runner or an object did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A mailbox of that size isn't possible.
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    /// Objects of one engine have different names.
    #[error("an object named {name:?} is alive already: choose another name, or stop that one")]
    DuplicateObject {
        /// The name given twice.
        name: String,
    },
    /// Runners of one engine have different names.
    #[error("a runner named {name:?} exists already: choose another name")]
    DuplicateRunner {
        /// The name given twice.
        name: String,
    },
    /// There is no runner of that name.
    #[error("there is no runner named {name:?}; this engine has {known:?}: add it with add_runner")]
    UnknownRunner {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// An object that is always hot needs a runner that never parks.
    #[error(
        "object {object:?} is always hot, but runner {runner:?} parks: give the runner \
         WaitStrategy::Spin, SpinThenYield or Backoff, or leave always_hot out"
    )]
    AlwaysHot {
        /// The object's name, or its type's.
        object: String,
        /// The runner's name.
        runner: String,
    },
    /// An object with one proxy, the caller's, has none that the engine could keep.
    #[error(
        "object {object:?} has a single producer, so it can't be kept alive: leave keep_alive or \
         single_producer out"
    )]
    KeepAlive {
        /// The object's name, or its type's.
        object: String,
    },
    /// A runner with a [`poll`](crate::Runner::poll) hook must never park.
    #[error(
        "runner {runner:?} has a poll hook, but its wait strategy {strategy} parks, and nobody would \
         wake it to poll: give it WaitStrategy::Spin, SpinThenYield or Backoff, or leave poll out"
    )]
    PollParks {
        /// The runner's name.
        runner: String,
        /// The strategy's name.
        strategy: &'static str,
    },
    /// The engine has no runner to put the object on.
    #[error("the engine has no runner: add one, or spawn with on_own_runner")]
    NoRunner,
    /// The runner has ended, or is stopping.
    #[error("the runner {name:?} has stopped: spawn on another")]
    RunnerStopped {
        /// The runner's name.
        name: String,
    },
    /// The engine has ended, or is stopping.
    #[error("the engine has stopped: start a new one")]
    EngineStopped,
    /// The runner's thread was to be pinned and could not be.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The [profile](crate::Profile) can't be used. With the feature `profile`.
    #[cfg(feature = "profile")]
    #[error(transparent)]
    Profile(crate::engine::profile::ProfileError),
    /// A thread option that the kernel refused.
    #[error(
        "runner {runner:?}: {option} was refused: {source}; drop the option, or grant the right"
    )]
    Option {
        /// The runner's name.
        runner: String,
        /// Which option, with its value.
        option: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The thread could not be created.
    #[error("the thread of runner {runner:?} could not be started: {source}")]
    Thread {
        /// The runner's name.
        runner: String,
        /// What the system said.
        source: io::Error,
    },
    /// The object's factory returned an error.
    #[error("the factory of object {object:?} failed: {message}")]
    Factory {
        /// The object's name.
        object: String,
        /// The error's text.
        message: String,
    },
    /// The object's factory panicked.
    #[error("the factory of object {object:?} panicked: {message}")]
    FactoryPanicked {
        /// The object's name.
        object: String,
        /// What the panic said, if it was text.
        message: String,
    },
}

/// Why no proxy was found for a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FindError {
    /// No object of that name is alive.
    #[error("no object named {name:?} is alive{}", others(.similar))]
    Unknown {
        /// The name asked for.
        name: String,
        /// Up to five names there are, the most similar first.
        similar: Vec<String>,
    },
    /// The object of that name has a servant of another type.
    #[error("object {name:?} is served by {found}, not by {wanted}: look up the other type")]
    OtherType {
        /// The name asked for.
        name: String,
        /// The type asked for.
        wanted: &'static str,
        /// The type it has.
        found: &'static str,
    },
    /// Its mailbox is of another kind.
    #[error("object {name:?} has a mailbox of the kind {found}, not {wanted}: {}", kind_advice(.found))]
    OtherKind {
        /// The name asked for.
        name: String,
        /// The kind asked for.
        wanted: &'static str,
        /// The kind it has.
        found: &'static str,
    },
    /// It was stopped, or its last proxy has gone: it serves what it has accepted, and ends.
    #[error("object {name:?} is ending: spawn it anew once it has, or with keep_alive")]
    Ending {
        /// The name asked for.
        name: String,
    },
}

fn others(names: &[String]) -> String {
    match names {
        [] => ", nor any other that has a name".into(),
        names => format!("; there are {names:?}"),
    }
}

fn kind_advice(found: &str) -> String {
    match found {
        "Spsc" => "it has one proxy for good; spawn it without single_producer".into(),
        found => format!("look it up with find_in::<_, {found}>"),
    }
}
