//! Which file imports which.

use crate::paths::{Named, Parts, module, named, words_in_use};
use crate::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// What one file imports of another of its crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub from: String,
    pub to: String,
    /// The first place, as `file:line`.
    pub at: String,
}

/// How many re-exports may lead from a path to its file. A private import counts as one here, so names
/// could lead in a circle.
const STEPS_MAX: usize = 8;

/// All imports, in the order of their files, each pair of files once. Below `bin/` lie other crates.
///
/// A path leads through re-exports to the file that defines the item. That a file declares a module
/// or re-exports what lies in it is no import; unless the file uses it too.
pub fn imports(sources: &[Source]) -> Vec<Import> {
    let files = Files::new(sources);
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    for (source, paths) in sources.iter().zip(&files.named) {
        let words = words_in_use(source);
        let base = module(&source.name);
        if source.name.starts_with("bin/") {
            continue;
        }
        for path in paths.iter().filter(|path| !is_only_shown(path, &base, &words)) {
            let to = files.file_of(&path.parts, STEPS_MAX);
            if let Some(to) = to.filter(|to| *to != source.name) {
                let key = (source.name.clone(), to.to_owned());
                found.entry(key).or_insert_with(|| source.at(path.line));
            }
        }
    }
    found.into_iter().map(|((from, to), at)| Import { from, to, at }).collect()
}

/// Whether a path re-exports something that lies below `base`, and that the file doesn't use itself.
fn is_only_shown(path: &Named, base: &[String], words: &BTreeSet<String>) -> bool {
    let is_used = path.alias.as_ref().is_some_and(|alias| words.contains(alias));
    path.is_public && path.parts.starts_with(base) && !is_used
}

struct Files<'a> {
    by_module: BTreeMap<Parts, &'a str>,
    /// What each module's file names in its imports.
    names: BTreeMap<Parts, BTreeMap<String, Parts>>,
    /// The paths of each file, in the order of the sources.
    named: Vec<Vec<Named>>,
}

impl<'a> Files<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let file = |source: &'a Source| (module(&source.name), source.name.as_str());
        // Of a package's two roots the library's comes last here, so that `crate` is the library.
        let by_module: BTreeMap<_, _> = sources.iter().rev().map(file).collect();
        let modules = by_module.keys().cloned().collect();
        let named: Vec<_> = sources.iter().map(|source| named(source, &modules)).collect();
        let names = sources.iter().zip(&named).map(|(source, paths)| {
            let alias = |path: &Named| Some((path.alias.clone()?, path.parts.clone()));
            (module(&source.name), paths.iter().filter_map(alias).collect())
        });
        Self { by_module, names: names.collect(), named }
    }

    /// The file that defines the item at the end of a path, through at most `steps` re-exports.
    fn file_of(&self, path: &[String], steps: usize) -> Option<&'a str> {
        let inside =
            (0..=path.len()).rev().find(|end| self.by_module.contains_key(&path[..*end]))?;
        let (module, rest) = path.split_at(inside);
        let shown = rest.first().and_then(|name| self.names.get(module)?.get(name));
        match shown.filter(|_| steps > 0) {
            Some(shown) if shown != path => self.file_of(shown, steps - 1),
            _ => Some(self.by_module[module]),
        }
    }
}

mod shown {
    use super::*;

    fn pairs(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
        let imports = imports(&sources).into_iter();
        imports.map(|import| format!("{} -> {}", import.from, import.to)).collect()
    }

    const CHILD: (&str, &str) = ("a/b.rs", "pub struct X;");

    #[test]
    fn an_import_leads_to_the_file_of_its_module() {
        let from = ("c.rs", "use crate::a::b::X;");
        assert_eq!(pairs(&[CHILD, from]), ["c.rs -> a/b.rs"]);
    }

    #[test]
    fn an_import_leads_through_re_exports_to_the_file_of_its_item() {
        let files = [
            ("a.rs", "mod b;\npub use b::X as Y;"),
            CHILD,
            ("c.rs", "use crate::Z;"),
            ("lib.rs", "mod a;\nmod c;\npub use a::Y as Z;"),
        ];
        assert_eq!(pairs(&files), ["c.rs -> a/b.rs"]);
    }

    #[test]
    fn an_import_of_what_a_parent_holds_leads_to_the_parent() {
        let files = [("a.rs", "mod b;\npub struct Y;"), ("a/b.rs", "use super::Y;")];
        assert_eq!(pairs(&files), ["a/b.rs -> a.rs"]);
    }

    #[test]
    fn a_parent_that_uses_what_it_re_exports_imports_it() {
        let parent = ("a.rs", "mod b;\npub use b::X;\nfn f(_: X) {}");
        assert_eq!(pairs(&[parent, CHILD]), ["a.rs -> a/b.rs"]);
    }

    #[test]
    fn an_import_says_where() {
        let sources = [Source::new("a.rs", "\nuse crate::b::X;"), Source::new("b.rs", "struct X;")];
        assert_eq!(imports(&sources)[0].at, "src/a.rs:2");
    }
}
