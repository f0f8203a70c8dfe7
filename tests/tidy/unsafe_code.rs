//! `unsafe` appears only where a `mod` line allows it, with the reason beside it.

use crate::source::{Source, code, none, sources, words};
use std::collections::BTreeSet;

#[test]
fn unsafe_is_allowed_where_the_list_says_it() {
    let sources = sources();
    let listed = sources.iter().flat_map(may_be_unsafe).collect();
    none("unsafe outside the files of the list", unlisted(&sources, &listed));
    none("unsafe allowed without a reason beside it", unreasoned(&sources));
}

/// The files of the modules that a file marks as those which may hold `unsafe`.
fn may_be_unsafe(source: &Source) -> BTreeSet<String> {
    let folder = match source.name.as_str() {
        "lib.rs" => String::new(),
        name => format!("{}/", name.trim_end_matches(".rs")),
    };
    let marked =
        source.lines.windows(2).filter(|pair| code(&pair[0]).starts_with("#[allow(unsafe_code)]"));
    let module =
        |pair: &[String]| Some(pair[1].split_once("mod ")?.1.strip_suffix(';')?.to_owned());
    marked.filter_map(module).map(|module| format!("{folder}{module}.rs")).collect()
}

/// Places with `unsafe` in a file that isn't in the list; and files that are there without need.
fn unlisted(sources: &[Source], listed: &BTreeSet<String>) -> Vec<String> {
    let check = |source: &Source| {
        let found = source.bad(|line| words(line).any(|word| word == "unsafe"));
        match (listed.contains(&source.name), found.is_empty()) {
            (false, _) => found,
            (true, true) => vec![format!("src/{}: allows unsafe, and has none", source.name)],
            (true, false) => Vec::new(),
        }
    };
    sources.iter().flat_map(check).collect()
}

fn unreasoned(sources: &[Source]) -> Vec<String> {
    let is_bare = |line: &str| code(line).contains("allow(unsafe_code)") && !line.contains("// ");
    let check = |source: &Source| {
        let bare = source.lines.iter().enumerate().filter(|(_, line)| is_bare(line));
        bare.map(|(number, _)| source.at(number)).collect::<Vec<_>>()
    };
    sources.iter().flat_map(check).collect()
}

mod shown {
    use super::*;

    const UNSAFE: &str = "// unsafe\nunsafe { x() };\n";

    fn marked(name: &str) -> Vec<String> {
        let text = "#[allow(unsafe_code)] // why\npub mod a;\nmod b;\n";
        may_be_unsafe(&Source::new(name, text)).into_iter().collect()
    }

    #[test]
    fn a_mark_is_for_the_file_of_its_module() {
        assert_eq!(marked("lib.rs"), ["a.rs"]);
        assert_eq!(marked("x.rs"), ["x/a.rs"]);
        assert_eq!(marked("x/y.rs"), ["x/y/a.rs"]);
    }

    #[test]
    fn unsafe_code_outside_the_list_is_found() {
        let sources = [Source::new("x/a.rs", UNSAFE), Source::new("b.rs", UNSAFE)];
        let listed = BTreeSet::from(["x/a.rs".to_owned()]);
        assert_eq!(unlisted(&sources, &listed), ["src/b.rs:2: unsafe { x() };"]);
    }

    #[test]
    fn a_file_that_is_listed_without_need_is_found() {
        let listed = BTreeSet::from(["a.rs".to_owned()]);
        let found = unlisted(&[Source::new("a.rs", "x();")], &listed);
        assert_eq!(found, ["src/a.rs: allows unsafe, and has none"]);
    }

    #[test]
    fn a_mark_without_a_reason_is_found() {
        let sources = [Source::new("a.rs", "#[allow(unsafe_code)]\nmod b;\n")];
        assert_eq!(unreasoned(&sources), ["src/a.rs:1"]);
    }
}
