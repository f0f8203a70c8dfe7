//! A benchmark of your own object: `cargo run --release --example own_object`.
//!
//! Takes the options of `mainspring bench open-loop`, and `--json` for `mainspring report` and `compare`.

use mainspring::active;
use mainspring_perf::run::harness::Bench;
use std::process::ExitCode;

struct Account(i64);

#[active]
impl Account {
    pub fn deposit(&mut self, cents: i64) -> i64 {
        self.0 += cents;
        self.0
    }
}

fn main() -> ExitCode {
    let bench = Bench::new("account").calls("account/deposit", |engine| {
        let account = engine.spawn("account", || Account(0)).start()?;
        Ok(move || account.try_deposit(1))
    });
    bench.main()
}
