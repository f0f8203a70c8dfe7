//! What one more idle object costs.

use super::ask::{Adder, AdderProxy};
use super::place::{A, engine_opposite};
use crate::memory;
use crate::work::{Figure, Wait, Work};
use mainspring::{CAPACITY_DEFAULT, Engine, EngineHandle, StartError, active};
use mainspring_perf::lab::{ANSWER_LIMIT, Lab};
use mainspring_perf::trouble::Trouble;
use std::io;
use std::time::Duration;

/// How many objects share the cost.
const CROWD: usize = 100_000;
/// How many are called before their answers are awaited.
const AT_ONCE: usize = 1000;

/// Makes objects from inside: on their own runner, without a wait for each.
pub struct Nursery {
    engine: EngineHandle,
}

#[active]
impl Nursery {
    /// Makes so many objects, with mailboxes of this capacity.
    pub fn raise(&mut self, count: usize, capacity: usize) -> Result<Vec<AdderProxy>, StartError> {
        let make = |_| {
            let object = self.engine.spawn_unnamed(Adder::default);
            object.on(A).capacity(capacity).start()
        };
        (0..count).map(make).collect()
    }
}

/// Resident bytes of one more object that was never called, with the default options.
pub fn never_used(lab: &Lab) -> Result<Figure, Trouble> {
    let (engine, nursery) = open(lab)?;
    let before = memory::resident()?;
    let crowd = nursery.raise(CROWD, CAPACITY_DEFAULT).get_timeout(ANSWER_LIMIT)??;
    let grown = memory::resident()?.saturating_sub(before);
    drop(crowd);
    lab.end(engine)?;
    Ok(Figure::Bytes(grown as f64 / CROWD as f64))
}

/// Heap bytes of one more object that was called once, with a mailbox of that capacity.
pub fn used_once(lab: &Lab, capacity: usize) -> Result<Figure, Trouble> {
    let heap = || {
        let unknown = || Trouble::System {
            what: "the size of the heap".into(),
            error: io::ErrorKind::Unsupported.into(),
        };
        memory::heap().ok_or_else(unknown)
    };
    let (engine, nursery) = open(lab)?;
    let before = heap()?;
    let crowd = nursery.raise(CROWD, capacity).get_timeout(ANSWER_LIMIT)??;
    for some in crowd.chunks(AT_ONCE) {
        let calls: Vec<_> = some.iter().map(|object| object.add(1)).collect();
        for mut call in calls {
            Trouble::check("the sum", call.get_timeout(ANSWER_LIMIT)?, 1)?;
        }
    }
    let grown = heap()?.saturating_sub(before);
    drop(crowd);
    lab.end(engine)?;
    Ok(Figure::Bytes(grown as f64 / CROWD as f64))
}

/// As [`used_once`], with the slots of a mailbox of the default capacity.
pub fn measure_with_slots(lab: &Lab, work: Work, _: Duration) -> Option<Result<Figure, Trouble>> {
    (work == Work::BytesUsedOnce).then(|| used_once(lab, CAPACITY_DEFAULT))
}

fn open(lab: &Lab) -> Result<(Engine, NurseryProxy), Trouble> {
    let engine = engine_opposite(lab, Wait::Block)?;
    let handle = engine.handle();
    let nursery = engine.spawn("nursery", move || Nursery { engine: handle }).on(A).start()?;
    // The first use of everything is paid for now.
    let first = nursery.raise(1, 1).get_timeout(ANSWER_LIMIT)??;
    for object in &first {
        Trouble::check("the sum", object.add(1).get_timeout(ANSWER_LIMIT)?, 1)?;
    }
    Ok((engine, nursery))
}
