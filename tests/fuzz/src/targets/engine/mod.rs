//! A scheduler turned by hand, under arbitrary programs of spawns, calls, endings and failures: each
//! accepted call ends once and as it was told, each argument and result is dropped once, requests of one
//! priority run in the order sent, no panic gets out, and all of it comes to an end.
//!
//! One thread does everything, but for what it has done by another one meanwhile ([`far`]); so a program
//! always takes the same course.

mod far;
mod request;
mod victim;
mod world;

use super::life::{MEANT, meant};
use super::program::Program;
use super::trace;
use mainspring::prelude::*;
use mainspring::{Event, Parked};
use std::rc::Rc;
use std::time::Duration;
use world::World;

/// Turns and sleeps by hand before a program counts as one that doesn't end.
const TURNS_MAX: usize = 2_000;
/// Turns until there is nothing to do, at one time.
const REST_MAX: usize = 20_000;
const END: Duration = Duration::from_secs(10);

/// See the module.
pub fn target(bytes: &[u8]) {
    let program = Program::new(bytes);
    let engine = Engine::builder().on_event(|event| {
        if let Event::Panicked { message, .. } = event {
            assert_eq!(&**message, MEANT);
        }
    });
    let engine = engine.start().expect("an engine without runners");
    let mut scheduler = engine.invoker("loop").expect("the name is free");
    let world = World::enter(program.clone(), engine.handle());
    while program.more() {
        match program.below(8) {
            0..5 => world.deed(None),
            5 => {
                world.pass();
                scheduler.turn(world.now());
            }
            6 => rest(&world, &mut scheduler),
            _ => drop(scheduler.park()),
        }
        world.check();
    }
    end(&world, engine, scheduler);
    world.leave();
}

/// Turns until nothing is left to do at that time.
fn rest(world: &World, scheduler: &mut Scheduler) {
    world.pass();
    for _ in 0..REST_MAX {
        if scheduler.turn(world.now()) == 0 {
            return;
        }
    }
    panic!("it never rests");
}

/// Ends everything in one of the ways there are.
fn end(world: &Rc<World>, engine: Engine, mut scheduler: Scheduler) {
    let way = world.program_for_end();
    trace!("the end: {way}");
    match way {
        0 => _ = meant(|| world.let_go()),
        1 => engine.abort(),
        2 => {
            // At once, and by the drop of the scheduler alone.
            drop(scheduler);
            return over(world, engine);
        }
        _ => {}
    }
    engine.stop();
    world.answer_all();
    for turn in 0..TURNS_MAX {
        world.step(Duration::from_millis(1));
        rest(world, &mut scheduler);
        if scheduler.park() == Parked::Over {
            assert!(scheduler.is_over());
            drop(scheduler);
            return over(world, engine);
        }
        if turn == TURNS_MAX / 2 {
            // Objects may wait for each other's late answers; this is the way out that the documents give.
            engine.abort();
        }
    }
    panic!("it doesn't end: {} objects are left", scheduler.len());
}

fn over(world: &Rc<World>, engine: Engine) {
    assert!(engine.is_empty(), "objects without a runner");
    assert!(engine.stop_within(END), "the engine ends");
    engine.join();
    world.check_end();
}
