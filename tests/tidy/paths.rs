//! The paths that a file names, each from the root of its crate.

use crate::source::Source;
use crate::tokens::{Token, is_word, tokens};
use std::collections::{BTreeMap, BTreeSet};

/// The parts of a module's or an item's path, from the root of its crate.
pub type Parts = Vec<String>;

/// One path that a file names.
pub struct Named {
    /// Counted from 0.
    pub line: usize,
    pub parts: Parts,
    /// What a `use` calls it.
    pub alias: Option<String>,
    /// Whether other files see it here: `pub use`, also of the crate or of a parent alone.
    pub is_public: bool,
}

/// The module that a file is.
pub fn module(name: &str) -> Parts {
    match name {
        "lib.rs" | "main.rs" => Vec::new(),
        name => name.trim_end_matches(".rs").split('/').map(String::from).collect(),
    }
}

/// The paths in a file's shipped code that begin with `crate`, `self`, `super`, one of its own
/// modules in `modules`, or the name of such a module that it imports.
pub fn named(source: &Source, modules: &BTreeSet<Parts>) -> Vec<Named> {
    let text = source.shipped().join("\n");
    let mut reader = Reader::new(&text, module(&source.name), modules);
    reader.read(false);
    // A module may be imported below the first place that names it.
    reader.read(true);
    reader.found
}

/// Words that a file has besides in its imports.
pub fn words_in_use(source: &Source) -> BTreeSet<String> {
    let text = source.shipped().join("\n");
    let mut words = BTreeSet::new();
    let mut is_import = false;
    for token in tokens(&text) {
        is_import = token.text == "use" || is_import && token.text != ";";
        if !is_import && is_word(token.text) {
            words.insert(token.text.to_owned());
        }
    }
    words
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    base: Parts,
    modules: &'a BTreeSet<Parts>,
    /// Modules by the names that this file's imports give them.
    aliases: BTreeMap<String, Parts>,
    found: Vec<Named>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, base: Parts, modules: &'a BTreeSet<Parts>) -> Self {
        let (aliases, found) = (BTreeMap::new(), Vec::new());
        Self { tokens: tokens(text), base, modules, aliases, found }
    }

    /// Reads the imports; or all other paths.
    fn read(&mut self, is_code: bool) {
        let mut inside = Inside::default();
        let mut at = 0;
        while at < self.tokens.len() {
            if self.text(at) == "use" && self.text(at + 1) != "<" {
                let from = self.found.len();
                at = self.tree(at + 1, &[], &inside.modules, !is_code);
                self.note_aliases(from);
                continue;
            }
            if is_code && self.begins_path(at) && self.text(at + 1) == "::" {
                at = self.tree(at, &[], &inside.modules, true);
                continue;
            }
            inside.pass(
                self.text(at),
                [at.wrapping_sub(1), at.wrapping_sub(2)].map(|at| self.text(at)),
            );
            at += 1;
        }
    }

    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// Not within a path, and not the scope of a `pub(in …)`.
    fn begins_path(&self, at: usize) -> bool {
        let before = [2, 1].map(|count| self.text(at.wrapping_sub(count)));
        is_word(self.text(at)) && before[1] != "::" && before != ["(", "in"]
    }

    /// Reads a path, or a tree of them, that begins at `at`, and returns where it ends.
    fn tree(&mut self, mut at: usize, prefix: &[&'a str], inside: &[&str], keeps: bool) -> usize {
        let is_public = self.is_public(at);
        let (mut path, mut line) = (prefix.to_vec(), 0);
        loop {
            match self.text(at) {
                "{" => return self.group(at + 1, &path, inside, keeps, is_public),
                "*" => {}
                part if is_word(part) => {
                    line = self.tokens[at].line;
                    path.push(part);
                }
                // The generics of a function's path; or an import from the root, `use ::a`.
                _ if path.is_empty() => return at + 1,
                _ => break,
            }
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        let is_renamed = self.text(at) == "as";
        let alias = if is_renamed { self.text(at + 1) } else { path.last().copied().unwrap_or("") };
        if let Some(parts) = self.rooted(&path, inside).filter(|_| keeps) {
            let alias = Some(alias.to_owned());
            self.found.push(Named { line, parts, alias, is_public });
        }
        at + if is_renamed { 2 } else { 0 }
    }

    fn group(
        &mut self,
        mut at: usize,
        path: &[&'a str],
        inside: &[&str],
        keeps: bool,
        is_public: bool,
    ) -> usize {
        let from = self.found.len();
        while !matches!(self.text(at), "}" | "") {
            at = match self.text(at) {
                "," => at + 1,
                _ => self.tree(at, path, inside, keeps),
            };
        }
        self.found[from..].iter_mut().for_each(|named| named.is_public |= is_public);
        at + 1
    }

    /// Whether `pub` or `pub(…)` precedes the `use` whose path begins at `at`.
    fn is_public(&self, at: usize) -> bool {
        let before = |count| self.text(at.wrapping_sub(count));
        before(1) == "use" && matches!(before(2), "pub" | ")")
    }

    /// The parts of a path from the crate's root, if it leads into this crate.
    fn rooted(&self, path: &[&str], inside: &[&str]) -> Option<Parts> {
        let (first, mut rest) = path.split_first()?;
        let mut here = self.base.clone();
        here.extend(inside.iter().map(|name| name.to_string()));
        let mut parts = match *first {
            "crate" => Vec::new(),
            "self" => here,
            "super" => {
                here.pop()?;
                while let Some(after) = rest.strip_prefix(&["super"]) {
                    here.pop()?;
                    rest = after;
                }
                here
            }
            name => match self.aliases.get(name) {
                Some(module) => module.clone(),
                None => {
                    let mut child = self.base.clone();
                    child.push(name.to_owned());
                    self.modules.contains(&child).then_some(child)?
                }
            },
        };
        parts.extend(rest.iter().filter(|part| **part != "self").map(|part| part.to_string()));
        Some(parts)
    }

    fn note_aliases(&mut self, from: usize) {
        for named in &self.found[from..] {
            if let Some(alias) =
                named.alias.as_ref().filter(|_| self.modules.contains(&named.parts))
            {
                let alias = if alias == "self" { named.parts.last().unwrap() } else { alias };
                self.aliases.insert(alias.clone(), named.parts.clone());
            }
        }
    }
}

/// The modules that a place lies in, of those that the file itself holds.
#[derive(Default)]
struct Inside<'a> {
    modules: Vec<&'a str>,
    /// The depth at which each of them began.
    depths: Vec<usize>,
    depth: usize,
}

impl<'a> Inside<'a> {
    fn pass(&mut self, text: &'a str, [before, word]: [&'a str; 2]) {
        match text {
            "{" => {
                if word == "mod" {
                    self.modules.push(before);
                    self.depths.push(self.depth);
                }
                self.depth += 1;
            }
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.depths.last() == Some(&self.depth) {
                    self.modules.pop();
                    self.depths.pop();
                }
            }
            _ => {}
        }
    }
}

