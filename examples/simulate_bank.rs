//! Looks for a mistake in the bank of the example `bank_transfer` by simulating it: hundreds of courses, each
//! decided by a seed, until one loses money; then shows the simplest course that does.
//!
//! The mistake shows only if both accounts of a transfer close at the wrong moments. Run with
//! `cargo run --release --example simulate_bank`.

#[path = "bank_transfer/bank.rs"]
mod bank;

use bank::{Account, AccountProxy, Teller};
use mainspring::prelude::*;
use mainspring::testkit::{Faults, Simulation, explore};
use std::sync::mpsc::channel;
use std::time::Duration;

const ACCOUNTS: u64 = 4;
const TRANSFERS_MAX: u64 = 6;
const OPENING: i64 = 1_000;
const SEEDS: u64 = 1_000;

/// Some transfers at once, while accounts close; no cent may be lost or made.
fn bank(simulation: &Simulation, is_careless: bool) {
    let runners = ["one", "two"].map(Runner::named);
    let engine = runners.into_iter().fold(Engine::builder(), |b, r| b.runner(r)).start().unwrap();
    simulation.set_faults(
        Faults::none()
            .stalls(0.05, Duration::from_millis(1))
            .slow_runners(0.05, Duration::from_millis(1)),
    );
    let (heir, left) = channel();
    let account = |number| {
        let heir = heir.clone();
        let open = move || Account { cents: OPENING, heir };
        engine.spawn(format!("account {number}"), open).start().unwrap()
    };
    let accounts: Vec<AccountProxy> = (0..ACCOUNTS).map(account).collect();
    let tellers = ["tilda", "tom"].map(|name| {
        let heir = heir.clone();
        engine.spawn(name, move || Teller { heir, is_careless }).start().unwrap()
    });
    drop(heir);
    let handle = simulation.handle();
    let account = |number: u64| accounts[(number % ACCOUNTS) as usize].clone();
    for number in 0..1 + handle.below(TRANSFERS_MAX) {
        let teller = &tellers[handle.below(2) as usize];
        let from = handle.below(ACCOUNTS);
        let to = from + 1 + handle.below(ACCOUNTS - 1);
        let cents = 1 + handle.below(500) as i64;
        let transfer = teller.transfer(account(from), account(to), cents);
        simulation.client(&format!("customer {number}"), async move {
            drop(transfer.await);
        });
    }
    for number in 0..2 {
        let (account, handle) = (account(handle.below(ACCOUNTS)), simulation.handle());
        simulation.client(&format!("closing {number}"), async move {
            handle.sleep(Duration::from_micros(handle.below(50))).await;
            account.stop();
        });
    }
    simulation.run_until(|| false);
    simulation.assert_quiescent();
    drop((accounts, tellers));
    engine.join();
    let total: i64 = left.iter().sum();
    assert_eq!(total, OPENING * ACCOUNTS as i64, "money was lost or made");
}

fn main() {
    let explored = explore(0..SEEDS, |simulation| bank(simulation, false));
    let explored = explored.expect("the bank is sound");
    println!("as it is: {} seeds, no cent lost", explored.seeds);

    let found = explore(0..SEEDS, |simulation| bank(simulation, true));
    let found = found.expect_err("a mistake is in it");
    println!("with the mistake: {found}");
    let again = found.replay(|simulation| bank(simulation, true));
    assert_eq!(again.as_ref(), Some(&found.message), "the same course, the same end");
    let mended = found.replay(|simulation| bank(simulation, false));
    assert_eq!(mended, None, "without the mistake nothing is lost");
    println!("replayed: it fails with the mistake, and not without it");
}
