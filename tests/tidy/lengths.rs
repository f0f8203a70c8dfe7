//! A file is one sitting.

use crate::source::{Source, none, sources_of};

const LINES_MAX: usize = 450;

const FOLDERS: [&str; 3] = ["src", "macros/src", "perf/src"];

#[test]
fn no_file_is_longer_than_one_sitting() {
    let found = FOLDERS.into_iter().flat_map(|folder| too_long(&sources_of(folder)));
    none("files with more than 450 lines", found.collect());
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| source.lines.len() > LINES_MAX);
    long.map(|source| source.at(source.lines.len() - 1)).collect()
}

mod shown {
    use super::*;

    fn found(lines: usize) -> Vec<String> {
        too_long(&[Source::new("a.rs", &"x();\n".repeat(lines))])
    }

    #[test]
    fn a_file_of_451_lines_is_found() {
        assert_eq!(found(451), ["src/a.rs:451"]);
        assert!(found(450).is_empty());
    }
}
