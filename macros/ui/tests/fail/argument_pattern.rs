#![allow(unused)]

struct Account;

struct Pair {
    a: u8,
    b: u8,
}

#[mainspring::active]
impl Account {
    pub fn tuple(&mut self, (a, b): (i32, i32)) {}
    pub fn fields(&mut self, Pair { a, b }: Pair) {}
    pub fn by_reference(&mut self, ref a: u8) {}
    pub fn conditional(&mut self, #[cfg(unix)] a: u8) {}
    pub fn valid(&mut self, mut a: u8, _: u8) {}
}

fn main() {}
