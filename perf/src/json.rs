//! JSON files: read if their schema is the one expected, and written for people to read, too.

use crate::error::Error;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Reads a JSON file whose field `schema` must be this one.
pub fn read<T: DeserializeOwned>(path: &Path, schema: &str) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Head {
        schema: String,
    }
    let shown = path.display();
    let refuse = |why: String| Error::Usage(format!("{shown}: {why}"));
    let text = fs::read_to_string(path);
    let text =
        text.map_err(|error| refuse(format!("{error}; give a file that this command wrote")))?;
    let head: Head =
        serde_json::from_str(&text).map_err(|error| refuse(wrong_json(&error, schema)))?;
    if head.schema != schema {
        let found = head.schema;
        return Err(refuse(format!(
            "its schema is {found:?}, but this version of mainspring reads {schema:?}; write it again, \
             or use the version that wrote it"
        )));
    }
    serde_json::from_str(&text).map_err(|error| refuse(wrong_json(&error, schema)))
}

/// The message has line and column already.
fn wrong_json(error: &serde_json::Error, schema: &str) -> String {
    format!("{error}; this is not a document of schema {schema:?}")
}

/// A document as it is written to a file.
///
/// # Errors
/// [`Error::System`], which our own documents never cause.
pub fn pretty(document: &impl Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| Error::System { what: "the JSON document".into(), error: error.into() })?;
    Ok(text + "\n")
}
