#![allow(unused)]

struct Account;

#[mainspring::active]
impl Default for Account {
    fn default() -> Self {
        Self
    }
}

#[mainspring::active]
struct Ledger;

trait Log {}

#[mainspring::active]
impl dyn Log {
    pub fn log(&self) {}
}

fn main() {}
