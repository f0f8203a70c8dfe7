#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    #[active(rename = "halt")]
    pub fn quoted(&mut self) {}

    #[active(rename = type)]
    pub fn keyword(&mut self) {}

    #[active(rename = 2)]
    pub fn number(&mut self) {}

    #[active(rename)]
    pub fn missing(&mut self) {}

    #[active(rename = r#loop)]
    pub fn valid(&mut self) {}
}

fn main() {}
