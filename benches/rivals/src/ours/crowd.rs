//! What one more idle object costs.

use super::ask::{Adder, AdderProxy};
use super::place::{A, engine_opposite};
use crate::memory;
use crate::work::{Figure, Wait, Work};
use mainspring::{CAPACITY_DEFAULT, Engine};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::time::ANSWER_LIMIT;
use mainspring_perf::suites::memory::growth_each;
use mainspring_perf::suites::spawner::{Spawner, SpawnerProxy, call_all};
use std::time::Duration;

/// How many objects share the cost.
const CROWD: usize = 100_000;

/// Resident bytes of one more object that was never called, with the default options.
pub fn never_used(lab: &Lab) -> Result<Figure, Error> {
    let (engine, spawner) = open(lab)?;
    let before = memory::resident()?;
    let crowd = raise(&engine, &spawner, CROWD, CAPACITY_DEFAULT)?;
    let bytes = growth_each(before, CROWD)?;
    drop(crowd);
    lab.end(engine)?;
    Ok(Figure::Bytes(bytes))
}

/// Heap bytes of one more object that was called once, with a mailbox of that capacity.
pub fn used_once(lab: &Lab, capacity: usize) -> Result<Figure, Error> {
    let (engine, spawner) = open(lab)?;
    let before = memory::heap()?;
    let crowd = raise(&engine, &spawner, CROWD, capacity)?;
    call_once(&crowd)?;
    let grown = memory::heap()?.saturating_sub(before);
    drop(crowd);
    lab.end(engine)?;
    Ok(Figure::Bytes(grown as f64 / CROWD as f64))
}

/// As [`used_once`], with the slots of a mailbox of the default capacity.
pub fn measure_with_slots(lab: &Lab, work: Work, _: Duration) -> Option<Result<Figure, Error>> {
    (work == Work::BytesUsedOnce).then(|| used_once(lab, CAPACITY_DEFAULT))
}

fn open(lab: &Lab) -> Result<(Engine, SpawnerProxy<AdderProxy>), Error> {
    let engine = engine_opposite(lab, Wait::Block)?;
    let spawner = engine.spawn("spawner", Spawner::default).on(A).start()?;
    // The first use of everything is paid for now.
    call_once(&raise(&engine, &spawner, 1, 1)?)?;
    Ok((engine, spawner))
}

fn raise(
    engine: &Engine,
    spawner: &SpawnerProxy<AdderProxy>,
    count: usize,
    capacity: usize,
) -> Result<Vec<AdderProxy>, Error> {
    let inside = engine.handle();
    let make = move || inside.spawn_unnamed(Adder::default).on(A).capacity(capacity).start();
    Ok(spawner.spawn_many(count, Box::new(make)).get_timeout(ANSWER_LIMIT)??)
}

fn call_once(crowd: &[AdderProxy]) -> Result<(), Error> {
    call_all(crowd, |object| object.add(1), |sum| Error::check("the sum", sum, 1))
}
