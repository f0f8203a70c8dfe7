//! A profile as TOML.

use super::{Profile, ProfileFailure, ProfileMachine, ProfileObject, ProfileRunner};
use crate::runner::wait::{SPIN_DEFAULT, WaitStrategy};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;

/// The longest sleep of `backoff`, where the file doesn't say.
const SLEEP_MAX_DEFAULT: Duration = Duration::from_millis(1);

/// What is looked at first: the rest of another schema may be anything.
#[derive(Deserialize)]
struct Head {
    schema: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    machine: Machine,
    #[serde(default, rename = "runner", skip_serializing_if = "Vec::is_empty")]
    runners: Vec<Row>,
    #[serde(default, rename = "object", skip_serializing_if = "Vec::is_empty")]
    objects: Vec<Object>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    fingerprint: String,
    summary: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Spanned<String>,
    #[serde(default)]
    cpus: Vec<usize>,
    wait: Spanned<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spin_us: Option<Spanned<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sleep_max_us: Option<Spanned<u64>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    name: Spanned<String>,
    runner: String,
}

/// Something wrong, and where.
type Wrong = (Range<usize>, String);

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Profile, ProfileFailure> {
    let malformed = |(span, message): Wrong| {
        let (line, column) = position(text, span.start);
        ProfileFailure::Malformed { line, column, message }
    };
    // Without a place it is about the whole file.
    let no_toml = |error: toml::de::Error| {
        malformed((error.span().unwrap_or_default(), error.message().into()))
    };
    let Head { schema } = toml::from_str(text).map_err(no_toml)?;
    if schema != Profile::SCHEMA {
        return Err(ProfileFailure::OtherSchema { found: schema });
    }
    let file: File = toml::from_str(text).map_err(no_toml)?;
    profile(file).map_err(malformed)
}

/// Line and column of a byte, both from 1 on; the column counts characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

fn profile(file: File) -> Result<Profile, Wrong> {
    no_twins("runner", file.runners.iter().map(|runner| &runner.name))?;
    no_twins("object", file.objects.iter().map(|object| &object.name))?;
    let runner = |row: Row| {
        let wait = strategy(&row)?;
        Ok(ProfileRunner { name: row.name.into_inner(), cpus: row.cpus, wait })
    };
    let object = |object: Object| {
        let name = object.name.into_inner();
        ProfileObject { name, runner: object.runner }
    };
    let Machine { fingerprint, summary } = file.machine;
    Ok(Profile {
        machine: ProfileMachine { fingerprint, summary },
        runners: file.runners.into_iter().map(runner).collect::<Result<_, Wrong>>()?,
        objects: file.objects.into_iter().map(object).collect(),
    })
}

fn no_twins<'a>(
    what: &str,
    mut names: impl Iterator<Item = &'a Spanned<String>>,
) -> Result<(), Wrong> {
    let mut seen = HashSet::new();
    let Some(twin) = names.find(|name| !seen.insert((*name).as_ref())) else { return Ok(()) };
    let name = twin.as_ref();
    let message = format!("a second {what} named {name:?}: leave one of them out, or rename it");
    Err((twin.span(), message))
}

/// The wait strategy of a row, and only the numbers that it takes.
fn strategy(row: &Row) -> Result<WaitStrategy, Wrong> {
    let time = |number: &Option<Spanned<u64>>, default: Duration| {
        number.as_ref().map_or(default, |micros| Duration::from_micros(*micros.as_ref()))
    };
    let spin = time(&row.spin_us, SPIN_DEFAULT);
    let sleep_max = time(&row.sleep_max_us, SLEEP_MAX_DEFAULT);
    let strategy = match row.wait.as_ref().as_str() {
        "spin" => WaitStrategy::Spin,
        "spin-then-yield" => WaitStrategy::SpinThenYield { spin },
        "backoff" => WaitStrategy::Backoff { sleep_max },
        "spin-then-park" => WaitStrategy::SpinThenPark { spin },
        "park" => WaitStrategy::Park,
        unknown => {
            let message = format!(
                "wait strategy {unknown:?} is unknown; give \"spin\", \"spin-then-yield\", \
                 \"backoff\", \"spin-then-park\" or \"park\""
            );
            return Err((row.wait.span(), message));
        }
    };
    let (takes_spin, takes_sleep) = match strategy {
        WaitStrategy::SpinThenYield { .. } | WaitStrategy::SpinThenPark { .. } => (true, false),
        WaitStrategy::Backoff { .. } => (false, true),
        WaitStrategy::Spin | WaitStrategy::Park => (false, false),
    };
    refuse("spin_us", &row.spin_us, takes_spin, strategy)?;
    refuse("sleep_max_us", &row.sleep_max_us, takes_sleep, strategy)?;
    Ok(strategy)
}

fn refuse(
    field: &str,
    number: &Option<Spanned<u64>>,
    is_taken: bool,
    strategy: WaitStrategy,
) -> Result<(), Wrong> {
    match number {
        Some(number) if !is_taken => {
            let name = strategy.name();
            let message = format!("{name:?} takes no {field}: leave it out, or wait otherwise");
            Err((number.span(), message))
        }
        _ => Ok(()),
    }
}

/// Writes a profile; budgets in whole microseconds, rounded up.
pub(super) fn write(profile: &Profile) -> String {
    let here = |text: &str| Spanned::new(0..0, text.to_owned());
    let micros = |time: Duration| {
        let micros = time.as_nanos().div_ceil(1000);
        // The largest number that TOML has.
        Spanned::new(0..0, u64::try_from(micros).unwrap_or(u64::MAX).min(i64::MAX as u64))
    };
    let row = |runner: &ProfileRunner| {
        let (spin_us, sleep_max_us) = match runner.wait {
            WaitStrategy::SpinThenYield { spin } | WaitStrategy::SpinThenPark { spin } => {
                (Some(micros(spin)), None)
            }
            WaitStrategy::Backoff { sleep_max } => (None, Some(micros(sleep_max))),
            WaitStrategy::Spin | WaitStrategy::Park => (None, None),
        };
        let (name, wait) = (here(&runner.name), here(runner.wait.name()));
        Row { name, cpus: runner.cpus.clone(), wait, spin_us, sleep_max_us }
    };
    let object =
        |object: &ProfileObject| Object { name: here(&object.name), runner: object.runner.clone() };
    let ProfileMachine { fingerprint, summary } = profile.machine.clone();
    let file = File {
        schema: Profile::SCHEMA.into(),
        machine: Machine { fingerprint, summary },
        runners: profile.runners.iter().map(row).collect(),
        objects: profile.objects.iter().map(object).collect(),
    };
    toml::to_string(&file).expect("strings and numbers that TOML has")
}
