//! Which versions of the rivals were built in, from the file that cargo built by.

use std::collections::BTreeMap;

const LOCK: &str = include_str!("../Cargo.lock");

/// Dependencies that the harness itself needs, and no rival.
const HARNESS: [&str; 11] = [
    "async-trait",
    "clap",
    "comfy-table",
    "core_affinity",
    "crossbeam-utils",
    "humantime",
    "indicatif",
    "libc",
    "mainspring-perf",
    "serde",
    "serde_json",
];

/// The versions of the rivals, of what they run on, and of ours.
pub fn all() -> BTreeMap<&'static str, &'static str> {
    let mut all = direct(LOCK, env!("CARGO_PKG_NAME"));
    all.retain(|name, _| !HARNESS.contains(name));
    all
}

/// The dependencies of a package, each with its version.
fn direct<'a>(lock: &'a str, of: &str) -> BTreeMap<&'a str, &'a str> {
    let mut versions = BTreeMap::new();
    let mut wanted: Vec<(&str, Option<&str>)> = Vec::new();
    for block in lock.split("[[package]]").skip(1) {
        let (Some(name), Some(version)) = (value(block, "name"), value(block, "version")) else {
            continue;
        };
        versions.entry(name).or_insert(version);
        if name == of {
            wanted = dependencies(block);
        }
    }
    // A dependency is named with its version where the lock file has several.
    let of = |(name, version): (&'a str, Option<&'a str>)| {
        Some((name, version.or_else(|| versions.get(name).copied())?))
    };
    wanted.into_iter().filter_map(of).collect()
}

fn value<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
    Some(line.trim_matches('"'))
}

fn dependencies(block: &str) -> Vec<(&str, Option<&str>)> {
    let lines = block.lines().skip_while(|line| *line != "dependencies = [").skip(1);
    let lines = lines.take_while(|line| *line != "]");
    let parts = lines.map(|line| line.trim().trim_end_matches(',').trim_matches('"'));
    parts.map(|text| text.split_once(' ').map_or((text, None), |(n, v)| (n, Some(v)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_s_dependencies_have_versions() {
        assert!(all().contains_key("rtrb"), "{:?}", all());
    }

    #[test]
    fn of_several_versions_the_one_that_is_named_counts() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"a\"\nversion = \"2.0.0\"\n\n\
                    [[package]]\nname = \"b\"\nversion = \"3.0.0\"\n\n\
                    [[package]]\nname = \"me\"\nversion = \"0.1.0\"\ndependencies = [\n \
                    \"a 2.0.0\",\n \"b\",\n]\n";
        assert_eq!(direct(lock, "me"), BTreeMap::from([("a", "2.0.0"), ("b", "3.0.0")]));
    }
}
