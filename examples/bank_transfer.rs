//! Transfers between accounts that live on different runners: money leaves one object and reaches
//! another, or comes back if that one has closed. Nobody holds two accounts at once, and no thread waits.
//!
//! Run with `cargo run --release --package mainspring --example bank_transfer`.

use mainspring::prelude::*;
use mainspring::{CallSet, Executed, Later, Reply, StartError};
use std::fmt;
use std::sync::mpsc::{Sender, channel};

const ACCOUNTS: usize = 8;
const TELLERS: usize = 3;
const TRANSFERS: usize = 2_000;
const OPENING: i64 = 10_000;

struct Account {
    cents: i64,
    /// Takes what is left when the account closes.
    heir: Sender<i64>,
}

#[active]
impl Account {
    pub fn deposit(&mut self, cents: i64) {
        self.cents += cents;
    }

    /// Ends with whether there was enough.
    pub fn withdraw(&mut self, cents: i64) -> bool {
        let is_covered = self.cents >= cents;
        if is_covered {
            self.cents -= cents;
        }
        is_covered
    }

    #[active(on_stop)]
    fn close(&mut self) {
        // Without an heir nobody wants to know.
        let _ = self.heir.send(self.cents);
    }
}

/// Why a transfer was not made. Nothing was moved then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    NotCovered,
    Closed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotCovered => "not covered",
            Self::Closed => "an account is closed",
        })
    }
}

/// One transfer on its way.
struct Transfer {
    from: AccountProxy,
    to: AccountProxy,
    cents: i64,
    done: Reply<Result<(), Refused>>,
}

struct Teller {
    heir: Sender<i64>,
}

#[active]
impl Teller {
    /// Moves money. Ends when it has arrived, or is back where it was.
    pub fn transfer(
        &mut self,
        cx: &mut Context<Self>,
        from: AccountProxy,
        to: AccountProxy,
        cents: i64,
    ) -> Later<Result<(), Refused>> {
        let (later, done) = cx.later();
        let withdrawn = from.withdraw(cents);
        let transfer = Transfer { from, to, cents, done };
        cx.then(withdrawn, move |_, cx, withdrawn| match withdrawn {
            Ok(true) => transfer.pay_in(cx),
            Ok(false) => transfer.done.send(Err(Refused::NotCovered)),
            Err(error) => transfer.refuse(&error),
        });
        later
    }
}

impl Transfer {
    fn pay_in(self, cx: &mut Context<Teller>) {
        let paid = self.to.deposit(self.cents);
        cx.then(paid, move |_, cx, paid| match paid {
            Ok(()) => self.done.send(Ok(())),
            // It can't have arrived: only then may it go back.
            Err(error) if error.executed() == Executed::No => self.pay_back(cx),
            Err(error) => self.refuse(&error),
        });
    }

    fn pay_back(self, cx: &mut Context<Teller>) {
        let paid = self.from.deposit(self.cents);
        cx.then(paid, move |me, _, paid| match paid {
            Ok(()) => self.done.send(Err(Refused::Closed)),
            // Both have closed meanwhile.
            Err(error) if error.executed() == Executed::No => {
                let _ = me.heir.send(self.cents);
                self.done.send(Err(Refused::Closed));
            }
            Err(error) => self.refuse(&error),
        });
    }

    /// Dropping `done` tells the caller that nobody knows how it ended, which doesn't happen here:
    /// accounts don't panic, and nobody aborts them.
    fn refuse(self, error: &CallError) {
        match error.executed() {
            Executed::No => self.done.send(Err(Refused::Closed)),
            Executed::Maybe => eprintln!("a transfer of {} is in doubt: {error}", self.cents),
        }
    }
}

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
            engine.spawn_unnamed(move || Teller { heir }).capacity(TRANSFERS).start()
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
