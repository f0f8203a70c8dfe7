#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    #[active(skip)]
    pub const LIMIT: i64 = 0;

    #[active(boxed)]
    pub fn nothing(&mut self) {}

    #[active(oneway)]
    fn private(&mut self) {}

    #[active(rename = create)]
    pub fn new() -> Self {
        Self
    }

    #[cfg_attr(all(), active(oneway))]
    pub fn conditional(&mut self) {}
}

fn main() {}
