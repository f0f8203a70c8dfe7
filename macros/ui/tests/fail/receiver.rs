#![allow(unused)]

struct Account;

#[mainspring::active]
impl Account {
    pub fn close(self) {}
    pub fn close_mut(mut self) {}
    pub fn close_box(self: Box<Self>) {}
    pub fn pin(self: std::pin::Pin<&mut Self>) {}
    pub fn forever(&'static self) {}
    pub fn valid(self: &mut Self) {}
}

fn main() {}
