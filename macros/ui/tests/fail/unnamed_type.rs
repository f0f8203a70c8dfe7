#![allow(unused)]

struct Account;

trait Log {}

#[mainspring::active]
impl Account {
    pub fn extend(&mut self, cents: impl Iterator<Item = i64>) {}
    pub fn optional(&mut self, cents: Option<impl Into<i64>>) {}
    pub fn boxed(&mut self, log: Box<dyn Log + Send>) {}

    pub fn cents(&self) -> impl Iterator<Item = i64> {
        std::iter::empty()
    }

    pub fn forever(&self) -> ! {
        loop {}
    }
}

fn main() {}
