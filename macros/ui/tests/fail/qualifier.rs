#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    pub async fn fetch(&mut self) {}
    pub unsafe fn poke(&mut self) {}
    pub const fn valid(&self) {}
}

fn main() {}
