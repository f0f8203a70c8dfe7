#![allow(unused)]

struct Account {
    name: String,
}

#[mainspring::active]
impl Account {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn first(&self) -> Option<&u8> {
        self.name.as_bytes().first()
    }

    pub fn letters(&self) -> std::str::Chars<'_> {
        self.name.chars()
    }

    pub fn valid(&self) -> &'static str {
        "valid"
    }
}

fn main() {}
