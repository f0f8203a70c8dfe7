//! Rules of the sources that the compiler doesn't know: each ordering says why, and has its pair.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// How far above an ordering its comment may begin.
const COMMENT_REACH: usize = 12;

/// Files that use the standard library's `Arc` or atomics and are not compiled for the model checker's.
const OWN_STD: &[(&str, &str)] = &[
    ("sync.rs", "it chooses"),
    ("sys.rs", "the kernel knows no other futex word"),
    ("engine.rs", "the registry is behind a mutex, off every protocol"),
    ("spawn.rs", "a number in a static, and a handle for the registry"),
    ("call_set.rs", "a queue of crossbeam's, which has no model"),
    ("model.rs", "the registry's side of an object"),
];

/// Labels whose two sides are one line of code, run by two threads.
const OWN_PARTNER: &[&str] = &["mpsc.producers"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// One source file, without its unit tests.
struct Source {
    name: String,
    lines: Vec<String>,
}

impl Source {
    fn new(name: &str, text: &str) -> Self {
        let is_test = |line: &&str| *line != "#[cfg(test)]";
        let lines = text.lines().take_while(is_test).map(String::from).collect();
        Self { name: name.into(), lines }
    }

    fn at(&self, line: usize) -> String {
        format!("src/{}:{}", self.name, line + 1)
    }

    /// The comments, each with its first line: neighbouring comment lines are one.
    fn comments(&self) -> Vec<(usize, String)> {
        let mut comments: Vec<(usize, String)> = Vec::new();
        let mut goes_on = false;
        for (number, line) in self.lines.iter().enumerate() {
            let Some(text) = comment(line) else {
                goes_on = false;
                continue;
            };
            match comments.last_mut().filter(|_| goes_on) {
                Some((_, whole)) => *whole = format!("{whole} {text}"),
                None => comments.push((number, text.into())),
            }
            goes_on = true;
        }
        comments
    }
}

/// The text of a line that is a comment, but no documentation.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    (!text.starts_with(['/', '!'])).then_some(text.trim())
}

/// The code of a line.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn orderings_in(text: &str) -> Vec<&str> {
    words(text).filter(|word| ORDERINGS.contains(word)).collect()
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let folder = root().join("src");
    let mut paths = Vec::new();
    walk(&folder, &mut paths);
    paths.sort();
    let source = |path: PathBuf| {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        Source::new(&name, &read(&path))
    };
    paths.into_iter().map(source).collect()
}

/// The labels in a comment, each with the ordering that it belongs to: the last one named before.
fn labels_in(comment: &str) -> Vec<(&str, &str)> {
    let is_label = |text: &str| {
        let is_name = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        text.split_once('.').is_some_and(|(area, pair)| is_name(area) && is_name(pair))
    };
    let mut labels = Vec::new();
    for (at, _) in comment.match_indices('[') {
        let Some((label, _)) = comment[at + 1..].split_once(']') else { continue };
        if is_label(label) {
            let ordering = orderings_in(&comment[..at]).pop().unwrap_or("no ordering");
            labels.push((label, ordering));
        }
    }
    labels
}

/// Where each label stands, with its ordering.
fn labels(sources: &[Source]) -> BTreeMap<String, Vec<(String, String)>> {
    let mut labels: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for source in sources {
        for (line, comment) in source.comments() {
            for (label, ordering) in labels_in(&comment) {
                let place = (source.at(line), ordering.to_owned());
                labels.entry(label.into()).or_default().push(place);
            }
        }
    }
    labels
}

/// Labels without a partner.
fn lonely(labels: &BTreeMap<String, Vec<(String, String)>>) -> Vec<String> {
    let is_lonely = |places: &[(String, String)]| {
        let has = |wanted: &[&str]| places.iter().any(|(_, o)| wanted.contains(&o.as_str()));
        let is_pair = has(&["Release", "AcqRel"]) && has(&["Acquire", "AcqRel"]);
        let are_fences = places.iter().all(|(_, ordering)| ordering == "SeqCst");
        places.len() < 2 || !(is_pair || are_fences)
    };
    let others = labels.iter().filter(|(label, _)| !OWN_PARTNER.contains(&label.as_str()));
    others.filter(|(_, at)| is_lonely(at)).map(|(l, at)| format!("[{l}]: {at:?}")).collect()
}

