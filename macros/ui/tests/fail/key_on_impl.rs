#![allow(unused)]

struct Account;

#[mainspring::active(oneway)]
impl Account {
    pub fn reset(&mut self) {}
}

struct Ledger;

#[mainspring::active(crate = "path")]
impl Ledger {
    pub fn reset(&mut self) {}
}

fn main() {}
