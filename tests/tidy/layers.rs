//! The folders of a crate are layers, from the top down: a file imports from its own layer, from lower
//! ones and from the ground. The ground imports from the ground alone.

use crate::imports::{Import, imports};
use crate::source::{none, read, sources_of};

/// How the folders of a crate lie on each other.
pub struct House {
    pub folder: &'static str,
    /// From the top down, each with what it is for. Names in one row import nothing of each other.
    pub layers: &'static [(&'static [&'static str], &'static str)],
    /// What every layer may import.
    pub ground: &'static [&'static str],
    /// Imports that point upward all the same: from, to, and why.
    pub exempt: &'static [(&'static str, &'static str, &'static str)],
}

pub const LIBRARY: House = House {
    folder: "src",
    layers: &[
        (&["testkit", "model"], "whole engines on one thread; models for the checkers"),
        (&["engine"], "runners and objects: made, named, found, stopped"),
        (&["proxy"], "what a caller holds"),
        (&["object"], "one active object: servant, state shared with callers, failures"),
        (&["reply"], "where an answer meets its caller"),
        (&["runner"], "the step, its drivers, how they wait and are woken"),
        (&["mailbox"], "the rings"),
        (&["machine"], "CPUs, and how a thread is bound to one"),
    ],
    ground: &["sync", "sys", "event", "panics"],
    exempt: &[(
        "object/active.rs",
        "proxy/proxy.rs",
        "a bound of the public trait `Active`, which the proxies name in turn",
    )],
};

const COMMAND: House = House {
    folder: "perf/src",
    layers: &[
        (&["run"], "how a run is made: planned, measured, summarized"),
        (&["suites"], "what the library is measured with"),
        (&["tune"], "finds a placement, and proves it"),
        (&["results"], "the document of a run, and all that reads it"),
        (&["machine"], "what the machine does to a measurement"),
        (&["floors"], "minimal programs that do the same work without the library"),
        (&["lab"], "what every measurement works with"),
    ],
    ground: &["cli", "error", "format", "json", "stats"],
    exempt: &[],
};

pub const HOUSES: [House; 2] = [LIBRARY, COMMAND];

#[test]
fn a_file_imports_from_its_own_layer_lower_ones_and_the_ground() {
    let found = HOUSES.iter().flat_map(|house| upward(house, &imports(&sources_of(house.folder))));
    none("imports that point upward", found.collect());
}

#[test]
fn each_exempted_import_exists() {
    none("exempted, and not there", HOUSES.iter().flat_map(idle).collect());
}

#[test]
fn the_root_declares_the_layers_from_the_top_down() {
    let found = HOUSES.iter().flat_map(|house| {
        let root = format!("{}/lib.rs", house.folder);
        out_of_order(house, &read(&root)).map(|found| format!("{root}: {found}"))
    });
    none("layers declared in another order", found.collect());
}

/// Exemptions that no import needs.
fn idle(house: &House) -> Vec<String> {
    let imports = imports(&sources_of(house.folder));
    let is_needed = |from, to| imports.iter().any(|import| import.from == from && import.to == to);
    let idle = house.exempt.iter().filter(|(from, to, _)| !is_needed(*from, *to));
    idle.map(|(from, to, _)| format!("{from} -> {to}")).collect()
}

/// The first folder of a file's path; of a file at the top, its name.
pub fn folder(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

impl House {
    /// The number of a file's layer, from the top.
    pub fn layer(&self, file: &str) -> Option<usize> {
        self.layers.iter().position(|(folders, _)| folders.contains(&folder(file)))
    }

    pub fn is_ground(&self, file: &str) -> bool {
        self.ground.contains(&folder(file))
    }

    pub fn is_exempt(&self, import: &Import) -> bool {
        self.exempt.iter().any(|(from, to, _)| *from == import.from && *to == import.to)
    }

    fn allows(&self, import: &Import) -> bool {
        if matches!(import.from.as_str(), "lib.rs" | "main.rs") || self.is_ground(&import.to) {
            return true;
        }
        match (self.layer(&import.from), self.layer(&import.to)) {
            (Some(from), Some(to)) => from < to || folder(&import.from) == folder(&import.to),
            _ => false,
        }
    }
}

/// The layers as a root declares them, if not from the top down.
fn out_of_order<'a>(house: &House, root: &'a str) -> Option<String> {
    let name = |line: &'a str| Some(line.strip_suffix(';')?.rsplit_once("mod ")?.1);
    let layers: Vec<_> = house.layers.iter().flat_map(|(folders, _)| *folders).collect();
    let declared = root.lines().filter_map(name).filter(|name| layers.contains(&name));
    let declared: Vec<_> = declared.collect();
    (!declared.iter().eq(layers)).then(|| declared.join(", "))
}

