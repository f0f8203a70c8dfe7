//! Compares the library's public interface with the listing in `docs/api.txt`, or writes that anew.
//!
//! What isn't in the listing is no interface: a change of it is a change that its users may notice, and
//! is to be seen in a review. Exit code 0 if it is the same, 1 with the differences, 2 if it
//! couldn't be made.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const LISTING: &str = "docs/api.txt";

fn main() -> ExitCode {
    let bless = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--bless") => true,
        Some(other) => {
            eprintln!("api: there is no {other}: give --bless to write {LISTING} anew, or nothing");
            return ExitCode::from(2);
        }
    };
    match run(bless) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(bless: bool) -> Result<bool> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let found = listing(&project)?;
    let file = project.join(LISTING);
    if bless {
        fs::write(&file, found.iter().map(|item| format!("{item}\n")).collect::<String>())?;
        println!("{} items, written", found.len());
        return Ok(true);
    }
    let listed = fs::read_to_string(&file).map_err(|error| format!("{LISTING}: {error}"))?;
    let listed: Vec<_> = listed.lines().map(str::to_owned).collect();
    let gone = listed.iter().filter(|item| !found.contains(item)).map(|item| format!("- {item}"));
    let new = found.iter().filter(|item| !listed.contains(item)).map(|item| format!("+ {item}"));
    let differences: Vec<_> = gone.chain(new).collect();
    differences.iter().for_each(|difference| println!("{difference}"));
    println!("{} items, {} differences", found.len(), differences.len());
    if !differences.is_empty() {
        println!("if they are meant, `cargo api --bless` writes {LISTING} anew");
    }
    Ok(differences.is_empty())
}

/// One line for each public item, as rustdoc sees them.
fn listing(project: &Path) -> Result<Vec<String>> {
    let target = project.join("tests/api/target/doc-json");
    let mut command = Command::new(env!("CARGO"));
    // The format is the compiler's own, and so unstable; the listing is not.
    command.env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS").current_dir(project);
    command.args(["rustdoc", "--quiet", "--package", "mainspring", "--lib", "--all-features", "--target-dir"]);
    command.arg(&target).args(["--", "-Z", "unstable-options", "--output-format", "json"]);
    command.args(["--cap-lints", "allow"]);
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ").into());
    }
    let json = target.join("doc/mainspring.json");
    let api = public_api::Builder::from_rustdoc_json(json).omit_blanket_impls(true);
    let api = api.omit_auto_trait_impls(false).omit_auto_derived_impls(true).build()?;
    Ok(api.items().map(ToString::to_string).collect())
}
