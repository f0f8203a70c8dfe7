//! Breaking the shipped source on purpose, in a copy of the tree, one place at a time.
//!
//! Shared by the seeded bugs of the models and of the randomised schedules.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One place of the shipped source, and what stands there instead.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What is wrong then.
    pub name: &'static str,
    /// The file, from the project's root.
    pub file: &'static str,
    /// A text that occurs once.
    pub find: &'static str,
    pub replace: &'static str,
}

/// The parts that a model is built from. Everything else stays where it is.
const PARTS: [&str; 9] = [
    "Cargo.toml",
    "README.md",
    "src",
    "macros",
    "perf",
    "benches",
    "examples",
    "tests",
    "loom-tests",
];

/// Copies the sources.
pub fn copy(project: &Path, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    PARTS.iter().try_for_each(|part| copy_part(&project.join(part), &tree.join(part)))
}

fn copy_part(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        fs::create_dir_all(to.parent().ok_or("no parent")?)?;
        fs::copy(from, to)?;
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            copy_part(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

/// The file as it is shipped, which must hold the place once.
pub fn original(tree: &Path, place: Place) -> Result<String> {
    let original = fs::read_to_string(tree.join(place.file))?;
    if original.matches(place.find).count() != 1 {
        return Err(format!("{}: its text must occur once in {}", place.name, place.file).into());
    }
    Ok(original)
}

/// Runs `run` while that place is broken.
pub fn broken<R>(tree: &Path, place: Place, run: impl FnOnce() -> Result<R>) -> Result<R> {
    let file = tree.join(place.file);
    let original = original(tree, place)?;
    write(&file, &original.replace(place.find, place.replace))?;
    let result = run();
    write(&file, &original)?;
    result
}

/// Writes with a new time: cargo would take the last mutant's build for this one's.
fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)?;
    let file = fs::File::options().append(true).open(file)?;
    file.set_modified(SystemTime::now())?;
    Ok(())
}
