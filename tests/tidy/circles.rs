//! Folders import each other in no circle; files of one folder in none of more than three.

use crate::imports::{Import, imports};
use crate::layers::{LIBRARY, folder};
use crate::source::{none, sources_of};
use std::collections::{BTreeMap, BTreeSet};

/// How many files of one folder may import each other: two or three that describe one thing.
const CIRCLE_MAX: usize = 3;

/// Sources without layers.
const FLAT: [&str; 3] = ["macros/src", "perf/src/bin/mainspring", "loom-tests/schedules/src"];

/// Sources in layers, whose order leaves no circle of folders.
const LAYERED: [&str; 2] = ["src", "perf/src"];

#[test]
fn folders_import_each_other_in_no_circle() {
    let found = FLAT.into_iter().flat_map(|folder| across(&of(folder)));
    none("circles of folders", found.collect());
}

#[test]
fn files_of_a_folder_import_each_other_in_small_circles_alone() {
    let found = FLAT.into_iter().chain(LAYERED).flat_map(|folder| within(&of(folder)));
    none("circles of more than three files", found.collect());
}

/// The imports of a package, but for those that a reason exempts.
fn of(folder: &'static str) -> Vec<Import> {
    let imports = imports(&sources_of(folder)).into_iter();
    imports.filter(|import| !LIBRARY.is_exempt(import)).collect()
}

/// Circles of folders. A file at the top is a folder, together with the folder of its name.
fn across(imports: &[Import]) -> Vec<String> {
    let is_between = |import: &&Import| folder(&import.from) != folder(&import.to);
    let between: Vec<_> = imports.iter().filter(is_between).filter(|i| !is_root(&i.from)).collect();
    let circles = circles(between.iter().map(|i| (folder(&i.from), folder(&i.to))));
    let show = |circle: BTreeSet<&str>| {
        let is_inside =
            |i: &&&Import| [&i.from, &i.to].iter().all(|file| circle.contains(folder(file)));
        show(&circle, between.iter().copied().filter(|i| is_inside(&i)))
    };
    circles.into_iter().map(show).collect()
}

/// Circles of files in one folder that are too large.
///
/// A file that uses the files below it gathers them, as its `mod` lines do. So that is no part of a
/// circle here, while what those import of their parent is.
fn within(imports: &[Import]) -> Vec<String> {
    let gathers = |i: &Import| i.to.starts_with(&format!("{}/", i.from.trim_end_matches(".rs")));
    let is_within = |i: &&Import| folder(&i.from) == folder(&i.to) && !gathers(i);
    let within: Vec<_> = imports.iter().filter(is_within).collect();
    let circles = circles(within.iter().map(|i| (i.from.as_str(), i.to.as_str())));
    let show = |circle: BTreeSet<&str>| {
        let is_inside =
            |i: &&Import| [&i.from, &i.to].iter().all(|file| circle.contains(file.as_str()));
        show(&circle, within.iter().copied().filter(is_inside))
    };
    circles.into_iter().filter(|circle| circle.len() > CIRCLE_MAX).map(show).collect()
}

fn is_root(file: &str) -> bool {
    matches!(file, "lib.rs" | "main.rs")
}

fn show<'a>(circle: &BTreeSet<&str>, imports: impl Iterator<Item = &'a Import>) -> String {
    let names: Vec<_> = circle.iter().copied().collect();
    let lines: Vec<_> =
        imports.map(|i| format!("\n    {}: {} -> {}", i.at, i.from, i.to)).collect();
    format!("{}:{}", names.join(", "), lines.concat())
}

/// The sets of nodes that all reach each other.
fn circles<'a>(edges: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeSet<BTreeSet<&'a str>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    edges.for_each(|(from, to)| next.entry(from).or_default().push(to));
    let reached: BTreeMap<_, _> = next.keys().map(|node| (*node, reached(node, &next))).collect();
    let circle_of = |node: &str| -> BTreeSet<&str> {
        let comes_back = |other: &&str| reached.get(other).is_some_and(|all| all.contains(node));
        reached[node].iter().copied().filter(comes_back).collect()
    };
    next.keys().map(|node| circle_of(node)).filter(|circle| circle.len() > 1).collect()
}

/// The nodes that edges lead to from a node, and from those, and so on.
fn reached<'a>(node: &str, next: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = next.get(node).into_iter().flatten().copied().collect();
    while let Some(node) = open.pop() {
        if reached.insert(node) {
            open.extend(next.get(node).into_iter().flatten());
        }
    }
    reached
}

