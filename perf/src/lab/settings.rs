//! The options of a run, from the command line or a file. The command line wins.

use crate::error::Error;
use crate::lab::arrivals::Arrivals;
use clap::{Args, ValueEnum};
use mainspring::WaitStrategy;
use serde::Deserialize;
use std::fmt::Display;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The payloads that have scenarios, in bytes: a request's size is fixed at compile time.
pub const PAYLOADS: [usize; 7] = [0, 8, 16, 32, 64, 128, 256];

/// Options of a run; the suite decides those that aren't given.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The suite, where a file names it.
    #[arg(skip)]
    pub suite: Option<String>,
    /// Reads these options from a TOML file, under the same names: `seconds = 60`, `rate = [1e5, 1e6]`.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// How long the run takes in total, roughly, in seconds [default: 20].
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// The CPUs of the caller and of the runner [default: the first two allowed].
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub cpus: Vec<usize>,
    /// Runs only scenarios whose name contains this, and the floors they are compared with.
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// How many requests fit into a mailbox [default: 1024].
    #[arg(long, value_name = "N")]
    pub capacity: Option<usize>,
    /// Writes every figure to this file.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub json: Option<PathBuf>,
    /// Adds the map that `latency-map --json` wrote on this machine to the document.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub latency_map: Option<PathBuf>,
    /// How runners wait; for `call`, `wake`, `open-loop`.
    #[arg(long, value_name = "STRATEGY", value_delimiter = ',', value_enum)]
    pub wait: Vec<Wait>,
    /// How many calls are in flight at once; for `call`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub window: Vec<usize>,
    /// How many bytes a request carries: 0, 8, 16, 32, 64, 128, 256; for `mailbox`.
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pub payload: Vec<usize>,
    /// How many threads send; for `fan-in`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub producers: Vec<usize>,
    /// How many objects there are; for `fan-out`, `scale`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub objects: Vec<usize>,
    /// How many runners there are; for `scale`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub runners: Vec<usize>,
    /// How many objects a request passes through; for `pipeline`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub stages: Vec<usize>,
    /// How long everything is idle before a wake-up, in microseconds; for `wake`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub idle_us: Vec<u64>,
    /// Planned requests a second; a rate that isn't reached fails the run; for `open-loop`.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub rate: Vec<f64>,
    /// How requests are spread over time; for `open-loop`.
    #[arg(long, value_name = "PLAN", value_delimiter = ',', value_enum)]
    pub arrivals: Vec<Arrivals>,
    /// How many requests a burst has [default: 32]; for `open-loop`.
    #[arg(long, value_name = "N")]
    pub burst: Option<u32>,
    /// Makes the servant stall once in each round, for so many milliseconds; for `open-loop`.
    #[arg(long, value_name = "N")]
    pub stall_ms: Option<u64>,
}

/// The wait strategies by their names, with their default budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Never gives up the CPU.
    Spin,
    /// Yields after a while.
    SpinThenYield,
    /// Sleeps longer each time.
    Backoff,
    /// Parks after a while: the default.
    SpinThenPark,
    /// Parks at once.
    Park,
}

impl Wait {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::SpinThenYield => "spin-then-yield",
            Self::Backoff => "backoff",
            Self::SpinThenPark => "spin-then-park",
            Self::Park => "park",
        }
    }

    /// With its default budget.
    pub fn strategy(self) -> WaitStrategy {
        let spin = mainspring::SPIN_DEFAULT;
        match self {
            Self::Spin => WaitStrategy::Spin,
            Self::SpinThenYield => WaitStrategy::SpinThenYield { spin },
            Self::Backoff => WaitStrategy::Backoff { sleep_max: Duration::from_millis(1) },
            Self::SpinThenPark => WaitStrategy::SpinThenPark { spin },
            Self::Park => WaitStrategy::Park,
        }
    }

    /// Whether both sides need a CPU of their own.
    pub fn spins(self) -> bool {
        self != Self::Park
    }
}

/// Fills in from the file what the command line left open.
macro_rules! fill {
    ($self:ident from $file:ident: options $($option:ident)+, lists $($list:ident)+) => {
        $($self.$option = $self.$option.or($file.$option);)+
        $(if $self.$list.is_empty() { $self.$list = $file.$list; })+
    };
}

impl Settings {
    /// Adds what the file says, if one is named.
    ///
    /// # Errors
    /// [`Error::Usage`] with line and column if it can't be used.
    pub fn with_file(mut self) -> Result<Self, Error> {
        let Some(path) = &self.config else { return Ok(self) };
        let file = read(path)?;
        fill!(self from file:
            options suite seconds only capacity burst stall_ms,
            lists cpus wait window payload producers objects runners stages idle_us rate arrivals);
        Ok(self)
    }

