//! What is known of each request: by its argument, by its caller, and by its method.

use super::super::life::{MEANT, Value, burst, meant, once};
use super::super::trace;
use super::world;
use mainspring::Executed;
use mainspring::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

/// One request.
#[derive(Debug, Default)]
pub struct Record {
    /// By the order in which they were sent.
    pub number: u32,
    begun: AtomicU32,
    ended: AtomicU32,
    dropped: AtomicU32,
    /// Its sender was told that it doesn't run.
    is_void: AtomicBool,
    /// Its call was accepted, and somebody waits for its end.
    is_watched: AtomicBool,
}

impl Record {
    pub fn new(number: u32) -> Arc<Self> {
        Arc::new(Self { number, ..Self::default() })
    }

    pub fn watch(&self) {
        self.is_watched.store(true, SeqCst);
    }

    /// Nobody learns how its call ends.
    pub fn unwatch(&self) {
        self.is_watched.store(false, SeqCst);
    }

    fn begin(&self) {
        once(&self.begun, "a method began");
        assert!(!self.is_void.load(SeqCst), "its caller was told that it doesn't run");
    }

    /// It was refused, or its call has ended without its method.
    pub fn void(&self) {
        self.is_void.store(true, SeqCst);
        assert_eq!(self.begun.load(SeqCst), 0, "and yet its method began");
    }

    /// Its call has ended.
    pub fn end(&self, outcome: Result<Value, CallError>) {
        trace!("{} has ended: {outcome:?}", self.number);
        once(&self.ended, "a call ended");
        let begun = self.begun.load(SeqCst);
        match outcome {
            Ok(value) => {
                assert_eq!(begun, 1, "a result without a method");
                meant(|| drop(value));
            }
            Err(CallError::Panicked { message, .. }) => assert_eq!(&*message, MEANT),
            Err(CallError::Stopped { started: true } | CallError::Dropped) => {}
            Err(CallError::Taken) => panic!("nobody took it"),
            Err(error) if error.executed() == Executed::No => self.void(),
            Err(error) => panic!("calls don't end so here: {error}"),
        }
    }

    /// Whether all that had to happen has.
    pub fn check(&self) {
        let number = self.number;
        assert_eq!(self.dropped.load(SeqCst), 1, "{number}: its argument");
        if self.is_watched.load(SeqCst) {
            assert_eq!(self.ended.load(SeqCst), 1, "{number}: its call");
        }
    }
}

/// A request's argument.
#[derive(Debug)]
pub struct Ticket {
    pub record: Arc<Record>,
    /// What its drop does: nothing, a panic, or something else that programs do.
    pub on_drop: OnDrop,
    /// The object, and which of its orders it goes by.
    pub order: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OnDrop {
    Nothing,
    Panic,
    Deed,
}

impl Ticket {
    /// Its method runs.
    pub fn begin(&self) {
        self.record.begin();
        if let (Some(order), Some(world)) = (self.order, world::current()) {
            world.note_order(order, self.record.number);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        once(&self.record.dropped, "an argument was dropped");
        if self.on_drop == OnDrop::Deed {
            world::nested_deed(None);
        }
        burst(self.on_drop == OnDrop::Panic);
    }
}
