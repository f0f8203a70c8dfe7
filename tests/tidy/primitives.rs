//! Protocols run on the primitives of `crate::sync`, so that the model checkers can replace them, and
//! on no clock that can be set.

use crate::source::{Source, code, has, is_import, none, sources, words};
use std::collections::BTreeSet;

/// Files that use the standard library's `Arc`, atomics or fences, which the model checker doesn't see.
const OWN_STD: &[(&str, &str)] = &[
    ("sync/native.rs", "these are the primitives"),
    ("sync/loom.rs", "those of the models"),
    ("sync/shuttle.rs", "those of the schedules"),
    ("sys.rs", "the kernel knows no other futex word"),
    ("engine/builder.rs", "a handle for the registry"),
    ("engine/handle.rs", "as there"),
    ("engine/launch.rs", "as there"),
    ("engine/registry.rs", "behind a mutex, off every protocol"),
    ("engine/spawn.rs", "a number in a static, and a handle for the registry"),
    ("engine/spawning.rs", "a handle for the registry"),
    ("object/registration.rs", "a handle for the registry"),
    ("object/failure/supervisor.rs", "handles of any type, as in the registry, behind a mutex"),
    ("model/object.rs", "the registry's side of an object"),
    ("model/supervised.rs", "as there"),
    ("testkit/clients.rs", "wakers must be shared, though one thread alone wakes them"),
    ("testkit/runners.rs", "a handle for the registry"),
    ("testkit/world.rs", "handles of the registry"),
    ("proxy/topic.rs", "subscribers have no size, which the checker's can't hold"),
];

/// The cfgs of the two model checkers' builds.
const BUILDS: [&str; 2] = ["mainspring_loom", "mainspring_shuttle"];

/// Files that may ask which build this is.
const CHOOSERS: &[(&str, &str)] = &[
    ("sync.rs", "it chooses the primitives"),
    ("sys.rs", "a futex that the models replace is dead code there"),
];

/// Names of the time of day: somebody may set it, so nothing may depend on it.
const SETTABLE_CLOCKS: [&str; 4] = ["SystemTime", "UNIX_EPOCH", "CLOCK_REALTIME", "gettimeofday"];

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
    assert_eq!(own.len(), OWN_STD.len(), "a file of the list is gone");
}

#[test]
fn the_library_knows_no_clock_that_can_be_set() {
    none("a clock that can be set", sources().iter().flat_map(settable_clocks).collect());
}

/// Lines that ask whether this is a model checker's build.
fn asking(source: &Source) -> Vec<String> {
    if has(CHOOSERS, &source.name) {
        return Vec::new();
    }
    let asks = |line: &str| BUILDS.iter().any(|build| line.contains(build));
    let mut asking = source.bad(asks);
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

/// Places that name a primitive which a model checker must replace, but not through `crate::sync`.
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
    lines.filter(|line| is_foreign(&statement(source, *line))).map(|line| source.at(line)).collect()
}

/// The `use` that begins on this line, to its semicolon; else the line.
fn statement(source: &Source, line: usize) -> String {
    let first = code(&source.lines[line]);
    let is_open = |line: &&String| is_import(first) && !code(line).contains(';');
    let open = source.lines[line..].iter().take_while(is_open).count();
    let lines = &source.lines[line..source.lines.len().min(line + open + 1)];
    lines.iter().map(|line| code(line)).collect::<Vec<_>>().join(" ")
}

fn settable_clocks(source: &Source) -> Vec<String> {
    source.bad(|line| words(line).any(|word| SETTABLE_CLOCKS.contains(&word)))
}

mod shown {
    use super::*;

    fn asking_in(name: &str, text: &str) -> Vec<String> {
        asking(&Source::new(name, text))
    }

    fn foreign_in(text: &str) -> Vec<String> {
        foreign(&Source::new("a.rs", text))
    }

    const GATE: &str = "#[cfg(mainspring_loom)]\n#[allow(unsafe_code)] // why\npub mod model;\n";

    #[test]
    fn a_question_for_the_build_is_found() {
        let text = "// cfg(mainspring_loom)\n#[cfg(not(mainspring_loom))]\nx();\n";
        assert_eq!(asking_in("a.rs", text), ["src/a.rs:2: #[cfg(not(mainspring_loom))]"]);
        assert_eq!(asking_in("a.rs", "#[cfg(mainspring_shuttle)]\nx();\n").len(), 1);
    }

    #[test]
    fn an_attribute_that_depends_on_the_build_is_found() {
        let text = "#[cfg_attr(mainspring_loom, allow(dead_code))]\n";
        assert_eq!(asking_in("a.rs", text).len(), 1);
        assert!(asking_in("sys.rs", text).is_empty());
    }

    #[test]
    fn one_module_alone_is_of_the_models() {
        assert!(asking_in("lib.rs", GATE).is_empty());
        let second = format!("{GATE}#[cfg(mainspring_loom)]\nmod more;\n");
        assert_eq!(asking_in("lib.rs", &second), ["src/lib.rs:4: #[cfg(mainspring_loom)]"]);
        assert_eq!(asking_in("lib.rs", "#[cfg(mainspring_loom)]\nmod more;\n").len(), 1);
    }

    #[test]
    fn a_primitive_from_elsewhere_is_found() {
        for text in [
            "use std::sync::Arc;",
            "use std::sync::{Mutex, Arc};",
            "use std::sync::atomic::{\n    AtomicU64,\n    Ordering,\n};",
            "use std::{fmt, sync::atomic::fence};",
            "let a: core::sync::atomic::AtomicU8;",
            "use loom::sync::Arc;",
        ] {
            assert_eq!(foreign_in(text), ["src/a.rs:1"], "{text}");
        }
    }

    #[test]
    fn a_primitive_of_the_crate_is_no_finding() {
        let text = "use std::sync::Mutex;\nuse crate::sync::{Arc, fence};\n\
                    use std::sync::atomic::Ordering::Acquire;\n";
        assert!(foreign_in(text).is_empty());
    }

    #[test]
    fn a_clock_that_can_be_set_is_found() {
        let source = Source::new("a.rs", "let now = std::time::SystemTime::now();\n");
        assert_eq!(settable_clocks(&source).len(), 1);
    }
}
