//! Rules of the sources that the compiler doesn't know: each ordering says why, and has its pair.
//!
//! Each rule is a function from text to a list of `file:line`, so that the tests at the foot can show
//! it a text that breaks it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// How far above an ordering its comment may stand, inside the same paragraph of the same function.
/// A comment of four lines and a statement of a few fit; the next function's don't.
const COMMENT_REACH: usize = 10;

/// Files that use the standard library's `Arc`, atomics or fences, where the model checker sees none.
const OWN_STD: &[(&str, &str)] = &[
    ("sync.rs", "it chooses"),
    ("sync/schedules.rs", "what it may choose"),
    ("sys.rs", "the kernel knows no other futex word"),
    ("engine.rs", "a handle for the registry"),
    ("registry.rs", "behind a mutex, off every protocol"),
    ("spawn.rs", "a number in a static, and a handle for the registry"),
    ("seed.rs", "a handle for the registry"),
    ("supervisor.rs", "handles of any type, as in the registry, behind a mutex"),
    ("model.rs", "the registry's side of an object"),
    ("testkit/clients.rs", "wakers must be shared, though one thread alone wakes them"),
    ("testkit/stage.rs", "handles of the registry"),
    ("topic.rs", "subscribers have no size, which the checker's can't hold"),
];

/// The cfgs of the two model checkers' builds.
const BUILDS: [&str; 2] = ["mainspring_loom", "mainspring_shuttle"];

/// Files that may ask which build this is.
const CHOOSERS: &[(&str, &str)] = &[
    ("sync.rs", "it chooses the primitives"),
    ("sys.rs", "a futex that the models replace is dead code there"),
];

/// Files that allow `unsafe` themselves, function by function.
const OWN_UNSAFE: &[(&str, &str)] = &[
    ("sync.rs", "zeroed memory, in one function of each build"),
    ("sync/schedules.rs", "as there"),
];

/// Labels whose two sides are one line of code, run by two threads.
const OWN_PARTNER: &[&str] = &["mpsc.producers"];

/// Requirements that no test shows, each with what does.
const SHOWN_OTHERWISE: &[(&str, &str)] = &[
    ("NFR2", "by construction"),
    ("NFR3", "the benchmark command"),
    ("NFR9", "a search of the sources"),
    ("NFR10", "clippy"),
    ("NFR12", "the benchmark command"),
    ("NFR13", "two commands"),
];

/// Where tests lie that documents name as `file::test`.
const TEST_FOLDERS: &[&str] = &["tests", "loom-tests/tests", "macros/ui/tests", "perf/tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn has(table: &[(&str, &str)], name: &str) -> bool {
    table.iter().any(|(listed, _)| *listed == name)
}

/// Fails with one finding a line.
fn none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n{}\n", found.join("\n"));
}

/// One source file.
struct Source {
    name: String,
    lines: Vec<String>,
    /// Where the unit tests at its foot begin.
    tests: usize,
}

impl Source {
    fn new(name: &str, text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        let is_tests = |pair: &[String]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
        let tests = lines.windows(2).position(is_tests).unwrap_or(lines.len());
        Self { name: name.into(), lines, tests }
    }

    fn at(&self, line: usize) -> String {
        format!("src/{}:{}", self.name, line + 1)
    }

    /// The lines that are shipped, without the unit tests.
    fn shipped(&self) -> &[String] {
        &self.lines[..self.tests]
    }

    /// Where `is_bad` holds for the code of a line.
    fn bad(&self, lines: &[String], is_bad: impl Fn(&str) -> bool) -> Vec<String> {
        let bad = lines.iter().enumerate().filter(|(_, line)| is_bad(code(line)));
        bad.map(|(number, line)| format!("{}: {}", self.at(number), line.trim())).collect()
    }

