//! What the rules read: the project's files, as text.

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fails with one finding a line.
pub fn none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n{}\n", found.join("\n"));
}

/// Whether a table of exceptions, each with its reason, lists `name`.
pub fn has(table: &[(&str, &str)], name: &str) -> bool {
    table.iter().any(|(listed, _)| *listed == name)
}

/// One source file.
pub struct Source {
    folder: &'static str,
    /// The path below the folder.
    pub name: String,
    pub lines: Vec<String>,
    /// Where the unit tests at its foot begin.
    tests: usize,
}

impl Source {
    /// A file of `src`.
    pub fn new(name: &str, text: &str) -> Self {
        Self::of("src", name, text)
    }

    fn of(folder: &'static str, name: &str, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        let is_tests = |pair: &[String]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
        let tests = lines.windows(2).position(is_tests).unwrap_or(lines.len());
        Self { folder, name: name.into(), lines, tests }
    }

    pub fn at(&self, line: usize) -> String {
        format!("{}/{}:{}", self.folder, self.name, line + 1)
    }

    /// The lines that are shipped, without the unit tests.
    pub fn shipped(&self) -> &[String] {
        &self.lines[..self.tests]
    }

    /// The lines whose code `is_bad` accepts.
    pub fn bad(&self, is_bad: impl Fn(&str) -> bool) -> Vec<String> {
        let bad = self.lines.iter().enumerate().filter(|(_, line)| is_bad(code(line)));
        bad.map(|(number, line)| format!("{}: {}", self.at(number), line.trim())).collect()
    }
}

/// All files of `src`, in the order of their names.
pub fn sources() -> Vec<Source> {
    sources_of("src")
}

/// All files below a folder, in the order of their names.
pub fn sources_of(folder: &'static str) -> Vec<Source> {
    let base = root().join(folder);
    let source = |path: PathBuf| {
        let name = path.strip_prefix(&base).unwrap().display().to_string();
        Source::of(folder, &name, &read(&path))
    };
    rust_files(&base).into_iter().map(source).collect()
}

/// The `.rs` files below a folder, sorted; none if there is no such folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of a line that is a comment, but no documentation.
pub fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    (!text.starts_with(['/', '!'])).then_some(text.trim())
}

/// The code of a line.
pub fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// Whether a `use` begins on this line.
pub fn is_import(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub(crate)").or(line.strip_prefix("pub")).unwrap_or(line);
    line.trim_start().starts_with("use ")
}

/// What a text has in backticks.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
