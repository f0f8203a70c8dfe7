//! Conditional methods: everything generated for them is conditional too.

use mainspring::prelude::*;

struct Clock;

#[active]
impl Clock {
    #[cfg(any())]
    pub fn never(&self, missing: NoSuchType) -> NoSuchType {
        missing
    }

    #[cfg(not(any()))]
    #[cfg_attr(not(any()), inline, doc = "Always there.")]
    pub fn always(&self) -> u8 {
        1
    }

    /// One of two, of which a build has one.
    #[cfg(panic = "unwind")]
    pub fn either(&self, seconds: u8) -> u8 {
        seconds
    }

    /// The other.
    #[cfg(not(panic = "unwind"))]
    pub fn either(&self, seconds: u8) -> u8 {
        seconds
    }

    #[cfg_attr(not(any()), cfg(any()))]
    #[active(oneway, boxed)]
    pub fn also_never(&self, missing: NoSuchType) {}

    #[active(oneway)]
    pub fn last(&self) {}
}

struct Nothing;

#[active]
impl Nothing {
    #[cfg(any())]
    pub fn never(&self) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<_> = Clock::METHODS.iter().map(|method| method.name).collect();
    assert_eq!(names, ["always", "either", "last"]);
    assert_eq!(Clock::method(&ClockRequest::Last {}), 2);
    assert!(Nothing::METHODS.is_empty());

    let clock = mainspring::spawn(Clock)?;
    assert_eq!(clock.always().get()? + clock.either(2).get()?, 3);
    clock.last()?;
    let _: fn(&Nothing) = |Nothing| ();
    Ok(())
}
