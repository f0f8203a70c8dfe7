//! `docs/dependencies.md` gives a reason for each crate that a manifest depends on.

use crate::source::{none, read};
use std::collections::BTreeSet;

/// Each manifest, and its package as the document names it.
const MANIFESTS: [(&str, &str); 9] = [
    ("Cargo.toml", "mainspring"),
    ("macros/Cargo.toml", "mainspring-macros"),
    ("macros/ui/Cargo.toml", "mainspring-ui-tests"),
    ("perf/Cargo.toml", "mainspring-perf"),
    ("loom-tests/Cargo.toml", "loom-tests"),
    ("loom-tests/schedules/Cargo.toml", "loom-tests/schedules"),
    ("tests/stress/Cargo.toml", "mainspring-stress"),
    ("tests/api/Cargo.toml", "tests/api"),
    ("tests/fuzz/Cargo.toml", "tests/fuzz"),
];

#[test]
fn every_dependency_has_its_reason() {
    let table = read("docs/dependencies.md");
    let missing = MANIFESTS.into_iter().flat_map(|(manifest, package)| {
        let reasons = reasons(&table, package);
        let names = dependencies(&read(manifest)).into_iter();
        let missing = names.filter(move |name| !reasons.contains(name));
        missing.map(move |name| format!("{manifest}: {name}"))
    });
    none("no row in docs/dependencies.md", missing.collect());
}

/// The names in a manifest's tables of dependencies.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_inside = false;
    for line in manifest.lines().filter(|line| !line.starts_with('#')) {
        if let Some(table) = line.strip_prefix('[') {
            is_inside = table.trim_end_matches(']').ends_with("dependencies");
        } else if let Some((name, value)) = line.split_once(['=', '.']).filter(|_| is_inside) {
            // The crates of this project need no reason to depend on it.
            if !value.contains("path = \"..") {
                names.insert(name.trim().to_owned());
            }
        }
    }
    names
}

/// The names in the first cells of the rows that are about `package`: those of its own section, and
/// those of the section on tests that begin with its name.
fn reasons(table: &str, package: &str) -> BTreeSet<String> {
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in table.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let mut cells = line.strip_prefix('|').into_iter().flat_map(|row| row.split('|'));
        let mut cell = || cells.next().unwrap_or_default().trim();
        let first_word = |text: &str| text.split(' ').next() == Some(package);
        let named = if section.starts_with("Tests") {
            if first_word(cell()) { cell() } else { "" }
        } else if first_word(section) {
            cell()
        } else {
            ""
        };
        names
            .extend(named.split([',', ' ', '(']).filter(|name| !name.is_empty()).map(String::from));
    }
    names
}

mod shown {
    use super::*;

    fn reasons_of(package: &str) -> Vec<String> {
        let table = "## one (it)\n| a, b (given) | 1 | c |\n## two\n| d | 1 |\n\
                     ## Tests, models\n| one (tests) | e | f |\n| two | g |\n";
        reasons(table, package).into_iter().collect()
    }

    #[test]
    fn dependencies_are_read_from_their_tables_alone() {
        let manifest = "[package]\nname = 1\n[dev-dependencies]\na = 1\nb.workspace = true\n\
                        ours = { path = \"..\" }\n[x]\nc = 1";
        assert_eq!(dependencies(manifest).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_row_is_a_reason_for_its_own_package_alone() {
        assert_eq!(reasons_of("one"), ["a", "b", "e", "given)"]);
        assert_eq!(reasons_of("two"), ["d", "g"]);
    }
}
