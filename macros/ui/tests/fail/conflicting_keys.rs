#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    #[active(skip, oneway)]
    pub fn skipped(&mut self) {}

    #[active(boxed)]
    #[active(rename = other, skip)]
    pub fn skipped_too(&mut self, cents: i64) {}

    #[active(oneway, oneway)]
    pub fn twice(&mut self) {}
}

fn main() {}
