#![allow(unused)]

use std::any::Any;
use std::borrow::Cow;

struct Account;

#[mainspring::active]
impl Account {
    pub fn text(&mut self, name: &str) {}
    pub fn bytes(&mut self, count: usize, bytes: &mut [u8]) {}
    pub fn nested(&mut self, pairs: Vec<(u8, Option<&u8>)>) {}
    pub fn elided(&mut self, name: Cow<'_, str>) {}
    pub fn object(&mut self, object: Box<dyn Any + '_>) {}
    pub fn valid(&mut self, name: &'static str, call: fn(&str) -> &str) {}
}

fn main() {}
