//! Each ordering says why it is what it is, and each label has both its sides.

use crate::source::{Source, code, comment, is_import, none, quoted, read, sources, words};
use std::collections::{BTreeMap, BTreeSet};

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// How far above an ordering its comment may be, inside the same paragraph of the same function.
/// A comment of four lines and a statement of a few fit; the next function's don't.
const COMMENT_REACH: usize = 10;

/// Labels whose two sides are one line of code, run by two threads.
const OWN_PARTNER: &[&str] = &["mpsc.producers"];

/// The place of a label, and the ordering that it belongs to.
type Place = (String, String);

type Labels = BTreeMap<String, Vec<Place>>;

#[test]
fn every_ordering_label_has_both_sides() {
    let labels = labels(&sources());
    none("labels with one side only", one_sided(&labels));
    assert!(OWN_PARTNER.iter().all(|label| labels.contains_key(*label)), "{OWN_PARTNER:?}");
}

#[test]
fn every_ordering_says_why() {
    none("orderings without a reason", sources().iter().flat_map(unexplained).collect());
}

#[test]
fn the_table_of_pairs_is_complete() {
    let text = read("docs/ARCHITECTURE.md");
    let sources = sources();
    let used: BTreeSet<_> = labels(&sources).into_keys().collect();
    assert_eq!(used, documented(&text), "left: in src; right: in docs/ARCHITECTURE.md");
    none("no such methods", missing_methods(&text, &sources));
}

fn orderings_in(text: &str) -> Vec<&str> {
    words(text).filter(|word| ORDERINGS.contains(word)).collect()
}