/// Orderings that no comment above names.
fn unexplained(source: &Source) -> Vec<String> {
    let mut unexplained = Vec::new();
    for (number, line) in source.lines.iter().enumerate() {
        let is_use = line.trim_start().starts_with("use ");
        let above = &source.lines[number.saturating_sub(COMMENT_REACH)..number];
        let named: BTreeSet<_> =
            above.iter().filter_map(|line| comment(line)).flat_map(orderings_in).collect();
        for ordering in orderings_in(code(line)).into_iter().filter(|_| !is_use) {
            if !named.contains(ordering) {
                unexplained.push(format!("{}: {ordering}", source.at(number)));
            }
        }
    }
    unexplained
}

/// The labels in the table of the architecture's document.
fn documented() -> BTreeSet<String> {
    let text = read("docs/ARCHITECTURE.md");
    let (_, table) = text.split_once("## Ordering pairs").expect("the table of pairs");
    let table = table.split("\n## ").next().unwrap_or_default();
    let label = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    table.lines().filter_map(label).collect()
}

#[test]
fn every_ordering_label_has_both_sides() {
    let lonely = lonely(&labels(&sources()));
    assert!(lonely.is_empty(), "labels with one side only:\n{}", lonely.join("\n"));
}

#[test]
fn every_ordering_says_why() {
    let unexplained: Vec<_> = sources().iter().flat_map(unexplained).collect();
    assert!(unexplained.is_empty(), "orderings without a reason:\n{}", unexplained.join("\n"));
}

#[test]
fn the_table_of_pairs_is_complete() {
    let used: BTreeSet<_> = labels(&sources()).into_keys().collect();
    assert_eq!(used, documented(), "left: in src; right: in docs/ARCHITECTURE.md");
}

#[test]
fn one_file_chooses_between_std_and_the_model_checker() {
    let asks = |source: &Source| {
        let is_allowed = matches!(source.name.as_str(), "sync.rs" | "sys.rs" | "lib.rs");
        let asks = source.lines.iter().any(|line| code(line).contains("mainspring_loom"));
        (asks && !is_allowed).then(|| source.name.clone())
    };
    let asking: Vec<_> = sources().iter().filter_map(asks).collect();
    assert!(asking.is_empty(), "cfg(mainspring_loom) belongs in sync.rs: {asking:?}");
    let lib = read("src/lib.rs");
    let asked = lib.lines().skip_while(|line| !line.contains("cfg(mainspring_loom)"));
    let asked: Vec<_> = asked.skip(1).take(2).collect();
    assert!(asked.last().is_some_and(|line| line.contains("mod model")), "{asked:?}");
    assert_eq!(lib.matches("mainspring_loom").count(), 1, "for the module `model` only");
}

#[test]
fn protocols_use_the_primitives_that_the_model_checker_knows() {
    let own: BTreeSet<_> = OWN_STD.iter().map(|(name, _)| *name).collect();
    let is_std = |line: &String| {
        let line = code(line);
        let names_atomics = words(line).any(|word| word.starts_with("Atomic") || word == "fence");
        line.contains("std::sync::Arc") || line.contains("std::sync::atomic") && names_atomics
    };
    let using = |source: &&Source| source.lines.iter().any(is_std);
    let sources = sources();
    let using: BTreeSet<_> = sources.iter().filter(using).map(|s| s.name.as_str()).collect();
    assert_eq!(using, own, "left: who uses std's; right: who may");
}

#[test]
fn unsafe_is_allowed_where_the_list_says_it() {
    let allows = |source: &Source| {
        let allows = |line: &&String| code(line).contains("allow(unsafe_code)");
        let count = source.lines.iter().filter(allows).count();
        let reasons = source.lines.iter().filter(allows).filter(|l| l.contains("// ")).count();
        assert_eq!(count, reasons, "{}: each `allow` has its reason beside it", source.name);
        (count > 0).then(|| source.name.clone())
    };
    let allowing: Vec<_> = sources().iter().filter_map(allows).collect();
    assert_eq!(allowing, ["lib.rs", "mailbox.rs", "sync.rs"]);
}

