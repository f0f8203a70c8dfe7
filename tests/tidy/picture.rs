//! The picture of the layers in `docs/ARCHITECTURE.md` is drawn from the imports.

use crate::imports::{Import, imports};
use crate::layers::{House, LIBRARY, folder};
use crate::source::{read, sources_of};
use std::collections::BTreeSet;

/// An arrow from each layer to each lower one that it imports from, in the order of the layers. The
/// ground is left out, as every layer uses it.
fn drawn(house: &House, imports: &[Import]) -> String {
    let arrow = |import: &Import| {
        let (from, to) = (house.layer(&import.from)?, house.layer(&import.to)?);
        let (upper, lower) = (folder(&import.from).to_owned(), folder(&import.to).to_owned());
        (from < to).then_some((from, upper, to, lower))
    };
    let arrows: BTreeSet<_> = imports.iter().filter_map(arrow).collect();
    let lines = arrows.iter().map(|(_, upper, _, lower)| format!("  {upper} --> {lower}\n"));
    format!("```mermaid\nflowchart TD\n{}```", lines.collect::<String>())
}

#[test]
fn the_picture_of_the_layers_is_that_of_the_imports() {
    let drawn = drawn(&LIBRARY, &imports(&sources_of(LIBRARY.folder)));
    let text = read("docs/ARCHITECTURE.md");
    assert!(text.contains(&drawn), "docs/ARCHITECTURE.md, section Layers, should have:\n{drawn}");
}

mod shown {
    use super::*;

    const SMALL: House = House {
        folder: "src",
        layers: &[(&["roof", "tower"], ""), (&["room"], ""), (&["cellar"], "")],
        ground: &["soil"],
        exempt: &[],
    };

    #[test]
    fn arrows_point_downward_once_and_leave_the_ground_out() {
        let import = |(from, to): (&str, &str)| Import {
            from: from.into(),
            to: to.into(),
            at: String::new(),
        };
        let imports = [
            ("tower/a.rs", "cellar.rs"),
            ("room/a.rs", "cellar/a.rs"),
            ("room/b.rs", "cellar/a.rs"),
            ("roof/a.rs", "roof/b.rs"),
            ("cellar/a.rs", "room/a.rs"),
            ("room/a.rs", "soil.rs"),
        ];
        let imports: Vec<_> = imports.into_iter().map(import).collect();
        let expected = "```mermaid\nflowchart TD\n  tower --> cellar\n  room --> cellar\n```";
        assert_eq!(drawn(&SMALL, &imports), expected);
    }
}
