#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    #[active(oneway)]
    pub fn count(&mut self) -> usize {
        0
    }

    #[active(oneway)]
    pub fn check(&mut self) -> Result<(), String> {
        Ok(())
    }

    #[active(oneway)]
    pub fn valid(&mut self) -> () {}
}

fn main() {}
