//! Builds the fuzzer, shows that it finds a planted bug, and lets it loose on each target.
//!
//! Ends in one line, `N targets, N executions, 0 findings`; exit code 0, 1 with findings (or if the
//! planted bug isn't found), 2 if it couldn't run. `cargo-fuzz` isn't needed: the flags are its own.

use mainspring_fuzz::{CONTROL, TARGETS, Target};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What `cargo fuzz` passes to the compiler, but for `--cfg fuzzing`, which would build another library.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
    "-Zsanitizer=address",
];
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
/// How long the planted bug may hide.
const CONTROL_SECONDS: u64 = 30;
/// Seconds after which one input counts as a hang.
const HANG_SECONDS: u64 = 20;
/// Inputs that are kept in the repository for one target at most.
const KEPT_MAX: usize = 48;

fn main() -> ExitCode {
    let run = Plan::read().and_then(|plan| plan.run());
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fuzz-all: {}", error.to_string().replace('\n', " "));
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
struct Plan {
    seconds: u64,
    only: Vec<Target>,
    keeps: bool,
}

impl Plan {
    fn read() -> Result<Self> {
        let mut plan = Self { seconds: 60, only: TARGETS.to_vec(), keeps: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_default();
            match argument.as_str() {
                "--seconds" => {
                    let value = value();
                    let rule = format!("--seconds {value:?}: give a whole number of 1 or more");
                    plan.seconds = value.parse().ok().filter(|n| *n > 0).ok_or(rule)?;
                }
                "--only" => {
                    let value = value();
                    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                    plan.only.retain(|target| target.name == value);
                    if plan.only.is_empty() {
                        return Err(format!("--only {value:?}: give one of {names:?}").into());
                    }
                }
                "--keep" => plan.keeps = true,
                other => {
                    let rule = "give --seconds N (for each target; 60), --only TARGET, \
                                --keep (new inputs, in tests/fuzz/corpus)";
                    return Err(format!("{other:?}: {rule}").into());
                }
            }
        }
        Ok(plan)
    }

    fn run(&self) -> Result<bool> {
        let fuzzer = Fuzzer::build()?;
        let begun = Instant::now();
        if fuzzer.fuzz(&CONTROL, CONTROL_SECONDS)?.finding.is_none() {
            println!("the planted bug was not found in {CONTROL_SECONDS} s: nothing else counts");
            return Ok(false);
        }
        println!("control: the planted bug was found in {:.1} s", begun.elapsed().as_secs_f64());
        let (mut executions, mut findings) = (0, 0);
        for target in &self.only {
            let ran = fuzzer.fuzz(target, self.seconds)?;
            executions += ran.executions;
            println!("{}: {} executions, {} features", target.name, ran.executions, ran.features);
            if let Some(finding) = ran.finding {
                findings += 1;
                println!("{}", ran.output);
                println!("{}: FOUND {}", target.name, fuzzer.shrink(target, &finding)?.display());
            }
            if self.keeps {
                println!("{}: {} inputs are kept", target.name, fuzzer.keep(target)?);
            }
        }
        let count = self.only.len();
        println!("{count} targets, {executions} executions, {findings} findings");
        Ok(findings == 0)
    }
}

/// The program with the fuzzer in it, and where it works.
struct Fuzzer {
    program: PathBuf,
    scratch: PathBuf,
    project: PathBuf,
}

/// What came of one target.
struct Ran {
    executions: u64,
    features: u64,
    /// The input.
    finding: Option<PathBuf>,
    output: String,
}

impl Fuzzer {
    fn build() -> Result<Self> {
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let common = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let scratch = common.unwrap_or_else(|| project.join("target")).join("fuzz");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&project).args(["build", "--release", "--quiet"]);
        // With a target named, the flags don't reach build scripts and macros.
        cargo.args(["--target", TRIPLE, "--features", "libfuzzer", "--bin", "fuzz-one"]);
        cargo.env("CARGO_TARGET_DIR", &scratch).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS");
        cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
        let output = cargo.output().map_err(|error| format!("cargo could not be run: {error}"))?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "the fuzzer could not be built (it takes rustc for {TRIPLE}, and g++ for libFuzzer: \
                 on Debian `apt-get install g++`): {errors}"
            )
            .into());
        }
        let program = scratch.join(TRIPLE).join("release/fuzz-one");
        Ok(Self { program, scratch, project })
    }

    /// Every input that was ever of use here.
    fn grown(&self, target: &Target) -> Result<PathBuf> {
        made(self.scratch.join("corpus").join(target.name))
    }

    fn kept(&self, target: &Target) -> Result<PathBuf> {
        made(self.project.join("corpus").join(target.name))
    }

    fn command(&self, target: &Target) -> Command {
        let mut command = Command::new(&self.program);
        command.env("MAINSPRING_FUZZ", target.name).current_dir(&self.scratch);
        command.arg(format!("-max_len={}", target.bytes_max)).arg("-rss_limit_mb=4096");
        command.arg(format!("-timeout={HANG_SECONDS}")).env("RUST_BACKTRACE", "0");
        command
    }

    fn fuzz(&self, target: &Target, seconds: u64) -> Result<Ran> {
        let findings = self.scratch.join("findings").join(target.name);
        drop(fs::remove_dir_all(&findings));
        let findings = made(findings)?;
        let mut command = self.command(target);
        command.arg(self.grown(target)?);
        if target.name != CONTROL.name {
            command.arg(self.kept(target)?);
        }
        command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
        command.arg(format!("-artifact_prefix={}/", findings.display()));
        let Output { status, stderr, .. } = command.output()?;
        let output = String::from_utf8_lossy(&stderr).into_owned();
        fs::write(self.scratch.join(format!("{}.log", target.name)), &output)?;
        let finding = files(&findings)?.into_iter().next();
        if finding.is_none() && !status.success() {
            return Err(format!("{}: {status}, and left no input: {output}", target.name).into());
        }
        // The last status line says `#N … ft: N`.
        let number = |line: &str, before: &str| -> Option<u64> {
            line.split_once(before)?.1.split_whitespace().next()?.parse().ok()
        };
        let executions =
            output.lines().rev().find_map(|line| number(line, "stat::number_of_executed_units:"));
        let shown = output.lines().rev().find_map(|line| number(line, "#"));
        let features = output.lines().rev().find_map(|line| number(line, " ft: "));
        let executions = executions.or(shown).unwrap_or(0);
        Ok(Ran { executions, features: features.unwrap_or(0), finding, output: tail(&output) })
    }

    /// The smallest input found within a short time that shows the same.
    fn shrink(&self, target: &Target, finding: &Path) -> Result<PathBuf> {
        let folder = made(finding.with_extension("smaller"))?;
        let mut command = self.command(target);
        command.arg("-minimize_crash=1").arg("-max_total_time=20").arg(finding);
        command.arg(format!("-artifact_prefix={}/", folder.display()));
        command.output()?;
        let mut smaller = files(&folder)?;
        smaller.sort_by_key(|file| fs::metadata(file).map_or(u64::MAX, |data| data.len()));
        for file in smaller {
            // The fuzzer leaves some that show nothing.
            if !self.command(target).arg(&file).output()?.status.success() {
                return Ok(file);
            }
        }
        Ok(finding.to_owned())
    }

    /// Adds to the inputs in the repository those that reach what none of them does; returns how many there
    /// are.
    fn keep(&self, target: &Target) -> Result<usize> {
        let kept = self.kept(target)?;
        let old = files(&kept)?.len();
        let merged = self.scratch.join("merged");
        drop(fs::remove_dir_all(&merged));
        let merged = made(merged)?;
        let mut command = self.command(target);
        command.arg("-merge=1").arg("-set_cover_merge=1").arg(&merged).arg(self.grown(target)?);
        let output = command.output()?;
        if !output.status.success() {
            return Err(
                format!("merging failed: {}", String::from_utf8_lossy(&output.stderr)).into()
            );
        }
        let mut new = files(&merged)?;
        // Those that reach most tend to be the long ones.
        new.sort_by_key(|file| std::cmp::Reverse(fs::metadata(file).map_or(0, |data| data.len())));
        for file in new.iter().take(KEPT_MAX.saturating_sub(old)) {
            fs::copy(file, kept.join(file.file_name().ok_or("no name")?))?;
        }
        Ok(files(&kept)?.len())
    }
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// What a finding says, without the megabytes before it.
fn tail(output: &str) -> String {
    let is_said = |line: &&str| !line.trim_start().starts_with('#') && !line.is_empty();
    let lines: Vec<_> = output.lines().filter(is_said).collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
