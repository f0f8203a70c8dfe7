//! Crowds of objects: how they are raised, how all are used, and what each takes.

use crate::lab::time::ANSWER_LIMIT;
use crate::trouble::Trouble;
use mainspring::{Call, StartError, active};
use std::io;
use std::marker::PhantomData;

/// How many objects are called before their answers are awaited.
const AT_ONCE: usize = 1000;

/// Makes objects from inside: on their own runner, without a wait for each. `P` are their proxies.
pub struct Nursery<P>(PhantomData<fn() -> P>);

/// Makes one object.
pub type Make<P> = Box<dyn Fn() -> Result<P, StartError> + Send>;

#[active]
impl<P: Send + 'static> Nursery<P> {
    /// Makes so many objects.
    pub fn raise(&self, count: usize, make: Make<P>) -> Result<Vec<P>, StartError> {
        (0..count).map(|_| make()).collect()
    }
}

impl<P> Default for Nursery<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// Calls everybody once, many at a time, and lets `check` see each answer.
pub fn call_all<P>(
    crowd: &[P],
    call: impl Fn(&P) -> Call<u64>,
    check: impl Fn(u64) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    for some in crowd.chunks(AT_ONCE) {
        let calls: Vec<_> = some.iter().map(&call).collect();
        for mut call in calls {
            check(call.get_timeout(ANSWER_LIMIT)?)?;
        }
    }
    Ok(())
}

/// The process's resident memory.
pub fn resident_bytes() -> Result<u64, Trouble> {
    let path = "/proc/self/statm";
    let trouble = |error| Trouble::System { what: path.into(), error };
    let text = std::fs::read_to_string(path).map_err(trouble)?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| trouble(io::ErrorKind::InvalidData.into()))?;
    Ok(pages * rustix::param::page_size() as u64)
}

/// By how much the process has grown for each of so many.
pub fn growth(before: u64, count: usize) -> Result<f64, Trouble> {
    Ok(resident_bytes()?.saturating_sub(before) as f64 / count as f64)
}
