//! The tree: packages, nodes, last-level caches, cores. Cores that are alike share a line on large
//! machines.

use super::Row;
use mainspring::list_of;

/// From this number of CPUs on, a line for each core would be a page or more.
const FOLDED_FROM: usize = 33;

/// The whole tree.
pub fn text(rows: &[Row]) -> String {
    let is_large = rows.len() >= FOLDED_FROM;
    let package = |rows: &[&Row]| {
        let name = format!("package {}", rows[0].package);
        joined(name, branches(rows, |row| row.node, |rows| node(rows, is_large)))
    };
    let all: Vec<_> = rows.iter().collect();
    let mut text = String::new();
    for package in branches(&all, |row| row.package, package) {
        text += &format!("{}\n", package.text);
        draw(&mut text, "", &package.below);
    }
    text
}

/// A line, and what is below it.
struct Branch {
    text: String,
    below: Vec<Branch>,
}

/// A branch and what is below it; on one line with an only one: most packages are one node, and on
/// large machines most caches one run of cores.
fn joined(text: String, mut below: Vec<Branch>) -> Branch {
    match (below.pop(), below.is_empty()) {
        (Some(only), true) => Branch { text: format!("{text}, {}", only.text), below: only.below },
        (last, _) => Branch { text, below: below.into_iter().chain(last).collect() },
    }
}

/// A branch for each group of rows with the same key.
fn branches(
    rows: &[&Row],
    key: impl Fn(&Row) -> usize,
    branch: impl Fn(&[&Row]) -> Branch,
) -> Vec<Branch> {
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| key(row));
    sorted.chunk_by(|one, next| key(one) == key(next)).map(branch).collect()
}

fn node(rows: &[&Row], is_large: bool) -> Branch {
    let below = branches(rows, |row| row.l3, |rows| cache(rows, is_large));
    Branch { text: format!("node {}", rows[0].node), below }
}

fn cache(rows: &[&Row], is_large: bool) -> Branch {
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|row| (row.core, row.cpu));
    let cores: Vec<&[&Row]> = sorted.chunk_by(|one, next| one.core == next.core).collect();
    let is_alike = |one: &&[&Row], next: &&[&Row]| is_large && shape(one) == shape(next);
    let runs = cores.chunk_by(is_alike);
    let leaf = |run: &[&[&Row]]| Branch { text: line(run), below: Vec::new() };
    joined(format!("L3 group {}", rows[0].l3), runs.map(leaf).collect())
}

/// What cores on one line have in common.
fn shape(core: &[&Row]) -> Vec<(&'static str, bool, bool, bool)> {
    let cpu = |row: &&Row| (row.class, row.is_allowed, row.is_isolated, row.is_nohz_full);
    core.iter().map(cpu).collect()
}

type Mark = (&'static str, fn(&Row) -> bool);

/// What is said of a CPU if it is so.
const MARKS: [Mark; 3] = [
    ("not allowed", |row| !row.is_allowed),
    ("isolated", |row| row.is_isolated),
    ("nohz_full", |row| row.is_nohz_full),
];

/// `cores 0-7: CPUs 0-7 and their siblings 128-135, isolated`.
fn line(run: &[&[&Row]]) -> String {
    let cores: Vec<_> = run.iter().map(|core| core[0].core).collect();
    let name = if cores.len() == 1 { "core" } else { "cores" };
    let rows: Vec<_> = run.iter().flat_map(|core| core.iter().copied()).collect();
    let mut text = format!("{name} {}: {}", list_of(&cores), cpus(run, &rows));
    if rows[0].class != "uniform" {
        text += &format!(", {}", rows[0].class);
    }
    for (name, is_marked) in MARKS {
        let marked: Vec<_> = rows.iter().filter(|row| is_marked(row)).map(|row| row.cpu).collect();
        match marked.len() {
            0 => {}
            count if count == rows.len() => text += &format!(", {name}"),
            _ => text += &format!(", {name}: {}", sorted(marked)),
        }
    }
    text
}

fn cpus(run: &[&[&Row]], rows: &[&Row]) -> String {
    let all = sorted(rows.iter().map(|row| row.cpu).collect());
    match run {
        [[_]] => format!("CPU {all}"),
        [_] => format!("CPUs {all}"),
        _ if run[0].len() == 1 => format!("CPUs {all}"),
        _ if run[0][0].cpu + 1 == run[0][1].cpu => format!("CPUs {all}, siblings side by side"),
        _ => {
            let firsts = sorted(run.iter().map(|core| core[0].cpu).collect());
            let others = run.iter().flat_map(|core| core[1..].iter().map(|row| row.cpu));
            format!("CPUs {firsts} and their siblings {}", sorted(others.collect()))
        }
    }
}

fn sorted(mut cpus: Vec<usize>) -> String {
    cpus.sort_unstable();
    list_of(&cpus)
}

fn draw(text: &mut String, before: &str, branches: &[Branch]) {
    for (place, branch) in branches.iter().enumerate() {
        let is_last = place + 1 == branches.len();
        let (here, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        *text += &format!("{before}{here}{}\n", branch.text);
        draw(text, &format!("{before}{below}"), &branch.below);
    }
}
