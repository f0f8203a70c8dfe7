//! What is remembered between runs: the figures of now, and those they are compared with.

use crate::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// The name of both documents' schema, with its version.
const SCHEMA: &str = "mainspring-instructions/1";

/// The figures of one library. Another compiler gives others.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Figures {
    /// The commit of the library's sources.
    pub commit: String,
    /// The compiler.
    pub rustc: String,
    /// What has counted.
    pub valgrind: String,
    /// Instructions by path.
    pub instructions: BTreeMap<String, f64>,
}

impl Figures {
    /// Takes others in place of these; what was not counted again stays.
    pub fn take_over(&mut self, others: Self) {
        let mut instructions = std::mem::take(&mut self.instructions);
        instructions.extend(others.instructions);
        *self = Self { instructions, ..others };
    }
}

/// The recorded file.
#[derive(Deserialize, Serialize)]
pub struct Record {
    schema: String,
    /// An earlier library.
    pub before: Figures,
    /// The library when it was recorded last.
    pub now: Figures,
}

/// Everything about one run.
#[derive(Serialize)]
pub struct Document<'a> {
    schema: &'static str,
    before: &'a Figures,
    recorded: &'a Figures,
    counted: &'a Figures,
}

impl Record {
    fn path() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recorded.json")
    }

    /// Reads it; an empty one, if there is none yet.
    pub fn read() -> Result<Self, Trouble> {
        let path = Self::path();
        if !path.exists() {
            let schema = SCHEMA.into();
            return Ok(Self { schema, before: Figures::default(), now: Figures::default() });
        }
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|error| Trouble::File { path: path.clone(), error })?;
        serde_json::from_str(&text).map_err(|error| Trouble::Record { path, error })
    }

    /// Writes it.
    pub fn write(&self) -> Result<(), Trouble> {
        let path = Self::path();
        let file = File::create(&path).map_err(|error| Trouble::File { path, error })?;
        write(file, self)
    }
}

impl<'a> Document<'a> {
    /// A run, and what it is compared with.
    pub fn new(record: &'a Record, counted: &'a Figures) -> Self {
        Self { schema: SCHEMA, before: &record.before, recorded: &record.now, counted }
    }

    /// Writes it as JSON.
    pub fn write(&self, file: File) -> Result<(), Trouble> {
        write(file, self)
    }
}

fn write(file: File, document: &impl Serialize) -> Result<(), Trouble> {
    let mut out = BufWriter::new(file);
    let written = serde_json::to_writer_pretty(&mut out, document).map_err(Into::into);
    let written = written.and_then(|()| writeln!(out)).and_then(|()| out.flush());
    written.map_err(|error| Trouble::File { path: "the JSON file".into(), error })
}
