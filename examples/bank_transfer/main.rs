//! Transfers between accounts that live on different runners: money leaves one object and reaches
//! another, or comes back if that one has closed. Nobody holds two accounts at once, and no thread waits.
//!
//! Run with `cargo run --release --example bank_transfer`.

mod bank;

use bank::{Account, Refused, Teller};
use mainspring::prelude::*;
use mainspring::{CallSet, StartError};
use std::sync::mpsc::channel;

const ACCOUNTS: usize = 8;
const TELLERS: usize = 3;
const TRANSFERS: usize = 2_000;
const OPENING: i64 = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runners = ["one", "two"].map(Runner::named);
    let engine = runners.into_iter().fold(Engine::builder(), |b, r| b.runner(r)).start()?;
    let (heir, left) = channel();
    let accounts = (0..ACCOUNTS)
        .map(|number| {
            let heir = heir.clone();
            let open = move || Account { cents: OPENING, heir };
            engine.spawn(format!("account {number}"), open).capacity(TRANSFERS).start()
        })
        .collect::<Result<Vec<_>, StartError>>()?;
    let tellers = (0..TELLERS)
        .map(|_| {
            let heir = heir.clone();
            engine
                .spawn_unnamed(move || Teller { heir, is_careless: false })
                .capacity(TRANSFERS)
                .start()
        })
        .collect::<Result<Vec<_>, StartError>>()?;
    drop(heir);

    let mut transfers = CallSet::new();
    let mut random = 1_u64;
    for number in 0..TRANSFERS {
        let mut below = |bound: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as usize % bound
        };
        let (from, to) = (accounts[below(ACCOUNTS)].clone(), accounts[below(ACCOUNTS)].clone());
        transfers.insert(tellers[below(TELLERS)].transfer(from, to, below(200) as i64));
        if number == TRANSFERS / 2 {
            // In the middle of it all.
            accounts[3].stop();
        }
    }
    let (mut made, mut refused) = (0, 0);
    for outcome in transfers.join() {
        match outcome? {
            Ok(()) => made += 1,
            Err(Refused::NotCovered | Refused::Closed) => refused += 1,
        }
    }
    drop((accounts, tellers));
    engine.join();
    let total: i64 = left.iter().sum();
    assert_eq!(total, OPENING * ACCOUNTS as i64, "nothing is lost, nothing is made");
    println!(
        "{} transfers, {made} made and {refused} refused; {total} cents as before",
        made + refused
    );
    Ok(())
}
