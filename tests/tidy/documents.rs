//! The documents name tests and files that exist, and say of each requirement how it is shown.

use crate::source::{has, none, quoted, read, root, rust_files};
use std::fs;
use std::path::PathBuf;

/// Requirements that no test shows, each with what does.
const SHOWN_OTHERWISE: &[(&str, &str)] = &[
    ("NFR2", "by construction"),
    ("NFR3", "the benchmark command"),
    ("NFR9", "a search of the sources"),
    ("NFR10", "clippy"),
    ("NFR12", "the benchmark command"),
    ("NFR13", "two commands"),
];

/// The folders of the tests that documents name as `file::test`.
const TEST_FOLDERS: &[&str] = &["tests", "loom-tests/tests", "macros/ui/tests", "perf/tests"];

#[test]
fn every_requirement_names_tests_that_exist() {
    let text = read("docs/spec/001-mainspring.md");
    assert!(requirements(&text).len() > 40, "the rows are found");
    none("docs/spec/001-mainspring.md", untraced(&text));
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let documents = ["README.md", "docs/ARCHITECTURE.md", "docs/dependencies.md"];
    for document in documents.into_iter().chain(["docs/spec/001-mainspring.md"]) {
        none(document, missing_files(&read(document)));
    }
}

/// The `file::test`s and the files of tests that a row names.
fn tests_in(row: &str) -> Vec<&str> {
    let is_name = |part: &str| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
        !part.is_empty() && part.chars().all(is_plain)
    };
    let is_test = |name: &&str| match name.split_once("::") {
        // Items of the library have such names too.
        Some((file, test)) => file != "mainspring" && is_name(file) && is_name(test),
        None => name.ends_with(".rs") && name.contains("tests/"),
    };
    quoted(row).filter(is_test).collect()
}

fn test_exists(name: &str) -> bool {
    let Some((file, test)) = name.split_once("::") else { return root().join(name).exists() };
    let mut texts = files_of(file).into_iter().filter_map(|path| fs::read_to_string(path).ok());
    texts.any(|text| text.contains(&format!("fn {test}(")))
}

/// Where a test of `file` may be: the file itself, or those of a folder with its name.
fn files_of(file: &str) -> Vec<PathBuf> {
    let files = TEST_FOLDERS.iter().flat_map(|folder| {
        let base = root().join(folder).join(file);
        let mut files = rust_files(&base);
        files.push(base.with_extension("rs"));
        files
    });
    files.collect()
}

/// The rows of requirements: number, and how each is shown.
fn requirements(text: &str) -> Vec<(&str, &str)> {
    let is_row = |line: &&str| line.starts_with("| FR") || line.starts_with("| NFR");
    let cells = |line| {
        let mut cells = str::split(line, " | ");
        let number = cells.next().unwrap_or_default().trim_start_matches("| ");
        (number, cells.last().unwrap_or_default())
    };
    text.lines().filter(is_row).map(cells).collect()
}

/// Requirements of which it isn't said how they are shown, and tests that don't exist.
fn untraced(text: &str) -> Vec<String> {
    let untraced = requirements(text).into_iter().flat_map(|(number, shown)| {
        let tests = tests_in(shown);
        let nothing = tests.is_empty() && !has(SHOWN_OTHERWISE, number);
        let gone = tests.into_iter().filter(|test| !test_exists(test));
        let gone = gone.map(move |test| format!("{number}: {test} doesn't exist"));
        gone.chain(nothing.then(|| format!("{number}: no test"))).collect::<Vec<_>>()
    });
    untraced.collect()
}

/// The names in backticks that end in `.rs`, for which neither the project nor `src` has a file.
fn missing_files(text: &str) -> Vec<String> {
    let is_file = |name: &&str| name.ends_with(".rs") && !name.contains(['*', '{', ' ']);
    let exists = |name: &str| root().join(name).exists() || root().join("src").join(name).exists();
    quoted(text).filter(is_file).filter(|name| !exists(name)).map(String::from).collect()
}

mod shown {
    use super::*;

    #[test]
    fn a_test_is_found_in_a_file_or_in_a_folder() {
        assert!(test_exists("inventory::the_table_of_unsafe_is_that_of_the_sources"));
        assert!(test_exists("tidy::a_test_is_found_in_a_file_or_in_a_folder"));
        assert!(!test_exists("inventory::a_test_is_found_in_a_file_or_in_a_folder"));
    }

    #[test]
    fn a_requirement_with_a_test_is_no_finding() {
        let row =
            "| FR1 | `other::words` | `tidy::a_requirement_with_a_test_is_no_finding`, `T::m` |";
        assert!(untraced(row).is_empty());
    }

    #[test]
    fn a_test_that_is_gone_is_found() {
        assert_eq!(untraced("| FR2 | x | `tidy::gone` |"), ["FR2: tidy::gone doesn't exist"]);
        assert_eq!(untraced("| FR4 | x | all of `tests/gone.rs` |").len(), 1);
    }

    #[test]
    fn a_requirement_without_a_test_is_found() {
        assert_eq!(untraced("| FR3 | x | by hand |"), ["FR3: no test"]);
        assert!(untraced("| NFR2 | x | by construction |").is_empty());
    }

    #[test]
    fn a_file_that_is_gone_is_found() {
        let text = "`gone.rs`, `tests/tidy/main.rs`, `lib.rs`, `a b.rs`";
        assert_eq!(missing_files(text), ["gone.rs"]);
    }
}
