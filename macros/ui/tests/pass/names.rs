//! Names that could collide with generated ones, with keywords, or with what users redefine.

use mainspring::prelude::*;

/// The generated code must not depend on what these names mean here.
#[allow(dead_code)]
mod redefined {
    pub type Result<T> = std::result::Result<T, String>;
    pub struct Box;
    pub struct Option;
    pub struct Reply;
    pub struct Call;
    pub struct Send;
}
use redefined::*;

struct Words;

impl Words {
    pub const SIZE: usize = 3;
}

#[active]
impl Words {
    pub fn r#type(&self, r#match: u8) -> u8 {
        r#match
    }

    #[active(rename = r#loop)]
    pub fn repeat(&self) -> u8 {
        2
    }

    pub fn answer(&self, reply: u8, reply_: u8, request: u8, refusal: u8) -> u8 {
        reply + reply_ + request + refusal
    }

    #[active(boxed)]
    pub fn store(&self, arguments: u8, reply: u8) -> u8 {
        arguments + reply
    }

    pub fn ignore(&self, _: u8, argument_1: u8) -> u8 {
        argument_1
    }

    pub fn fail(&self) -> Result<[u8; Self::SIZE]> {
        Err("always".into())
    }

    // Names of the traits' own items: inherent methods win.
    pub fn dispatch(&self) -> u8 {
        3
    }

    pub fn method(&self) -> u8 {
        4
    }

    pub fn tell(&self) -> u8 {
        5
    }

    pub fn handle(&self) -> u8 {
        6
    }

    pub fn clone(&self) -> u8 {
        7
    }

    pub fn self_(&self) -> u8 {
        8
    }

    // The proxy has `try_fail` for itself; what is no request does not collide with it.
    #[active(skip)]
    pub fn try_fail(&self) -> u8 {
        9
    }
}

/// Functions that borrow when they are called own nothing borrowed.
struct Functions;

#[active]
impl Functions {
    pub fn apply(&self, length: fn(&str) -> usize, text: &'static str) -> usize {
        length(text)
    }

    pub fn visit(
        &self,
        visit: std::boxed::Box<dyn for<'a> Fn(&'a str) -> &'a str + std::marker::Send>,
    ) {
        visit("");
    }
}

mod elsewhere {
    pub(crate) struct Deep(pub u8);
}

#[active]
impl elsewhere::Deep {
    pub fn depth(&self) -> u8 {
        self.0
    }
}

fn main() -> std::result::Result<(), std::boxed::Box<dyn std::error::Error>> {
    let words = mainspring::spawn(Words)?;
    assert_eq!(words.r#type(1).get()?, 1);
    assert_eq!(words.try_type(1)?.get()?, 1);
    assert_eq!(words.r#loop().get()?, 2);
    assert_eq!(words.try_loop()?.get()?, 2);
    assert_eq!(words.answer(1, 2, 3, 4).get()?, 10);
    assert_eq!(words.store(1, 2).get()?, 3);
    assert_eq!(words.ignore(1, 2).get()?, 2);
    assert_eq!(words.fail().get()?, Err("always".into()));
    assert_eq!(words.dispatch().get()?, 3);
    assert_eq!(words.method().get()?, 4);
    assert_eq!(words.tell().get()?, 5);
    assert_eq!(words.handle().get()?, 6);
    assert_eq!(words.clone().get()?, 7);
    assert_eq!(words.self_().get()?, 8);
    assert_eq!(Words.try_fail(), 9);
    assert_eq!(Words::METHODS[0], mainspring::Method::new("type", &["match"]));
    assert_eq!(Words::METHODS[1].name, "loop");

    let functions = mainspring::spawn(Functions)?;
    assert_eq!(functions.apply(str::len, "four").get()?, 4);
    functions.visit(std::boxed::Box::new(|text| text)).get()?;

    let deep: DeepProxy = mainspring::spawn(elsewhere::Deep(1))?;
    assert_eq!(deep.depth().get()?, 1);
    Ok(())
}
