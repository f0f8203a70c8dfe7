//! A file for results: proven writable before the work, and left as it was until there are some.

use crate::trouble::Trouble;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// See the module.
pub struct Output {
    path: PathBuf,
    file: File,
}

impl Output {
    /// Opens it before the run: nobody waits 20 s to learn that it can't be written. `option` is what the
    /// user named it by.
    ///
    /// # Errors
    /// [`Trouble::Usage`] if it can't be written.
    pub fn open(option: &str, path: &Path) -> Result<Self, Trouble> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|error| {
            let path = path.display();
            let way_out = "give a file in a directory you may write to";
            Trouble::Usage(format!("{option} {path}: {error}; {way_out}"))
        })?;
        Ok(Self { path: path.into(), file })
    }

    /// Replaces what was in the file.
    ///
    /// # Errors
    /// [`Trouble::System`] with the file's name.
    pub fn write(mut self, text: &[u8]) -> Result<(), Trouble> {
        // Only a plain file has an old content; a pipe refuses.
        let _ = self.file.set_len(0);
        let written = self.file.write_all(text).and_then(|()| self.file.flush());
        written.map_err(|error| Trouble::System { what: self.path.display().to_string(), error })
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
        drop(Output::open("--json", &path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "the old one, which is longer");
        Output::open("--json", &path).unwrap().write(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let refused = Output::open("--json", folder.path()).err().unwrap().to_string();
        assert!(refused.starts_with("--json ") && refused.contains("may write to"), "{refused}");
    }
}
