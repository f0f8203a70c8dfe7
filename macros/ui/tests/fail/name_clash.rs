#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    pub fn deposit(&mut self) {}
    #[active(rename = deposit)]
    pub fn credit(&mut self) {}
    pub fn try_deposit(&mut self) {}
    pub fn a_b(&mut self) {}
    pub fn a__b(&mut self) {}
    #[cfg(all())]
    pub fn open(&mut self) {}
    pub fn try_open(&mut self) {}

    // A request without a reply has no `try_` form.
    #[active(oneway)]
    pub fn reset(&mut self) {}
    pub fn try_reset(&mut self) {}
}

fn main() {}
