//! A benchmark of your own objects: the command's rounds, floors, planned loads and documents.
//!
//! ```no_run
//! use mainspring::active;
//! use mainspring_perf::run::harness::Bench;
//!
//! struct Account(i64);
//!
//! #[active]
//! impl Account {
//!     pub fn deposit(&mut self, cents: i64) -> i64 { self.0 += cents; self.0 }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let bench = Bench::new("account").calls("account/deposit", |engine| {
//!         let account = engine.spawn("account", || Account(0)).start()?;
//!         Ok(move || account.try_deposit(1))
//!     });
//!     bench.main()
//! }
//! ```
//!
//! The program takes the options of `mainspring bench`, prints the same table and writes the same
//! document, which `mainspring report` and `compare` read.

use crate::cli::{self, Parsed};
use crate::error::Error;
use crate::floors::spin;
use crate::lab::Lab;
use crate::lab::sample::Sample;
use crate::lab::scenario::{self, Scenario, scenario};
use crate::lab::settings::Settings;
use crate::run::plan::{Plan, ROUNDS_MAX};
use crate::run::session;
use crate::suites::loads::{self, Operation};
use clap::Parser;
use mainspring::Engine;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// The bare round trip, which comes first.
const FLOOR: &str = "floor/ping_pong";

/// Scenarios under one name; see the module.
pub struct Bench {
    name: String,
    make: Vec<Make>,
}

/// Scenarios depend on the settings.
type Make = Box<dyn Fn(&Settings) -> Vec<Scenario> + Send>;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    settings: Settings,
    /// Lists the scenarios without running them.
    #[arg(long)]
    list: bool,
}

impl Bench {
    /// Begins with no scenario but the machine's floor.
    pub fn new(name: &str) -> Self {
        let floor = |_: &Settings| vec![scenario(FLOOR, spin::ping_pong).two_cpus()];
        Self { name: name.into(), make: vec![Box::new(floor)] }
    }

    /// Adds calls of one object: one at a time, and under planned loads. `setup` makes the object on an
    /// engine with one runner, and returns what calls it.
    pub fn calls<R: 'static, A: 'static, O: Operation<R, A> + 'static>(
        mut self,
        id: &str,
        setup: impl Fn(&Engine) -> Result<O, Error> + Clone + Send + 'static,
    ) -> Self {
        let id = id.to_owned();
        self.make.push(Box::new(move |settings| {
            let setup = setup.clone();
            loads::scenarios(&id, settings, move |engine, _, _| setup(engine))
        }));
        self
    }

    /// Adds a scenario that measures in its own way, in about the time given. [`lab`](crate::lab) and
    /// [`floors`](crate::floors) have the building blocks.
    pub fn scenario(
        mut self,
        id: &str,
        measure: impl Fn(&Lab, Duration) -> Result<Sample, Error> + Clone + Send + 'static,
    ) -> Self {
        let id = id.to_owned();
        self.make.push(Box::new(move |_| vec![scenario(id.clone(), measure.clone())]));
        self
    }

    /// Reads the command line and runs. The exit code is 0 for success, 1 for an error, 2 for bad
    /// input, and 130 after Ctrl-C.
    pub fn main(self) -> ExitCode {
        cli::exit_code(self.run(std::env::args_os().collect()))
    }

    fn run(self, arguments: Vec<OsString>) -> Result<ExitCode, Error> {
        let command = cli::command_line(&self.name, &arguments);
        let options = match cli::parse::<Options>(arguments)? {
            Parsed::Options(options) => options,
            Parsed::Text(text) => return Ok(cli::print(&text)),
        };
        let settings = options.settings.with_file()?;
        if options.list {
            let ids = self.scenarios(&settings).into_iter().map(|scenario| scenario.id + "\n");
            return Ok(cli::print(&ids.collect::<String>()));
        }
        let taken = loads::PARAMETERS.iter().copied().filter(|name| *name != "stall-ms");
        let taken: Vec<_> = taken.collect();
        settings
            .takes_only("this benchmark", &taken, |_| format!("it has {}", taken.join(", ")))?;
        let plan = Plan::new(&self.name, settings, ROUNDS_MAX, command)?;
        let all = self.scenarios(&plan.settings);
        if scenario::select(all, &plan.only, plan.cpus.is_some()).is_empty() {
            let only = &plan.only;
            let why = format!("--only {only}: no scenario has this in its name; see --list");
            return Err(Error::Usage(why));
        }
        session::run(plan, move |settings| self.scenarios(settings), |_| Vec::new())
    }

    fn scenarios(&self, settings: &Settings) -> Vec<Scenario> {
        self.make.iter().flat_map(|make| make(settings)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::adder::Adder;

    fn bench() -> Bench {
        Bench::new("adder").calls("adder/add", |engine| {
            let adder = engine.spawn("adder", Adder::default).start()?;
            Ok(move || adder.try_add(1))
        })
    }

    fn run(arguments: &[&str]) -> Result<ExitCode, Error> {
        bench().run([&["adder"], arguments].concat().into_iter().map(Into::into).collect())
    }

    #[test]
    fn an_object_of_the_users_is_measured_in_every_way_and_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("adder.json");
        let path = file.to_str().unwrap();
        // Shares of what it can do: one that a busy machine doesn't reach is no failure.
        let code = run(&["--seconds", "1", "--json", path]).unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
        let document = crate::results::document::Document::read(&file).unwrap();
        assert_eq!(document.suite, "adder");
        let loads = document.scenarios.iter().filter_map(|scenario| scenario.load.as_ref());
        let arrivals: Vec<_> = loads.map(|load| load.arrivals.as_str()).collect();
        assert_eq!(arrivals, [&["poisson"; 6][..], &["fixed", "bursts"]].concat());
        let ids: Vec<_> = document.scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
        assert_eq!(ids[..3], ["floor/ping_pong", "adder/add/closed_loop", "adder/add/saturation"]);
    }

    #[test]
    fn what_is_not_there_is_refused_before_anything_runs() {
        let said = run(&["--only", "nobody"]).unwrap_err().to_string();
        assert!(said.contains("--only nobody"), "{said}");
        let said = run(&["--payload", "8"]).unwrap_err().to_string();
        assert!(said.starts_with("--payload: ") && said.contains("wait, rate"), "{said}");
        assert!(run(&["--sconds", "5"]).unwrap_err().to_string().contains("--sconds"));
    }
}