    /// The names of the parameters that only some suites take, of those given.
    pub fn given(&self) -> Vec<&'static str> {
        let lists = [
            ("wait", self.wait.is_empty()),
            ("window", self.window.is_empty()),
            ("payload", self.payload.is_empty()),
            ("producers", self.producers.is_empty()),
            ("objects", self.objects.is_empty()),
            ("runners", self.runners.is_empty()),
            ("stages", self.stages.is_empty()),
            ("idle-us", self.idle_us.is_empty()),
            ("rate", self.rate.is_empty()),
            ("arrivals", self.arrivals.is_empty()),
            ("burst", self.burst.is_none()),
            ("stall-ms", self.stall_ms.is_none()),
        ];
        lists.into_iter().filter(|(_, is_absent)| !is_absent).map(|(name, _)| name).collect()
    }

    /// Refuses a parameter that `who` would ignore, because it isn't one of these. `way_out` says who
    /// takes it.
    ///
    /// # Errors
    /// [`Error::Usage`] with the parameter.
    pub fn takes_only(
        &self,
        who: &str,
        taken: &[&str],
        way_out: impl Fn(&str) -> String,
    ) -> Result<(), Error> {
        match self.given().into_iter().find(|name| !taken.contains(name)) {
            Some(foreign) => {
                refuse(format!("--{foreign}: {who} has no such parameter; {}", way_out(foreign)))
            }
            None => Ok(()),
        }
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`Error::Usage`] with the value and the range.
    pub fn check(&self) -> Result<(), Error> {
        in_range("seconds", &self.seconds, 1..=3600)?;
        in_range("capacity", &self.capacity, 1..=1 << 20)?;
        in_range("window", &self.window, 1..=1 << 16)?;
        in_range("producers", &self.producers, 1..=64)?;
        in_range("objects", &self.objects, 1..=1_000_000)?;
        in_range("runners", &self.runners, 1..=256)?;
        in_range("stages", &self.stages, 1..=256)?;
        in_range("idle-us", &self.idle_us, 1..=1_000_000)?;
        in_range("rate", &self.rate, 1.0..=1e8)?;
        in_range("burst", &self.burst, 1..=1_000_000)?;
        in_range("stall-ms", &self.stall_ms, 1..=10_000)?;
        match self.payload.iter().find(|bytes| !PAYLOADS.contains(bytes)) {
            Some(bytes) => refuse(format!("--payload {bytes}: give some of {PAYLOADS:?}")),
            None => Ok(()),
        }
    }
}

/// These points, or those given.
pub fn points<T: Clone>(given: &[T], usual: &[T]) -> Vec<T> {
    if given.is_empty() { usual.to_vec() } else { given.to_vec() }
}

fn in_range<'a, T: PartialOrd + Display + 'a>(
    name: &str,
    values: impl IntoIterator<Item = &'a T>,
    range: RangeInclusive<T>,
) -> Result<(), Error> {
    match values.into_iter().find(|value| !range.contains(value)) {
        Some(value) => {
            let (least, most) = (range.start(), range.end());
            refuse(format!("--{name} {value}: give {least} to {most}"))
        }
        None => Ok(()),
    }
}

fn refuse<T>(why: String) -> Result<T, Error> {
    Err(Error::Usage(why))
}

fn read(path: &Path) -> Result<Settings, Error> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Error::Usage(format!("--config {shown}: {error}; give a TOML file with options of bench"))
    })?;
    toml::from_str(&text).map_err(|error| {
        let (line, column) = place(&text, error.span().map_or(0, |span| span.start));
        let why = error.message().replace('\n', " ");
        Error::Usage(format!("--config {shown}:{line}:{column}: {why}"))
    })
}

/// Line and column of a byte, counted from 1.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn read_text(text: &str) -> Result<Settings, String> {
        read(file(text).path()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_counts_more_than_the_file() {
        let file = file(
            "suite = \"call\"\nseconds = 60\nwindow = [1, 2]\nrate = [1e5]\nwait = [\"park\"]",
        );
        let config = Some(file.path().into());
        let settings =
            Settings { seconds: Some(5), window: vec![8], config, ..Settings::default() };
        let settings = settings.with_file().unwrap();
        assert_eq!((settings.seconds, settings.window.clone()), (Some(5), vec![8]));
        assert_eq!(
            (settings.suite.as_deref(), &settings.wait[..]),
            (Some("call"), &[Wait::Park][..])
        );
        assert_eq!(settings.given(), ["wait", "window", "rate"]);
    }

    #[test]
    fn a_bad_file_is_refused_with_line_and_column() {
        for (text, words) in [
            ("seconds = 5\nrate = [1e5", ":2:"),
            ("seconds = 5\nsconds = 6", ":2:1: unknown field `sconds`"),
            ("seconds = \"soon\"", ":1:11: invalid type"),
            ("wait = [\"sping\"]", "unknown variant `sping`"),
        ] {
            let said = read_text(text).unwrap_err();
            assert!(said.contains(words) && said.lines().count() == 1, "{said}");
        }
        let said = read(Path::new("/nowhere/at.toml")).unwrap_err().to_string();
        assert!(said.contains("/nowhere/at.toml") && said.contains("give a TOML file"), "{said}");
    }

    #[test]
    fn numbers_out_of_their_range_are_named_with_it() {
        let settings = Settings { rate: vec![10.0, f64::NAN], ..Settings::default() };
        assert_eq!(settings.check().unwrap_err().to_string(), "--rate NaN: give 1 to 100000000");
        let settings = Settings { payload: vec![8, 9], ..Settings::default() };
        assert!(
            settings.check().unwrap_err().to_string().starts_with("--payload 9: give some of [0")
        );
    }
}
