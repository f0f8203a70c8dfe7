//! What `latency-map` and `jitter` have written on this machine.

use crate::error::Error;
use crate::json;
use crate::machine::jitter::{self, CpuJitter};
use crate::machine::matrix::{self, Matrix};
use mainspring::Topology;
use serde::Deserialize;
use std::path::Path;

/// The part of a document that is about the machine.
#[derive(Deserialize)]
struct Origin {
    fingerprint: String,
    summary: String,
}

/// The part of `latency-map`'s document that is needed here.
#[derive(Deserialize)]
struct Map {
    machine: Origin,
    matrix: Matrix,
}

/// The part of `jitter`'s document that is needed here.
#[derive(Deserialize)]
struct Hiccups {
    machine: Origin,
    cpus: Vec<Watched>,
}

#[derive(Deserialize)]
struct Watched {
    jitter: CpuJitter,
}

/// Reads what `latency-map --json` has written.
///
/// # Errors
/// [`Error::Usage`]: it is no such document, or was measured on another machine.
pub fn read_matrix(path: &Path, topology: &Topology) -> Result<Matrix, Error> {
    let Map { machine, matrix } = json::read(path, matrix::SCHEMA)?;
    check(path, &machine, topology, "latency-map")?;
    Ok(matrix)
}

/// Reads what `jitter --json` has written.
///
/// # Errors
/// As [`read_matrix`].
pub fn read_jitter(path: &Path, topology: &Topology) -> Result<Vec<CpuJitter>, Error> {
    let Hiccups { machine, cpus } = json::read(path, jitter::SCHEMA)?;
    check(path, &machine, topology, "jitter")?;
    Ok(cpus.into_iter().map(|watched| watched.jitter).collect())
}

fn check(path: &Path, from: &Origin, here: &Topology, command: &str) -> Result<(), Error> {
    if from.fingerprint == here.fingerprint() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{}: it was measured on another machine ({}, fingerprint {}), but this is for {here} \
         (fingerprint {}); run `mainspring {command} --json FILE` there, or leave the file out",
        path.display(),
        from.summary,
        from.fingerprint,
        here.fingerprint(),
    )))
}
