//! The table of `unsafe` in `docs/UNSAFE.md` is that of the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// How many blocks, implementations and functions.
type Counts = [usize; 3];

const FORMS: [&str; 3] = ["unsafe {", "unsafe impl", "unsafe fn"];

fn counts(text: &str) -> Counts {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    FORMS.map(|form| text.lines().filter(code).map(|line| line.matches(form).count()).sum())
}

fn of_sources(folder: &Path, name: &str, found: &mut BTreeMap<String, Counts>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            of_sources(&path, &name, found);
        } else if counts(&fs::read_to_string(&path).unwrap()) != [0; 3] {
            found.insert(name, counts(&fs::read_to_string(&path).unwrap()));
        }
    }
}

fn of_table(table: &str) -> BTreeMap<String, Counts> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let file = cells.next()?.trim_end_matches('`').to_owned();
        let mut number = || cells.next()?.parse().ok();
        Some((file, [number()?, number()?, number()?]))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn the_table_of_unsafe_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    of_sources(&root.join("src"), "src", &mut found);
    let listed = of_table(&fs::read_to_string(root.join("docs/UNSAFE.md")).unwrap());
    assert_eq!(listed, found, "docs/UNSAFE.md, and what was found");
}

#[test]
fn the_count_sees_what_it_is_for() {
    let text = "// unsafe { }\nunsafe { a() };\nunsafe impl Send for A {}\npub unsafe fn b() {}\n";
    assert_eq!(counts(text), [1, 1, 1]);
    let table = "| file | blocks |\n| `src/a.rs` | 1 | 2 | 3 | what | by |\n";
    assert_eq!(of_table(table), BTreeMap::from([("src/a.rs".into(), [1, 2, 3])]));
}
