#![allow(unused)]

struct Account<'a> {
    name: &'a str,
}

#[mainspring::active]
impl<'a> Account<'a> {
    pub fn rename(&mut self) {}
}

struct Ledger<'a> {
    name: &'a str,
}

#[mainspring::active]
impl Ledger<'_> {
    pub fn rename(&mut self) {}
}

fn main() {}
