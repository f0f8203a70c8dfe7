//! `cargo sanitize`: the stress scenarios under ThreadSanitizer, AddressSanitizer with LeakSanitizer, and
//! valgrind. `cargo sanitize thread` runs one of them.
//!
//! Each scenario is a program, and so is each bug of `planted.rs`, which must be reported. The standard
//! library comes as it is, not instrumented: what ThreadSanitizer therefore can't know stands in
//! `suppressions/thread.txt`, one by one, with the reason.

use mainspring_stress::program::Scenario;
use mainspring_stress::scenarios;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const HELP: &str = "\
Runs the stress scenarios under checkers, which must also report the bugs planted for them.

Usage: cargo sanitize [CHECKER...] [OPTIONS]

Checkers: thread, address, valgrind [default: all]

Options:
  --rounds N    how many rounds each scenario runs [default: 5, under valgrind 1]
  --seed N      the first round's seed [default: 1]
  --only NAME   only scenarios with this in their names
  --help        says this

Exit code 0 if all is well, 1 if something was found or a planted bug wasn't, 2 if it couldn't run.
";

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// What a checker's report makes the exit code.
const REPORTED: i32 = 66;
/// Far more than any program takes.
const LIMIT: Duration = Duration::from_secs(240);

#[derive(Clone, Copy)]
struct Checker {
    name: &'static str,
    /// The compiler's; none for valgrind.
    flags: &'static str,
    rounds: u64,
    bugs: &'static [&'static str],
    /// What its reports say.
    says: &'static [&'static str],
}

const CHECKERS: &[Checker] = &[
    Checker {
        name: "thread",
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
        rounds: 5,
        bugs: &["race-in-a-method", "race-by-a-relaxed-flag"],
        says: &["WARNING: ThreadSanitizer"],
    },
    Checker {
        name: "address",
        flags: "-Zsanitizer=address",
        rounds: 5,
        bugs: &["use-after-free", "leak"],
        says: &["ERROR: AddressSanitizer", "ERROR: LeakSanitizer"],
    },
    Checker {
        name: "valgrind",
        flags: "",
        rounds: 1,
        bugs: &["use-after-free", "leak", "uninitialised"],
        says: &["ERROR SUMMARY"],
    },
];

struct Plan {
    checkers: Vec<Checker>,
    rounds: Option<u64>,
    seed: u64,
    wanted: Vec<&'static Scenario>,
}