mod shown {
    use super::*;
    use crate::source::Source;

    fn imports_of(files: &[(&str, &str)]) -> Vec<Import> {
        let sources: Vec<_> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
        imports(&sources)
    }

    fn found_across(files: &[(&str, &str)]) -> Vec<String> {
        across(&imports_of(files))
    }

    fn found_within(files: &[(&str, &str)]) -> Vec<String> {
        within(&imports_of(files))
    }

    #[test]
    fn a_circle_of_files_in_two_folders_is_found_with_its_imports() {
        let files = [("a/b.rs", "use crate::c::d::X;"), ("c/d.rs", "\nuse crate::a::b::Y;")];
        let text = "a, c:\n    src/a/b.rs:1: a/b.rs -> c/d.rs\n    src/c/d.rs:2: c/d.rs -> a/b.rs";
        assert_eq!(found_across(&files), [text]);
    }

    #[test]
    fn a_circle_of_folders_by_different_files_is_found() {
        let files = [("a/b.rs", "use crate::c::X;"), ("c/d.rs", "use crate::a::Y;"), A, C];
        assert_eq!(found_across(&files).len(), 1);
    }

    const A: (&str, &str) = ("a.rs", "pub struct Y;");
    const C: (&str, &str) = ("c.rs", "pub struct X;");

    #[test]
    fn a_circle_by_way_of_a_third_file_is_found() {
        let files =
            [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "crate::a::A")];
        assert_eq!(found_across(&files).len(), 1);
    }

    #[test]
    fn a_file_at_the_top_is_of_the_folder_of_its_name() {
        let files = [("a.rs", "mod b;\nfn f() { b::f() }"), ("a/b.rs", "use super::f;")];
        assert!(found_across(&files).is_empty());
    }

    #[test]
    fn a_root_that_uses_its_modules_closes_no_circle() {
        let files = [("main.rs", "mod a;\nfn f() { a::f() }"), ("a.rs", "use crate::f;")];
        assert!(found_across(&files).is_empty());
    }

    #[test]
    fn unit_tests_close_no_circle() {
        let tests = "pub struct X;\n#[cfg(test)]\nmod tests {\n    use crate::b::Y;\n}";
        assert!(found_across(&[("a.rs", tests), ("b.rs", "use crate::a::X;")]).is_empty());
    }

    #[test]
    fn a_circle_of_four_files_in_a_folder_is_found() {
        let files = [
            ("a/b.rs", "use super::c::C;"),
            ("a/c.rs", "use super::d::D;"),
            ("a/d.rs", "use super::e::E;"),
            ("a/e.rs", "use super::b::B;"),
        ];
        assert_eq!(found_within(&files).len(), 1);
    }

    #[test]
    fn a_circle_of_three_files_in_a_folder_is_no_finding() {
        let files = [
            ("a/b.rs", "use super::c::C;"),
            ("a/c.rs", "use super::d::D;"),
            ("a/d.rs", "use super::b::B;"),
        ];
        assert!(found_within(&files).is_empty());
    }

    #[test]
    fn two_circles_that_share_a_file_are_one() {
        let files = [
            ("a/b.rs", "use super::c::C;\nuse super::e::E;"),
            ("a/c.rs", "use super::d::D;"),
            ("a/d.rs", "use super::b::B;"),
            ("a/e.rs", "use super::b::B;"),
        ];
        assert_eq!(found_within(&files).len(), 1);
    }

    #[test]
    fn a_parent_that_gathers_its_children_closes_no_circle() {
        let files = [
            (
                "a.rs",
                "pub mod b;\npub mod c;\npub mod d;\npub struct Y;\nfn f() { b::X; c::Z; d::W }",
            ),
            ("a/b.rs", "use super::Y;"),
            ("a/c.rs", "use super::Y;"),
            ("a/d.rs", "use super::Y;"),
        ];
        assert!(found_within(&files).is_empty());
    }

    #[test]
    fn a_child_that_imports_its_parent_may_close_a_circle() {
        let files = [
            ("a/b.rs", "use super::c::C;"),
            ("a/c.rs", "use super::d::D;"),
            ("a/d.rs", "use super::b::e::E;"),
            ("a/b/e.rs", "use super::B;"),
        ];
        assert_eq!(found_within(&files).len(), 1);
    }
}
