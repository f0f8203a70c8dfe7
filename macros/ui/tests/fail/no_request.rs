#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    pub fn new() -> Self {
        Self
    }

    pub(crate) fn crate_only(&self) {}

    fn private(&self) {}

    #[active(skip)]
    pub fn skipped(&self) {}
}

fn main() {}
