//! What can go wrong.

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why nothing was counted, or not everything.
#[derive(Debug, Error)]
pub enum Trouble {
    /// The counting is valgrind's.
    #[error("valgrind was not found: install it (Debian and Ubuntu: apt-get install valgrind)")]
    NoValgrind,
    /// `--only` fits none.
    #[error("--only {name}: no path has this in its name")]
    NoPath {
        /// What was asked for.
        name: String,
    },
    /// A program that could not be started.
    #[error("{program} could not be run: {error}")]
    Program {
        /// Which.
        program: String,
        /// Why not.
        error: io::Error,
    },
    /// A program that has failed.
    #[error("{program} has failed: {said}")]
    Failed {
        /// Which.
        program: String,
        /// What it said.
        said: String,
    },
    /// Callgrind's file has no total.
    #[error("callgrind's total was not found after {path}")]
    NoTotal {
        /// What was counted.
        path: String,
    },
    /// A file that could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The record is not what this program writes.
    #[error("{}: {error}", path.display())]
    Record {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong.
        error: serde_json::Error,
    },
}