mod shown {
    use super::*;

    fn paths(name: &str, text: &str) -> Vec<String> {
        let modules = [&["a"][..], &["a", "b"], &["c"], &["c", "d"]];
        let modules = modules.map(|parts| parts.iter().map(|part| part.to_string()).collect());
        let named = named(&Source::new(name, text), &BTreeSet::from(modules));
        named.into_iter().map(|named| named.parts.join("::")).collect()
    }

    #[test]
    fn an_import_is_seen() {
        assert_eq!(paths("a.rs", "use crate::c::X;"), ["c::X"]);
        assert_eq!(paths("a.rs", "pub(crate) use crate::c::X as Y;"), ["c::X"]);
        assert_eq!(paths("a.rs", "use crate::c::*;"), ["c"]);
    }

    #[test]
    fn an_import_in_groups_over_lines_is_seen() {
        let text = "use crate::{\n    a::{self, X},\n    c::{d::Y as Z, e},\n};\nuse crate::f;";
        assert_eq!(paths("a.rs", text), ["a", "a::X", "c::d::Y", "c::e", "f"]);
    }

    #[test]
    fn a_path_in_code_is_seen() {
        let text = "fn f() { crate::c::X::<u8>::new(); let a: crate::c::d::Y = 1; }";
        assert_eq!(paths("a.rs", text), ["c::X", "c::d::Y"]);
    }

    #[test]
    fn a_path_in_a_macro_is_seen() {
        assert_eq!(paths("a.rs", "macro_rules! m { () => { $crate::c::X } }"), ["c::X"]);
    }

    #[test]
    fn a_path_by_an_imported_module_is_seen() {
        assert_eq!(
            paths("a.rs", "use crate::c::d;\nfn f() { d::X::new() }"),
            ["c::d", "c::d::X::new"]
        );
        assert_eq!(paths("a.rs", "use crate::c::{self as e};\nfn f() { e::X }"), ["c", "c::X"]);
    }

    #[test]
    fn a_path_by_a_child_is_seen() {
        assert_eq!(paths("a.rs", "mod b;\npub use b::X;\nfn f() { b::Y }"), ["a::b::X", "a::b::Y"]);
    }

    #[test]
    fn paths_by_super_and_self_are_resolved() {
        assert_eq!(paths("c/d.rs", "use super::X;\nuse super::super::a;"), ["c::X", "a"]);
        assert_eq!(paths("c.rs", "use self::d::X;"), ["c::d::X"]);
    }

    #[test]
    fn paths_within_an_inner_module_are_resolved() {
        let text = "mod n {\n    use super::X;\n    fn f() {}\n}\nuse super::Y;";
        assert_eq!(paths("c/d.rs", text), ["c::d::X", "c::Y"]);
    }

    #[test]
    fn other_crates_scopes_and_unit_tests_are_left_out() {
        let text = "use std::a::X;\npub(in crate::c) fn f() {}\n// crate::c::X\n\
                    #[cfg(test)]\nmod tests {\n    use crate::c::Y;\n}\n";
        assert!(paths("a.rs", text).is_empty());
    }

    #[test]
    fn a_name_that_others_see_is_told_from_an_import() {
        let text = "pub use crate::c::{X, Y};\npub(crate) use crate::c::Z;\nuse crate::c::W;";
        let named = named(&Source::new("a.rs", text), &BTreeSet::new());
        let public: Vec<_> = named.iter().map(|named| named.is_public).collect();
        assert_eq!(public, [true, true, true, false]);
    }
}
