//! The folder in which `/sys` and `/proc` lie: this machine's, or a copy of another's.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// Where a machine's files are read.
#[derive(Clone, Debug)]
pub struct Root(PathBuf);

/// A file that can't be read, or lacks what is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("/{path}: {why}")]
pub struct Unreadable {
    /// As on that machine, without the first slash.
    pub path: String,
    /// What is wrong.
    pub why: String,
}

impl Unreadable {
    /// Something is wrong with this file.
    pub fn new(path: &str, why: impl Display) -> Self {
        Self { path: path.into(), why: why.to_string() }
    }
}

impl Root {
    /// The folder `path`, or this machine's.
    pub fn new(path: Option<&Path>) -> Self {
        Self(path.unwrap_or(Path::new("/")).to_owned())
    }

    /// Whether it is this machine's.
    pub fn is_here(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file's text, without what surrounds it: white space, and the zeros that copies are filled
    /// up with.
    ///
    /// # Errors
    /// [`Unreadable`], also for a text that is empty.
    pub fn text(&self, path: &str) -> Result<String, Unreadable> {
        let text = self.text_or_nothing(path)?;
        if text.is_empty() { Err(Unreadable::new(path, "empty")) } else { Ok(text) }
    }

    /// [`text`](Self::text), of a file that says something also if it is empty: lists are.
    ///
    /// # Errors
    /// [`Unreadable`] without the file.
    pub fn text_or_nothing(&self, path: &str) -> Result<String, Unreadable> {
        let text = fs::read_to_string(self.0.join(path));
        let text = text.map_err(|error| Unreadable::new(path, error))?;
        Ok(text.trim_matches(|c: char| c.is_whitespace() || c == '\0').into())
    }

    /// [`text`](Self::text), where it doesn't matter why there is none.
    pub fn find(&self, path: &str) -> Option<String> {
        self.text(path).ok()
    }

    /// A file's number.
    ///
    /// # Errors
    /// [`Unreadable`], also if it is none.
    pub fn number<N: FromStr>(&self, path: &str) -> Result<N, Unreadable> {
        let text = self.text(path)?;
        text.parse().map_err(|_| Unreadable::new(path, format!("{text:?} is no number")))
    }

    /// The word in brackets, as in `always [madvise] never`.
    ///
    /// # Errors
    /// [`Unreadable`], also without brackets.
    pub fn chosen(&self, path: &str) -> Result<String, Unreadable> {
        let text = self.text(path)?;
        let word = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let word = word.map(|(word, _)| word.to_owned());
        word.ok_or_else(|| Unreadable::new(path, format!("{text:?} names no choice")))
    }

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// [`Unreadable`] without such a folder.
    pub fn names(&self, path: &str) -> Result<Vec<String>, Unreadable> {
        let entries = fs::read_dir(self.0.join(path));
        let entries = entries.map_err(|error| Unreadable::new(path, error))?;
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// Where a file of this CPU lies.
pub fn cpu_path(cpu: usize, path: &str) -> String {
    format!("sys/devices/system/cpu/cpu{cpu}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_does_not_say_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(Some(folder.path()));
        let write = |text: &str| fs::write(folder.path().join("x"), text).unwrap();
        assert!(!root.is_here() && Root::new(None).is_here());
        write(" 17\n\0\0");
        assert_eq!(root.number::<u32>("x"), Ok(17));
        write("always [madvise] never");
        assert_eq!(root.chosen("x").unwrap(), "madvise");
        assert_eq!(root.names("").unwrap(), ["x"]);
        let said = root.number::<u32>("x").unwrap_err().to_string();
        assert_eq!(said, "/x: \"always [madvise] never\" is no number");
        write("\n");
        assert_eq!(root.text("x").unwrap_err().to_string(), "/x: empty");
        assert_eq!(root.text_or_nothing("x").unwrap(), "");
        assert!(root.text("y").unwrap_err().to_string().starts_with("/y: "));
    }
}