    /// The comments, each with its first line: neighbouring comment lines are one.
    fn comments(&self) -> Vec<(usize, String)> {
        let mut comments: Vec<(usize, String)> = Vec::new();
        let mut goes_on = false;
        for (number, line) in self.shipped().iter().enumerate() {
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

    /// The `use` that begins on this line, to its semicolon; else the line.
    fn statement(&self, line: usize) -> String {
        let first = code(&self.lines[line]);
        let goes_on = |line: &&String| is_import(first) && !code(line).contains(';');
        let open = self.lines[line..].iter().take_while(goes_on).count();
        let lines = &self.lines[line..self.lines.len().min(line + open + 1)];
        lines.iter().map(|line| code(line)).collect::<Vec<_>>().join(" ")
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

fn is_import(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub(crate)").or(line.strip_prefix("pub")).unwrap_or(line);
    line.trim_start().starts_with("use ")
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
fn labels(sources: &[Source]) -> BTreeMap<String, Places> {
    let mut labels: BTreeMap<String, Places> = BTreeMap::new();
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

type Places = Vec<(String, String)>;

/// Labels of which one side is missing.
fn lonely(labels: &BTreeMap<String, Places>) -> Vec<String> {
    let releases = |ordering: &str| matches!(ordering, "Release" | "AcqRel");
    let acquires = |ordering: &str| matches!(ordering, "Acquire" | "AcqRel");
    // Two places: a comment that names its own partner is still one side.
    let pair = |(here, one): &(String, String), (there, other): &(String, String)| {
        here != there && (releases(one) && acquires(other) || one == "SeqCst" && other == "SeqCst")
    };
    let is_lonely = |at: &Places| !at.iter().any(|one| at.iter().any(|other| pair(one, other)));
    let others = labels.iter().filter(|(label, _)| !OWN_PARTNER.contains(&label.as_str()));
    let lonely = others.filter(|(_, at)| is_lonely(at));
    let show = |at: &Places| {
        let places: Vec<_> = at.iter().map(|(at, ordering)| format!("{at} ({ordering})")).collect();
        places.join(", ")
    };
    lonely.map(|(label, at)| format!("[{label}]: {}", show(at))).collect()
}

/// Orderings that no comment just above names.
fn unexplained(source: &Source) -> Vec<String> {
    let lines = source.shipped();
    let is_edge =
        |line: &&String| line.trim().is_empty() || words(code(line)).any(|word| word == "fn");
    let mut unexplained = Vec::new();
    let mut is_use = false;
    for (number, line) in lines.iter().enumerate() {
        is_use |= is_import(line);
        if is_use {
            is_use = !code(line).contains(';');
            continue;
        }
        let above = lines[..number].iter().rev().take(COMMENT_REACH);
        let above = above.take_while(|line| !is_edge(line));
        let named: BTreeSet<_> =
            above.filter_map(|line| comment(line)).flat_map(orderings_in).collect();
        for ordering in orderings_in(code(line)) {
            if !named.contains(ordering) {
                unexplained.push(format!("{}: {ordering}", source.at(number)));
            }
        }
    }
    unexplained
}

/// The labels in the table of the architecture's document.
fn documented(text: &str) -> BTreeSet<String> {
    let label = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    pairs(text).lines().filter_map(label).collect()
}

fn pairs(text: &str) -> &str {
    let (_, table) = text.split_once("## Ordering pairs").expect("the table of pairs");
    table.split("\n## ").next().unwrap_or_default()
}

/// Places that ask whether this is the model checker's build.
fn asking(source: &Source) -> Vec<String> {
    if has(CHOOSERS, &source.name) {
        return Vec::new();
    }
    let asks = |line: &str| BUILDS.iter().any(|build| line.contains(build));
    let mut asking = source.bad(&source.lines, asks);
    if source.name == "lib.rs" {
        // The one module that only models have, with whatever attributes.
        let gated = source.lines.iter().skip_while(|line| !asks(code(line))).skip(1);
        let gated = gated.map(|line| code(line)).find(|line| !line.starts_with("#["));
        if gated.is_some_and(|line| line.trim_end() == "pub mod model;") {
            asking.remove(0);
        }
    }
    asking
}

/// Places that name a primitive which the model checker must replace, but not through `crate::sync`.
fn foreign(source: &Source) -> Vec<String> {
    let is_primitive =
        |word: &str| matches!(word, "Arc" | "Weak" | "fence") || word.starts_with("Atomic");
    let is_foreign = |statement: &str| {
        let words: BTreeSet<_> = words(statement).collect();
        let names_crate =
            ["std", "core", "alloc", "loom", "shuttle"].iter().any(|name| words.contains(name));
        names_crate && words.contains("sync") && words.iter().any(|word| is_primitive(word))
    };
    let lines = 0..source.shipped().len();
    lines.filter(|line| is_foreign(&source.statement(*line))).map(|line| source.at(line)).collect()
}

/// The modules that `text` marks as those which may hold `unsafe`, as files beside `folder`.
fn may_be_unsafe(text: &str, folder: &str) -> BTreeSet<String> {
    let lines: Vec<_> = text.lines().collect();
    let marked = lines.windows(2).filter(|pair| code(pair[0]).starts_with("#[allow(unsafe_code)]"));
    let module = |pair: &[&str]| Some(pair[1].split_once("mod ")?.1.strip_suffix(';')?.to_owned());
    marked.filter_map(module).map(|module| format!("{folder}{module}.rs")).collect()
}

/// Places with `unsafe` in a file that isn't in the list; and files that are there without need.
fn unlisted_unsafe(sources: &[Source], listed: &BTreeSet<String>) -> Vec<String> {
    let is_unsafe = |line: &str| words(line).any(|word| word == "unsafe");
    let check = |source: &Source| {
        let found = source.bad(&source.lines, is_unsafe);
        let is_listed = listed.contains(&source.name) || has(OWN_UNSAFE, &source.name);
        match (is_listed, found.is_empty()) {
            (false, _) => found,
            (true, true) => vec![format!("src/{}: allows unsafe, and has none", source.name)],
            (true, false) => Vec::new(),
        }
    };
    sources.iter().flat_map(check).collect()
}

#[test]
fn every_ordering_label_has_both_sides() {
    let labels = labels(&sources());
    none("labels with one side only", lonely(&labels));
    assert!(OWN_PARTNER.iter().all(|label| labels.contains_key(*label)), "{OWN_PARTNER:?}");
}

#[test]
fn every_ordering_says_why() {
    none("orderings without a reason", sources().iter().flat_map(unexplained).collect());
}

#[test]
fn the_table_of_pairs_is_complete() {
    let text = read("docs/ARCHITECTURE.md");
    let used: BTreeSet<_> = labels(&sources()).into_keys().collect();
    assert_eq!(used, documented(&text), "left: in src; right: in docs/ARCHITECTURE.md");
    let methods = quoted(pairs(&text)).filter_map(|name| name.split_once("::"));
    let sources = sources();
    let exists = |method: &str| {
        let name = format!("fn {method}");
        sources.iter().any(|source| source.lines.iter().any(|line| line.contains(&name)))
    };
    let gone = methods.filter(|(_, method)| !exists(method));
    none("no such methods", gone.map(|(name, method)| format!("{name}::{method}")).collect());
}

#[test]
fn one_file_chooses_between_std_and_the_model_checkers() {
    none(
        "cfg(mainspring_loom) and cfg(mainspring_shuttle) belong in sync.rs",
        sources().iter().flat_map(asking).collect(),
    );
}

#[test]
fn protocols_use_the_primitives_that_the_model_checker_knows() {
    let sources = sources();
    let (own, others): (Vec<_>, Vec<_>) = sources.iter().partition(|s| has(OWN_STD, &s.name));
    none("crate::sync has it for models too", others.into_iter().flat_map(foreign).collect());
    let idle = own.iter().filter(|source| foreign(source).is_empty()).map(|s| s.name.clone());
    none("in the list of files with std's, and use none", idle.collect());
}

#[test]
fn unsafe_is_allowed_where_the_list_says_it() {
    let mut listed = may_be_unsafe(&read("src/lib.rs"), "");
    listed.extend(may_be_unsafe(&read("src/mailbox.rs"), "mailbox/"));
    let sources = sources();
    none("unsafe outside the files of the list", unlisted_unsafe(&sources, &listed));
    let is_bare = |line: &str| code(line).contains("allow(unsafe_code)") && !line.contains("// ");
    let bare = sources.iter().flat_map(|source| {
        let bare = source.lines.iter().enumerate().filter(|(_, line)| is_bare(line));
        bare.map(|(number, _)| source.at(number)).collect::<Vec<_>>()
    });
    none("unsafe allowed without a reason beside it", bare.collect());
}

/// Names of the time of day: somebody may set it, so nothing may rest on it.
const SETTABLE_CLOCKS: [&str; 4] = ["SystemTime", "UNIX_EPOCH", "CLOCK_REALTIME", "gettimeofday"];

#[test]
fn the_library_knows_no_clock_that_can_be_set() {
    let is_settable = |line: &str| words(line).any(|word| SETTABLE_CLOCKS.contains(&word));
    let sources = sources();
    none(
        "a clock that can be set",
        sources.iter().flat_map(|s| s.bad(&s.lines, is_settable)).collect(),
    );
    assert!(is_settable("let now = std::time::SystemTime::now();"), "the rule sees what it is for");
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

#[test]
fn every_dependency_has_its_reason() {
    let table = read("docs/dependencies.md");
    let manifests = [
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
    let missing = manifests.into_iter().flat_map(|(manifest, package)| {
        let reasons = reasons(&table, package);
        let names = dependencies(&read(manifest)).into_iter();
        let missing = names.filter(move |name| !reasons.contains(name));
        missing.map(move |name| format!("{manifest}: {name}"))
    });
    none("no row in docs/dependencies.md", missing.collect());
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
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
    let paths = TEST_FOLDERS.iter().map(|folder| root().join(folder).join(format!("{file}.rs")));
    let mut texts = paths.filter_map(|path| fs::read_to_string(path).ok());
    texts.any(|text| text.contains(&format!("fn {test}(")))
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

#[test]
fn every_requirement_names_tests_that_exist() {
    let text = read("docs/spec/001-mainspring.md");
    assert!(requirements(&text).len() > 40, "the rows are found");
    none("docs/spec/001-mainspring.md", untraced(&text));
}

/// The names in backticks that end in `.rs`, for which neither the project nor `src` has a file.
fn missing_files(text: &str) -> Vec<String> {
    let is_file = |name: &&str| name.ends_with(".rs") && !name.contains(['*', '{', ' ']);
    let exists = |name: &str| root().join(name).exists() || root().join("src").join(name).exists();
    quoted(text).filter(is_file).filter(|name| !exists(name)).map(String::from).collect()
}

#[test]
fn every_file_that_the_documents_name_exists() {
    let documents = ["README.md", "docs/ARCHITECTURE.md", "docs/dependencies.md"];
    for document in documents.into_iter().chain(["docs/spec/001-mainspring.md"]) {
        none(document, missing_files(&read(document)));
    }
}

/// Each rule sees what it is for.
mod rules {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("a.rs", text)
    }

    fn named(name: &str, text: &str) -> Source {
        Source::new(name, text)
    }

    #[test]
    fn a_label_with_one_side_is_seen() {
        let text = "// Release [a.b]: carries it\n// to [a.c].\nx();\n// Acquire [a.c]: sees it.\n";
        let found = labels(&[source(text)]);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a.b", "a.c"]);
        assert_eq!(lonely(&found), ["[a.b]: src/a.rs:1 (Release)"]);
        let is_lonely = |text| !lonely(&labels(&[source(text)])).is_empty();
        assert!(is_lonely("// Release [a.b]: one\nx();\n// Release [a.b]: two\n"));
        assert!(is_lonely("// AcqRel [a.b]: one\nx();\n// Relaxed [a.b]: two\n"));
        assert!(is_lonely("// Release [a.b]: one; pairs with the Acquire [a.b] in `x`.\n"));
        assert!(is_lonely("// SeqCst [a.b]: one\nx();\n// Acquire [a.b]: two\n"));
        assert!(!is_lonely("// SeqCst [a.b]: one\nx();\n// SeqCst [a.b]: two\n"));
        assert!(!is_lonely("// AcqRel [a.b]: one\nx();\n// AcqRel [a.b]: two\n"));
    }

    #[test]
    fn an_ordering_without_a_reason_is_seen() {
        let bad = "use x::Acquire;\nlet a = b.load(Acquire);\n";
        assert_eq!(unexplained(&source(bad)), ["src/a.rs:2: Acquire"]);
        let half = "// Acquire: sees it.\nb.compare_exchange(0, 1, Acquire, Relaxed);\n";
        assert_eq!(unexplained(&source(half)), ["src/a.rs:2: Relaxed"]);
        let other =
            "fn a() {\n    // Acquire: sees it.\n    x();\n}\nfn b() {\n    c.load(Acquire);\n}\n";
        assert_eq!(unexplained(&source(other)), ["src/a.rs:6: Acquire"]);
        let apart = "// Acquire: sees it.\nx();\n\nc.load(Acquire);\n";
        assert_eq!(unexplained(&source(apart)), ["src/a.rs:4: Acquire"]);
        let long = "use x::{\n    Acquire,\n    Release,\n};\n";
        assert!(unexplained(&source(long)).is_empty());
        let test = "#[cfg(test)]\nmod tests {\n    b.load(Acquire);\n}\n";
        assert!(unexplained(&source(test)).is_empty());
        let only_use = "#[cfg(test)]\nuse x;\nb.load(Acquire);\n";
        assert_eq!(unexplained(&source(only_use)), ["src/a.rs:3: Acquire"]);
    }

    #[test]
    fn a_label_outside_the_table_is_seen() {
        let text =
            "| `not.yet` |\n## Ordering pairs\n| pair |\n| `a.b` | `X::y` |\n## Next\n| `c.d` |";
        assert_eq!(documented(text).into_iter().collect::<Vec<_>>(), ["a.b"]);
        assert_eq!(quoted(pairs(text)).collect::<Vec<_>>(), ["a.b", "X::y"]);
    }

    #[test]
    fn a_question_for_the_build_is_seen() {
        let bad = "// cfg(mainspring_loom)\n#[cfg(not(mainspring_loom))]\nx();\n";
        assert_eq!(asking(&source(bad)), ["src/a.rs:2: #[cfg(not(mainspring_loom))]"]);
        let attribute = "#[cfg_attr(mainspring_loom, allow(dead_code))]\n";
        assert_eq!(asking(&source(attribute)).len(), 1);
        assert!(asking(&named("sys.rs", attribute)).is_empty());
        let other = "#[cfg(mainspring_shuttle)]\nx();\n";
        assert_eq!(asking(&source(other)).len(), 1);
        let gate = "#[cfg(mainspring_loom)]\n#[allow(unsafe_code)] // why\npub mod model;\n";
        assert!(asking(&named("lib.rs", gate)).is_empty());
        let second = format!("{gate}#[cfg(mainspring_loom)]\nmod more;\n");
        assert_eq!(asking(&named("lib.rs", &second)), ["src/lib.rs:4: #[cfg(mainspring_loom)]"]);
        assert_eq!(asking(&named("lib.rs", "#[cfg(mainspring_loom)]\nmod more;\n")).len(), 1);
    }

    #[test]
    fn a_primitive_from_elsewhere_is_seen() {
        for bad in [
            "use std::sync::Arc;",
            "use std::sync::{Mutex, Arc};",
            "use std::sync::atomic::{\n    AtomicU64,\n    Ordering,\n};",
            "use std::{fmt, sync::atomic::fence};",
            "let a: core::sync::atomic::AtomicU8;",
            "use loom::sync::Arc;",
        ] {
            assert_eq!(foreign(&source(bad)), ["src/a.rs:1"], "{bad}");
        }
        let good = "use std::sync::Mutex;\nuse crate::sync::{Arc, fence};\n\
                    use std::sync::atomic::Ordering::Acquire;\n";
        assert!(foreign(&source(good)).is_empty());
    }

    #[test]
    fn unsafe_code_outside_the_list_is_seen() {
        let list = "#[allow(unsafe_code)] // why\npub mod a;\nmod b;\n";
        let listed = may_be_unsafe(list, "x/");
        assert_eq!(listed.iter().collect::<Vec<_>>(), ["x/a.rs"]);
        let with = "// unsafe\nunsafe { x() };\n";
        let sources = [named("x/a.rs", with), named("b.rs", with), named("c.rs", "x();")];
        assert_eq!(unlisted_unsafe(&sources, &listed), ["src/b.rs:2: unsafe { x() };"]);
        let idle = unlisted_unsafe(&[named("x/a.rs", "x();")], &listed);
        assert_eq!(idle, ["src/x/a.rs: allows unsafe, and has none"]);
    }

    #[test]
    fn a_dependency_without_a_row_is_seen() {
        let manifest = "[package]\nname = 1\n[dev-dependencies]\na = 1\nb.workspace = true\n\
                        ours = { path = \"..\" }\n[x]\nc = 1";
        assert_eq!(dependencies(manifest).into_iter().collect::<Vec<_>>(), ["a", "b"]);
        let table = "## one (it)\n| a, b (given) | 1 | c |\n## two\n| d | 1 |\n\
                     ## Tests, models\n| one (tests) | e | f |\n| two | g |\n";
        assert_eq!(
            reasons(table, "one").into_iter().collect::<Vec<_>>(),
            ["a", "b", "e", "given)"]
        );
        assert_eq!(reasons(table, "two").into_iter().collect::<Vec<_>>(), ["d", "g"]);
    }

    #[test]
    fn a_requirement_without_a_test_is_seen() {
        let row =
            "| FR1 | `other::words` | `tidy::a_requirement_without_a_test_is_seen`, `Type::m` |";
        assert!(untraced(row).is_empty());
        assert_eq!(untraced("| FR2 | x | `tidy::gone` |"), ["FR2: tidy::gone doesn't exist"]);
        assert_eq!(untraced("| FR3 | x | by hand |"), ["FR3: no test"]);
        assert_eq!(untraced("| FR4 | x | all of `tests/gone.rs` |").len(), 1);
        assert!(untraced("| NFR2 | x | by construction |").is_empty());
        assert_eq!(missing_files("`tidy.rs`, `tests/tidy.rs`, `lib.rs`, `a b.rs`"), ["tidy.rs"]);
    }
}
