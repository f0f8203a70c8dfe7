//! Spawns many objects at once, and calls them all.

use crate::error::Error;
use crate::lab::time::ANSWER_LIMIT;
use mainspring::{Call, StartError, active};
use std::marker::PhantomData;

/// How many objects are called before their answers are awaited.
const AT_ONCE: usize = 1000;

/// An object that spawns others on its own runner, so that nobody waits for each. `P` are their proxies.
pub struct Spawner<P>(PhantomData<fn() -> P>);

/// Spawns one object.
pub type Make<P> = Box<dyn Fn() -> Result<P, StartError> + Send>;

#[active]
impl<P: Send + 'static> Spawner<P> {
    /// Spawns `count` objects.
    pub fn spawn_many(&self, count: usize, make: Make<P>) -> Result<Vec<P>, StartError> {
        (0..count).map(|_| make()).collect()
    }
}

impl<P> Default for Spawner<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// Calls each object once, many at a time, and passes each answer to `check`.
pub fn call_all<P>(
    objects: &[P],
    call: impl Fn(&P) -> Call<u64>,
    check: impl Fn(u64) -> Result<(), Error>,
) -> Result<(), Error> {
    for some in objects.chunks(AT_ONCE) {
        let calls: Vec<_> = some.iter().map(&call).collect();
        for mut call in calls {
            check(call.get_timeout(ANSWER_LIMIT)?)?;
        }
    }
    Ok(())
}