/// Imports that a layer must not have, and files that belong to none.
fn upward(house: &House, imports: &[Import]) -> Vec<String> {
    let found = imports.iter().filter(|import| !house.allows(import) && !house.is_exempt(import));
    found.map(|import| format!("{}: {} -> {}", import.at, import.from, import.to)).collect()
}

mod shown {
    use super::*;
    use crate::source::Source;

    const SMALL: House = House {
        folder: "src",
        layers: &[(&["roof", "tower"], ""), (&["room"], ""), (&["cellar"], "")],
        ground: &["soil", "rock"],
        exempt: &[("cellar/pipe.rs", "roof/gutter.rs", "rain")],
    };

    /// What is found in a file that imports an item of another one.
    fn found(from: &str, to: &str) -> usize {
        let path = to.trim_end_matches(".rs").replace('/', "::");
        let text = format!("use crate::{path}::Item;");
        let sources = [Source::new(from, &text), Source::new(to, "pub struct Item;")];
        upward(&SMALL, &imports(&sources)).len()
    }

    #[test]
    fn an_import_of_an_upper_layer_is_found() {
        assert_eq!(found("cellar/pipe.rs", "room/door.rs"), 1);
        assert_eq!(found("room.rs", "roof.rs"), 1);
    }

    #[test]
    fn an_upward_path_in_code_is_found() {
        let text = "fn f() {\n    crate::roof::Item::new();\n}";
        let sources = [Source::new("cellar.rs", text), Source::new("roof.rs", "pub struct Item;")];
        let found = upward(&SMALL, &imports(&sources));
        assert_eq!(found, ["src/cellar.rs:2: cellar.rs -> roof.rs"]);
    }

    #[test]
    fn an_upward_import_by_super_is_found() {
        let text = "use super::super::roof::{\n    Item,\n};";
        let sources = [Source::new("room/a.rs", text), Source::new("roof.rs", "pub struct Item;")];
        assert_eq!(upward(&SMALL, &imports(&sources)), ["src/room/a.rs:2: room/a.rs -> roof.rs"]);
    }

    #[test]
    fn an_upward_import_through_a_re_export_is_found() {
        let sources = [
            Source::new("cellar.rs", "use crate::Item;"),
            Source::new("lib.rs", "pub use roof::Item;"),
            Source::new("roof.rs", "pub struct Item;"),
        ];
        assert_eq!(upward(&SMALL, &imports(&sources)).len(), 1);
    }

    #[test]
    fn an_import_of_a_neighbour_in_the_same_row_is_found() {
        assert_eq!(found("roof/gutter.rs", "tower/stair.rs"), 1);
    }

    #[test]
    fn an_import_from_the_ground_upward_is_found() {
        assert_eq!(found("rock.rs", "cellar/pipe.rs"), 1);
    }

    #[test]
    fn a_file_that_belongs_to_no_layer_is_found() {
        assert_eq!(found("attic/box.rs", "cellar/pipe.rs"), 1);
        assert_eq!(found("room/door.rs", "attic/box.rs"), 1);
    }

    #[test]
    fn imports_of_the_own_layer_lower_ones_and_the_ground_are_no_finding() {
        assert_eq!(found("room/door.rs", "room/window.rs"), 0);
        assert_eq!(found("room/door.rs", "room.rs"), 0);
        assert_eq!(found("roof/gutter.rs", "cellar/pipe.rs"), 0);
        assert_eq!(found("cellar/pipe.rs", "soil/deep.rs"), 0);
        assert_eq!(found("soil.rs", "rock.rs"), 0);
    }

    #[test]
    fn layers_declared_in_another_order_are_found() {
        let root = "mod tower;\npub mod roof;\nmod room;\nmod cellar;\nmod soil;\n";
        assert_eq!(out_of_order(&SMALL, root).unwrap(), "tower, roof, room, cellar");
        assert!(out_of_order(&SMALL, "mod roof;\nmod tower;\nmod room;\nmod cellar;").is_none());
    }

    #[test]
    fn an_exemption_is_for_one_pair_of_files() {
        assert_eq!(found("cellar/pipe.rs", "roof/gutter.rs"), 0);
        assert_eq!(found("cellar/pipe.rs", "roof/tile.rs"), 1);
    }
}
