//! Through a proxy, on a thread that isn't the runner's.

use super::stage::{Adder, AdderProxy, Chosen, Meter, MeterProxy, Stage, elsewhere};
use super::{ALL_REPETITIONS, leave};
use mainspring::mailbox::Kind;
use std::hint::black_box;
use std::mem::forget;

const ROOM: &str = "there is room";

/// One-way requests.
pub fn tell<K: Chosen, const HOT: bool>(count: usize) -> ! {
    let mut stage = Stage::new();
    let meter: MeterProxy<K> = stage.object::<Meter, K, HOT>();
    elsewhere(move || {
        // The first allocates the slots.
        meter.add(0).expect(ROOM);
        for number in 0..count as u64 {
            meter.add(black_box(number)).expect(ROOM);
        }
        leave()
    })
}

/// Calls, with every reply cell made and used before.
pub fn call<K: Chosen, const HOT: bool>(count: usize) -> ! {
    let mut stage = Stage::new();
    let adder: AdderProxy<K> = stage.object::<Adder, K, HOT>();
    let adder = use_cells(&mut stage, adder);
    elsewhere(move || {
        for number in 0..count as u64 {
            // Dropping it would be another path.
            forget(adder.try_add(black_box(number)).expect(ROOM));
        }
        leave()
    })
}

/// Makes a reply cell for each repetition: a call for each, served and taken.
pub fn use_cells<K: Kind>(stage: &mut Stage, adder: AdderProxy<K>) -> AdderProxy<K> {
    let (adder, calls) = elsewhere(move || {
        let calls: Vec<_> = (0..ALL_REPETITIONS).map(|_| adder.add(0)).collect();
        (adder, calls)
    });
    stage.serve(ALL_REPETITIONS);
    calls.into_iter().for_each(|call| assert_eq!(call.get(), Ok(0)));
    adder
}