/// The comments, each with its first line: neighbouring comment lines are one.
fn comments(source: &Source) -> Vec<(usize, String)> {
    let mut comments: Vec<(usize, String)> = Vec::new();
    let mut is_inside = false;
    for (number, line) in source.shipped().iter().enumerate() {
        let Some(text) = comment(line) else {
            is_inside = false;
            continue;
        };
        match comments.last_mut().filter(|_| is_inside) {
            Some((_, whole)) => *whole = format!("{whole} {text}"),
            None => comments.push((number, text.into())),
        }
        is_inside = true;
    }
    comments
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

/// All labels, each with its places.
fn labels(sources: &[Source]) -> Labels {
    let mut labels = Labels::new();
    for source in sources {
        for (line, comment) in comments(source) {
            for (label, ordering) in labels_in(&comment) {
                let place = (source.at(line), ordering.to_owned());
                labels.entry(label.into()).or_default().push(place);
            }
        }
    }
    labels
}

/// Labels of which one side is missing.
fn one_sided(labels: &Labels) -> Vec<String> {
    let releases = |ordering: &str| matches!(ordering, "Release" | "AcqRel");
    let acquires = |ordering: &str| matches!(ordering, "Acquire" | "AcqRel");
    // Two places: a comment that names its own partner is still one side.
    let pair = |(here, one): &Place, (there, other): &Place| {
        here != there && (releases(one) && acquires(other) || one == "SeqCst" && other == "SeqCst")
    };
    let has_pair = |at: &[Place]| at.iter().any(|one| at.iter().any(|other| pair(one, other)));
    let others = labels.iter().filter(|(label, _)| !OWN_PARTNER.contains(&label.as_str()));
    let show = |at: &[Place]| {
        let places: Vec<_> = at.iter().map(|(at, ordering)| format!("{at} ({ordering})")).collect();
        places.join(", ")
    };
    let found = others.filter(|(_, at)| !has_pair(at));
    found.map(|(label, at)| format!("[{label}]: {}", show(at))).collect()
}

/// Orderings that no comment just above names.
fn unexplained(source: &Source) -> Vec<String> {
    let mut unexplained = Vec::new();
    let mut is_use = false;
    for (number, line) in source.shipped().iter().enumerate() {
        is_use |= is_import(line);
        if is_use {
            is_use = !code(line).contains(';');
            continue;
        }
        let named = named_above(source, number);
        let unnamed = orderings_in(code(line)).into_iter().filter(|it| !named.contains(it));
        unexplained.extend(unnamed.map(|ordering| format!("{}: {ordering}", source.at(number))));
    }
    unexplained
}

/// The orderings that the comments above a line name.
fn named_above(source: &Source, number: usize) -> BTreeSet<&str> {
    let is_edge =
        |line: &&String| line.trim().is_empty() || words(code(line)).any(|word| word == "fn");
    let above = source.shipped()[..number].iter().rev().take(COMMENT_REACH);
    let above = above.take_while(|line| !is_edge(line));
    above.filter_map(|line| comment(line)).flat_map(orderings_in).collect()
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

/// The methods in the table of pairs that no file defines.
fn missing_methods(text: &str, sources: &[Source]) -> Vec<String> {
    let exists = |method: &str| {
        let name = format!("fn {method}");
        sources.iter().any(|source| source.lines.iter().any(|line| line.contains(&name)))
    };
    let methods = quoted(pairs(text)).filter_map(|name| name.split_once("::"));
    let missing = methods.filter(|(_, method)| !exists(method));
    missing.map(|(owner, method)| format!("{owner}::{method}")).collect()
}

mod shown {
    use super::*;

    fn unexplained_in(text: &str) -> Vec<String> {
        unexplained(&Source::new("a.rs", text))
    }

    fn one_sided_in(text: &str) -> Vec<String> {
        one_sided(&labels(&[Source::new("a.rs", text)]))
    }

    #[test]
    fn a_label_with_one_side_is_found() {
        let text = "// Release [a.b]: carries it\n// to [a.c].\nx();\n// Acquire [a.c]: sees it.\n";
        assert_eq!(one_sided_in(text), ["[a.b]: src/a.rs:1 (Release)"]);
    }

    #[test]
    fn two_releases_are_one_side() {
        let text = "// Release [a.b]: one\nx();\n// Release [a.b]: two\n";
        assert_eq!(one_sided_in(text).len(), 1);
    }

    #[test]
    fn a_relaxed_access_is_no_side() {
        let text = "// AcqRel [a.b]: one\nx();\n// Relaxed [a.b]: two\n";
        assert_eq!(one_sided_in(text).len(), 1);
    }

    #[test]
    fn a_comment_that_names_its_partner_is_one_side() {
        let text = "// Release [a.b]: one; pairs with the Acquire [a.b] in `x`.\n";
        assert_eq!(one_sided_in(text).len(), 1);
    }

    #[test]
    fn a_fence_pairs_only_with_a_fence() {
        let text = "// SeqCst [a.b]: one\nx();\n// Acquire [a.b]: two\n";
        assert_eq!(one_sided_in(text).len(), 1);
    }

    #[test]
    fn both_sides_in_two_places_are_a_pair() {
        assert!(one_sided_in("// SeqCst [a.b]: one\nx();\n// SeqCst [a.b]: two\n").is_empty());
        assert!(one_sided_in("// AcqRel [a.b]: one\nx();\n// AcqRel [a.b]: two\n").is_empty());
    }

    #[test]
    fn an_ordering_without_a_comment_is_found() {
        let text = "use x::Acquire;\nlet a = b.load(Acquire);\n";
        assert_eq!(unexplained_in(text), ["src/a.rs:2: Acquire"]);
    }

    #[test]
    fn an_ordering_that_the_comment_leaves_out_is_found() {
        let text = "// Acquire: sees it.\nb.compare_exchange(0, 1, Acquire, Relaxed);\n";
        assert_eq!(unexplained_in(text), ["src/a.rs:2: Relaxed"]);
    }

    #[test]
    fn a_comment_in_another_function_explains_nothing() {
        let text =
            "fn a() {\n    // Acquire: sees it.\n    x();\n}\nfn b() {\n    c.load(Acquire);\n}\n";
        assert_eq!(unexplained_in(text), ["src/a.rs:6: Acquire"]);
    }

    #[test]
    fn a_comment_in_another_paragraph_explains_nothing() {
        let text = "// Acquire: sees it.\nx();\n\nc.load(Acquire);\n";
        assert_eq!(unexplained_in(text), ["src/a.rs:4: Acquire"]);
    }

    #[test]
    fn an_import_needs_no_reason() {
        assert!(unexplained_in("use x::{\n    Acquire,\n    Release,\n};\n").is_empty());
    }

    #[test]
    fn unit_tests_need_no_reason() {
        assert!(unexplained_in("#[cfg(test)]\nmod tests {\n    b.load(Acquire);\n}\n").is_empty());
        let only_use = "#[cfg(test)]\nuse x;\nb.load(Acquire);\n";
        assert_eq!(unexplained_in(only_use), ["src/a.rs:3: Acquire"]);
    }

    #[test]
    fn labels_are_read_from_the_table_alone() {
        let text =
            "| `not.yet` |\n## Ordering pairs\n| pair |\n| `a.b` | `X::y` |\n## Next\n| `c.d` |";
        assert_eq!(documented(text).into_iter().collect::<Vec<_>>(), ["a.b"]);
    }

    #[test]
    fn a_method_of_the_table_that_is_gone_is_found() {
        let text = "## Ordering pairs\n| `a.b` | `X::here` | `X::gone` |\n";
        let sources = [Source::new("a.rs", "fn here() {}\n")];
        assert_eq!(missing_methods(text, &sources), ["X::gone"]);
    }
}
