//! The keys on methods, and what a refusal gives back.

use mainspring::prelude::*;
use mainspring::{Handle, Method, REQUEST_BYTES_MAX};

struct Account {
    cents: i64,
}

#[active]
impl Account {
    pub fn new() -> Self {
        Self { cents: 0 }
    }

    pub fn deposit(&mut self, mut cents: i64) -> i64 {
        cents += self.cents;
        self.cents = cents;
        cents
    }

    pub fn transfer(&mut self, cents: i64, to: String) -> String {
        self.cents -= cents;
        format!("{cents} to {to}")
    }

    #[active(oneway)]
    pub fn reset(&mut self) {
        self.cents = 0;
    }

    #[active(oneway, boxed)]
    pub fn set(&mut self, cents: i64, _note: [u8; 1000]) {
        self.cents = cents;
    }

    #[active(rename = halt)]
    #[allow(clippy::needless_arbitrary_self_type)]
    pub fn stop_it(self: &mut Self) {}

    #[active(boxed)]
    pub fn load(&mut self, table: [u8; 4096]) -> u8 {
        table[4095]
    }

    #[active(skip)]
    pub fn helper(&self) -> &str {
        if self.private() { "rich" } else { "poor" }
    }

    fn private(&self) -> bool {
        self.cents > 0
    }

    pub(crate) fn balance(&self) -> i64 {
        self.cents
    }
}

fn methods_say_what_callers_write() {
    let methods = [
        Method::new("deposit", &["cents"]),
        Method::new("transfer", &["cents", "to"]),
        Method::oneway("reset", &[]),
        Method::oneway("set", &["cents", "_note"]),
        Method::new("halt", &[]),
        Method::new("load", &["table"]),
    ];
    assert_eq!(Account::METHODS, methods);
    assert_eq!(Account::NAME, "Account");
    assert_eq!(Account::method(&AccountRequest::Reset {}), 2);
    assert_eq!(Account::REPLY_BYTES, mainspring::reply_bytes::<String>());
}

fn block_stays_usable_directly() {
    let mut account = Account::new();
    account.stop_it();
    assert_eq!((account.deposit(3), account.balance(), account.helper()), (3, 3, "rich"));
}

fn every_form_runs_the_method() -> Result<(), Box<dyn std::error::Error>> {
    let account: AccountProxy = mainspring::spawn(Account::new())?;
    assert_eq!(account.deposit(5).get()?, 5);
    assert_eq!(account.try_transfer(2, "me".into())?.get()?, "2 to me");
    account.tell().deposit(1)?;
    assert_eq!(account.deposit(0).get()?, 4);
    account.reset()?;
    account.tell().reset()?;
    assert_eq!(account.clone().deposit(0).get()?, 0);
    account.set(7, [0; 1000])?;
    assert_eq!(account.deposit(0).get()?, 7);
    account.halt().get()?;
    assert_eq!(account.load([9; 4096]).get()?, 9);
    assert!(format!("{account:?}").contains("Account"));
    Ok(())
}

fn refusal_gives_the_arguments_back() -> Result<(), Box<dyn std::error::Error>> {
    let account = mainspring::spawn(Account::new())?;
    account.stop();
    let refused = account.try_deposit(5).map(drop).map_err(SendError::into_inner);
    assert_eq!(refused, Err(5));
    let refused = account.tell().transfer(2, "me".into()).map_err(SendError::into_inner);
    assert_eq!(refused, Err((2, "me".into())));
    assert_eq!(account.reset().map_err(SendError::into_inner), Err(()));
    let refused = account.set(7, [1; 1000]).map_err(SendError::into_inner);
    assert_eq!(refused, Err((7, [1; 1000])));
    let refused = account.try_load([2; 4096]).map(drop).map_err(SendError::into_inner);
    assert_eq!(refused, Err([2; 4096]));
    Ok(())
}

fn arguments_may_be_exactly_as_large_as_the_limit() {
    struct Edge;

    #[active]
    impl Edge {
        pub fn put(&self, part: [u8; 200], rest: [u8; 56]) -> u8 {
            part[0] + rest[0]
        }
    }

    assert_eq!(REQUEST_BYTES_MAX, 200 + 56);
    let _: fn(Handle<Edge>) -> EdgeProxy = EdgeProxy::from_handle;
}

fn library_may_have_another_path() {
    use mainspring as engine;
    struct Lamp;

    #[engine::active(crate = engine)]
    impl Lamp {
        pub fn is_lit(&self) -> bool {
            true
        }
    }

    assert_eq!(Lamp::METHODS.len(), 1);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    methods_say_what_callers_write();
    block_stays_usable_directly();
    every_form_runs_the_method()?;
    refusal_gives_the_arguments_back()?;
    arguments_may_be_exactly_as_large_as_the_limit();
    library_may_have_another_path();
    Ok(())
}
