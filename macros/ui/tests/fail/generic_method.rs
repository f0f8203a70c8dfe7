#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    pub fn convert<T: Into<i64>>(&mut self, cents: T) {}
    pub fn array<const N: usize>(&mut self, cents: [i64; N]) {}
    pub fn named<'a>(&'a mut self) {}
}

fn main() {}
