#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    #[active(one_way)]
    pub fn reset(&mut self) {}

    #[active(std::skip)]
    pub fn skipped(&mut self) {}

    #[active]
    pub fn bare(&mut self) {}

    #[active(oneway = true)]
    pub fn valued(&mut self) {}
}

fn main() {}