/// The names in a manifest's tables of dependencies.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_inside = false;
    for line in manifest.lines().filter(|line| !line.starts_with('#')) {
        if let Some(table) = line.strip_prefix('[') {
            is_inside = table.trim_end_matches(']').ends_with("dependencies");
        } else if let Some((name, _)) = line.split_once(['=', '.']).filter(|_| is_inside) {
            names.insert(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn every_dependency_has_its_reason() {
    let table = read("docs/dependencies.md");
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<_> = rows.flat_map(|row| row.split([' ', ',', '|'])).collect();
    let manifests = ["Cargo.toml", "macros/Cargo.toml", "macros/ui/Cargo.toml"];
    for manifest in manifests.into_iter().chain(["perf/Cargo.toml", "loom-tests/Cargo.toml"]) {
        for name in dependencies(&read(manifest)) {
            assert!(named.contains(name.as_str()), "{manifest}: {name} has no row");
        }
    }
}

/// What stands in backticks and looks like `file::test`, in the rows of requirements.
fn named_tests(text: &str) -> BTreeSet<(String, String)> {
    let is_requirement = |line: &&str| line.starts_with("| FR") || line.starts_with("| NFR");
    let rows = text.lines().filter(is_requirement);
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let is_name = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
    };
    let split = quoted.filter_map(|quoted| quoted.split_once("::"));
    // Items of the library have such names too.
    let is_test =
        |(file, test): &(&str, &str)| *file != "mainspring" && is_name(file) && is_name(test);
    let split = split.filter(is_test);
    split.map(|(file, test)| (file.to_owned(), test.to_owned())).collect()
}

#[test]
fn every_test_that_the_specification_names_exists() {
    let named = named_tests(&read("docs/spec/001-mainspring.md"));
    assert!(named.len() > 30, "the specification traces its requirements: {}", named.len());
    let missing = named.into_iter().filter(|(file, test)| {
        let places = [format!("tests/{file}.rs"), format!("loom-tests/tests/{file}.rs")];
        let found = places.iter().filter_map(|place| fs::read_to_string(root().join(place)).ok());
        !found.into_iter().any(|text| text.contains(&format!("fn {test}(")))
    });
    let missing: Vec<_> = missing.collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}

/// The rules see what they are for.
mod rules {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("a.rs", text)
    }

    #[test]
    fn a_label_with_one_side_is_seen() {
        let text = "// Release [a.b]: carries it\n// to [a.c].\nx();\n// Acquire [a.c]: sees it.\n";
        let found = labels(&[source(text)]);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a.b", "a.c"]);
        assert_eq!(lonely(&found), [r#"[a.b]: [("src/a.rs:1", "Release")]"#]);
        let both_release = "// Release [a.b]: one\nx();\n// Release [a.b]: two\n";
        assert_eq!(lonely(&labels(&[source(both_release)])).len(), 1);
        let fences = "// SeqCst [a.b]: one\nx();\n// SeqCst [a.b]: two\n";
        assert!(lonely(&labels(&[source(fences)])).is_empty());
    }

    #[test]
    fn an_ordering_without_a_reason_is_seen() {
        let bad = "use x::Acquire;\nlet a = b.load(Acquire);\n";
        assert_eq!(unexplained(&source(bad)), ["src/a.rs:2: Acquire"]);
        let half = "// Acquire: sees it.\nb.compare_exchange(0, 1, Acquire, Relaxed);\n";
        assert_eq!(unexplained(&source(half)), ["src/a.rs:2: Relaxed"]);
        let test = "#[cfg(test)]\nmod tests {\n    b.load(Acquire);\n}\n";
        assert!(unexplained(&source(test)).is_empty());
    }

    #[test]
    fn dependencies_and_tests_are_found_where_they_are_named() {
        let manifest =
            "[package]\nname = 1\n[dev-dependencies]\na = 1\nb.workspace = true\n[x]\nc = 1";
        assert_eq!(dependencies(manifest).into_iter().collect::<Vec<_>>(), ["a", "b"]);
        let row = "| FR1 | `file::a_test`; `Type::method`, `other` |\n`not::a_row`";
        assert_eq!(
            named_tests(row).into_iter().collect::<Vec<_>>(),
            [("file".into(), "a_test".into())]
        );
    }
}