/// What was found.
#[derive(Default)]
struct Found {
    programs: usize,
    reports: usize,
    bugs: usize,
    bugs_seen: usize,
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let plan = match read() {
        Ok(Some(plan)) => plan,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sanitize: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    let mut found = Found::default();
    for checker in &plan.checkers {
        if let Err(error) = check(&plan, checker, &mut found) {
            eprintln!("sanitize: {error}");
            return ExitCode::from(2);
        }
    }
    println!(
        "{} checkers, {} programs, {} reports, {} of {} planted bugs found",
        plan.checkers.len(),
        found.programs,
        found.reports,
        found.bugs_seen,
        found.bugs
    );
    let is_well = found.reports == 0 && found.bugs_seen == found.bugs;
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read() -> Result<Option<Plan>, lexopt::Error> {
    use lexopt::prelude::*;
    let (mut checkers, mut rounds, mut seed, mut only) = (Vec::new(), None, 1, String::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => rounds = Some(parser.value()?.parse()?),
            Long("seed") => seed = parser.value()?.parse()?,
            Long("only") => only = parser.value()?.string()?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(None);
            }
            Value(name) => {
                let name = name.string()?;
                let checker = CHECKERS.iter().find(|checker| checker.name == name);
                checkers.push(*checker.ok_or(format!("{name:?} is no checker"))?);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if checkers.is_empty() {
        checkers = CHECKERS.to_vec();
    }
    let mut wanted = scenarios::named(&only);
    wanted.retain(|scenario| !scenario.is_native);
    if wanted.is_empty() {
        return Err(format!("--only {only:?}: there is no such scenario").into());
    }
    Ok(Some(Plan { checkers, rounds, seed, wanted }))
}

/// Builds for one checker, and runs everything under it.
fn check(plan: &Plan, checker: &Checker, found: &mut Found) -> Outcome<()> {
    let began = Instant::now();
    let folder = build(checker)?;
    let rounds = plan.rounds.unwrap_or(checker.rounds).to_string();
    let seed = plan.seed.to_string();
    let built = began.elapsed();
    for bug in checker.bugs {
        let ran = run(checker, &folder.join("planted"), &[bug])?;
        let is_seen = ran.is_report && ran.code == Some(REPORTED);
        found.bugs += 1;
        found.bugs_seen += usize::from(is_seen);
        if !is_seen {
            println!("{}: cannot see the planted {bug}:\n{}", checker.name, ran.said);
        }
    }
    // Nothing at all must be reported where nothing is planted.
    let none = run(checker, &folder.join("planted"), &["none"])?;
    if none.code != Some(0) {
        return Err(format!(
            "{} reports a program that does nothing:\n{}",
            checker.name, none.said
        )
        .into());
    }
    let mut reports = 0;
    for scenario in &plan.wanted {
        let arguments = ["--only", scenario.name, "--rounds", &rounds, "--seed", &seed];
        let limited = ["--seconds", "60"];
        let ran = run(checker, &folder.join("stress"), &[&arguments[..], &limited[..]].concat())?;
        found.programs += 1;
        if ran.code != Some(0) {
            reports += 1;
            println!("{} in {}:\n{}", checker.name, scenario.name, ran.said);
        }
    }
    found.reports += reports;
    println!(
        "{}: {} programs of {rounds} rounds, {reports} reports; built in {:.0} s, all in {:.0} s",
        checker.name,
        plan.wanted.len(),
        built.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Where the programs are.
fn build(checker: &Checker) -> Outcome<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => home.join("target"),
    };
    let target = target.join("sanitize").join(checker.name);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(home).env("CARGO_TARGET_DIR", &target);
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", checker.flags);
    cargo.args(["build", "--quiet", "--profile", "checked", "--bin", "stress", "--bin", "planted"]);
    match checker.flags {
        "" => need("valgrind", "install your system's package valgrind")?,
        _ => {
            need("llvm-symbolizer", "install your system's package llvm; suppressions need it")?;
            // The flags are unstable ones, and the sanitizers' runtimes come with the compiler.
            cargo.env("RUSTC_BOOTSTRAP", "1").args(["--target", TARGET]);
        }
    }
    let output = cargo.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "the programs for {} can't be built; it takes rustup's rustc for {TARGET}:\n{said}",
            checker.name
        )
        .into());
    }
    Ok(match checker.flags {
        "" => target.join("checked"),
        _ => target.join(TARGET).join("checked"),
    })
}

fn need(tool: &str, way: &str) -> Outcome<()> {
    match Command::new(tool).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(format!("{tool} can't be run: {way}").into()),
    }
}

/// What became of a program.
struct Ran {
    code: Option<i32>,
    is_report: bool,
    /// The last of it, if it is long.
    said: String,
}

fn run(checker: &Checker, program: &Path, arguments: &[&str]) -> Outcome<Ran> {
    let mut command = match checker.flags {
        "" => {
            let mut valgrind = Command::new("valgrind");
            // The main thread's handle, which the standard library keeps, is but possibly lost.
            valgrind.args(["--leak-check=full", "--errors-for-leak-kinds=definite"]);
            valgrind.args(["--show-leak-kinds=definite", "--fair-sched=yes"]);
            valgrind.arg(format!("--error-exitcode={REPORTED}")).arg(program);
            valgrind
        }
        _ => Command::new(program),
    };
    let suppressions = concat!(env!("CARGO_MANIFEST_DIR"), "/suppressions/thread.txt");
    let options = format!("suppressions={suppressions} exitcode={REPORTED} history_size=4");
    command.env("TSAN_OPTIONS", options);
    command.env("ASAN_OPTIONS", format!("exitcode={REPORTED} detect_leaks=1"));
    command.env("LSAN_OPTIONS", format!("exitcode={REPORTED}"));
    // Backtraces of panics that are meant would be symbolised in vain.
    command.env("RUST_BACKTRACE", "0").args(arguments);
    let output = limited(&mut command)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let is_report = checker.says.iter().any(|text| said.contains(text));
    let end: Vec<_> = said.lines().collect();
    let end = &end[end.len().saturating_sub(150)..];
    Ok(Ran { code: output.status.code(), is_report, said: end.join("\n") })
}

/// Ends a program that takes too long, by `timeout`, which every Linux has.
fn limited(command: &mut Command) -> Outcome<std::process::Output> {
    let mut timeout = Command::new("timeout");
    timeout.arg(LIMIT.as_secs().to_string()).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            timeout.env(name, value);
        }
    }
    Ok(timeout.stdin(Stdio::null()).output()?)
}
