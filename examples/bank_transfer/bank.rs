//! Accounts, and tellers who move money between them. Shared with the example `simulate_bank`.

use mainspring::prelude::*;
use mainspring::{Executed, Reply};
use std::fmt;
use std::sync::mpsc::Sender;

/// Money of one customer.
pub struct Account {
    pub cents: i64,
    /// Takes what is left when the account closes.
    pub heir: Sender<i64>,
}

#[active]
impl Account {
    /// Adds to it.
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
pub enum Refused {
    /// There was too little.
    NotCovered,
    /// One of the accounts has closed.
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

/// Moves money from account to account.
pub struct Teller {
    /// Takes what nobody else can.
    pub heir: Sender<i64>,
    /// The mistake that `simulate_bank` looks for: takes it for granted that an account which has paid is
    /// still there to be paid back.
    pub is_careless: bool,
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
        cx.then(paid, move |me, cx, paid| match paid {
            Ok(()) => self.done.send(Ok(())),
            // It can't have arrived: only then may it go back.
            Err(error) if error.executed() == Executed::No && me.is_careless => {
                self.from.deposit(self.cents).detach();
                self.done.send(Err(Refused::Closed));
            }
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
