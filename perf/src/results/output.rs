//! Files for results: opened before the work and written after it, so that an unwritable file is
//! refused before anything is measured.

use crate::cli::print;
use crate::error::Error;
use crate::json;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// A file, or the standard output.
pub enum Output {
    /// The standard output: then nothing else is printed there.
    Stdout,
    /// A file, open already.
    File(PathBuf, File),
}

impl Output {
    /// Opens the value of an option such as `--json`: none, or `-`, means standard output.
    ///
    /// The file keeps what it holds until there is something to write.
    pub fn open(option: &str, path: Option<PathBuf>) -> Result<Self, Error> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            return Ok(Self::Stdout);
        };
        match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
            Ok(file) => Ok(Self::File(path, file)),
            Err(error) => Err(Error::Usage(format!(
                "{option} {}: {error}; give a file in a directory you may write to",
                path.display()
            ))),
        }
    }

    /// Whether it is standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Writes the whole text, in place of what was there.
    pub fn write(self, text: &str) -> Result<(), Error> {
        let (path, mut file) = match self {
            Self::Stdout => {
                print(text);
                return Ok(());
            }
            Self::File(path, file) => (path, file),
        };
        // A pipe or a device has no length to set.
        let is_plain = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let emptied = if is_plain { file.set_len(0) } else { Ok(()) };
        let written = emptied.and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(|error| Error::System { what: path.display().to_string(), error })
    }

    /// Writes a document.
    pub fn write_json(self, document: &impl Serialize) -> Result<(), Error> {
        self.write(&json::pretty(document)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_old_file_stays_until_there_is_something_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "the old one, which is longer").unwrap();
        drop(Output::open("--json", Some(path.clone())).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "the old one, which is longer");
        Output::open("--json", Some(path.clone())).unwrap().write("new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let refused = Output::open("--json", Some(folder.path().into())).err().unwrap().to_string();
        assert!(refused.starts_with("--json ") && refused.contains("may write to"), "{refused}");
    }
}
