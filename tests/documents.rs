//! Links in the documents lead somewhere: those of `README.md` in the repository and on the crate's
//! page, which is the same text; those of the other documents in the repository. And the map of the
//! code has every file.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The links of a text in Markdown, each with its line: `None` stands for one whose target isn't
/// beside it. Code has none.
fn links(text: &str) -> Vec<(usize, Option<&str>)> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            found.extend(links_in(line).into_iter().map(|link| (number + 1, link)));
        }
    }
    found
}

/// A link's text may hold code (`` [`a`](b) ``); brackets inside code are code.
fn links_in(line: &str) -> Vec<Option<&str>> {
    let mut found = Vec::new();
    let (mut is_open, mut is_code) = (false, false);
    for (at, character) in line.char_indices() {
        match character {
            '`' => is_code = !is_code,
            '[' if !is_code => is_open = true,
            ']' if !is_code && is_open => {
                is_open = false;
                let target = line[at + 1..].strip_prefix('(');
                found.push(target.and_then(|rest| Some(rest.split_once(')')?.0)));
            }
            _ => {}
        }
    }
    found
}

/// The links that work in one of two places only. A relative path is a file in the repository and
/// none on the crate's page; a link to an item is one there and nothing in the repository.
fn one_sided(text: &str) -> Vec<String> {
    let bad = links(text).into_iter().filter(|(_, target)| match target {
        Some(target) => !target.starts_with("https://"),
        None => true,
    });
    bad.map(|(line, target)| format!("{line}: {}", target.unwrap_or("no target"))).collect()
}

/// The relative links of a document in `folder` that lead to no file.
fn dead(folder: &Path, text: &str) -> Vec<String> {
    let paths = links(text).into_iter().filter_map(|(line, target)| Some((line, target?)));
    let paths = paths.filter(|(_, target)| !target.contains("://") && !target.starts_with('#'));
    let is_dead = |target: &str| {
        let path = target.split('#').next().unwrap_or_default();
        !folder.join(path).exists()
    };
    let dead = paths.filter(|(_, target)| is_dead(target));
    dead.map(|(line, target)| format!("{line}: {target}")).collect()
}

/// The files of a folder with this end, but not those of packages that were built in it.
fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files(&path, end, found);
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
}

/// The files that no row of the code map is about. Those that only declare a layer need none.
fn unmapped(architecture: &str, files: &[&str], layers: &[&str]) -> Vec<String> {
    let (_, map) = architecture.split_once("## Code map").expect("the code map");
    let map = map.split("\n## ").next().unwrap_or_default();
    let is_mapped = |file: &str| map.contains(&format!("\n| `{file}` |"));
    let is_declaration = |file: &str| {
        file == "lib.rs" || file.strip_suffix(".rs").is_some_and(|name| layers.contains(&name))
    };
    let unmapped = files.iter().filter(|file| !is_mapped(file) && !is_declaration(file));
    unmapped.map(|file| file.to_string()).collect()
}

#[test]
fn every_link_of_the_readme_works_in_the_repository_and_on_the_crate_s_page() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    assert_eq!(one_sided(&text), Vec::<String>::new(), "README.md");
}

#[test]
fn every_relative_link_of_the_documents_leads_to_a_file() {
    let mut paths = Vec::new();
    files(root(), ".md", &mut paths);
    assert!(paths.len() > 10, "the documents are found");
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let dead = dead(path.parent().unwrap(), &text);
        assert_eq!(dead, Vec::<String>::new(), "{}", path.display());
    }
}

/// The folders of `src`, each with its line in `lib.rs`.
const LAYERS: [&str; 9] =
    ["testkit", "model", "engine", "proxy", "object", "reply", "runner", "mailbox", "machine"];

#[test]
fn the_code_map_has_every_file() {
    let folder = root().join("src");
    let mut paths = Vec::new();
    files(&folder, ".rs", &mut paths);
    let names: Vec<_> =
        paths.iter().map(|path| path.strip_prefix(&folder).unwrap().to_str().unwrap()).collect();
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let unmapped = unmapped(&text, &names, &LAYERS);
    assert_eq!(unmapped, Vec::<String>::new(), "no row in docs/ARCHITECTURE.md, section Code map");
}

#[test]
fn a_link_that_works_in_one_place_only_is_seen() {
    let good = "[loom](https://docs.rs/loom) and `#[active]`, `docs/TUNING.md`\n\
                ```rust\n#[active]\n```\n";
    assert!(one_sided(good).is_empty());
    assert_eq!(one_sided("\n[a](docs/A.md), [b](#b)"), ["2: docs/A.md", "2: #b"]);
    assert_eq!(one_sided("[`Call`], [c][d]\n\n[d]: x")[0], "1: no target");
    assert_eq!(one_sided("[`docs/A.md`](docs/A.md)"), ["1: docs/A.md"]);
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let text = "[a](Cargo.toml), [b](Cargo.toml#x), [c](gone.md#x)\n[d](https://docs.rs), [e](#e)";
    assert_eq!(dead(root(), text), ["1: gone.md#x"]);
}

#[test]
fn a_file_without_a_row_is_seen() {
    let text = "| `a/d.rs` | x |\n## Code map\n\n| `a/b.rs` | x |\n\n## Next\n| `a/c.rs` | x |";
    let files = ["a.rs", "lib.rs", "a/b.rs", "a/c.rs", "a/d.rs", "e.rs"];
    assert_eq!(unmapped(text, &files, &["a"]), ["a/c.rs", "a/d.rs", "e.rs"]);
}
