//! A queue that the thread of one runner alone uses: no atomics, no ring.
//!
//! It lies among fields that other threads read with each request they send, so looking whether
//! something is there must not write: a `RefCell`'s flag, set once a turn, took that line from
//! every producer (round trip 444 ns with it and 395 without, one-way requests 14.8 and 13.1, medians
//! of three paired runs on one two-core virtual machine).

use crate::station::Mine;
use std::cell::{Cell, UnsafeCell};
use std::collections::VecDeque;

/// See the module. Every access asks for the proof that the calling thread owns the runner: the one
/// whose queue it is.
pub(crate) struct LocalQueue<T> {
    length: Cell<usize>,
    /// The owner has a note that something is here.
    is_noted: Cell<bool>,
    /// Made at the first use: most objects never have a caller on their own runner.
    #[allow(clippy::box_collection)] // 8 bytes in place of 32, in every object
    items: UnsafeCell<Option<Box<VecDeque<T>>>>,
}

// SAFETY: each method gives access to one thread only, the runner's owner, and that changes at most
// to nobody; the items may be dropped by another thread, so they must be `Send`.
unsafe impl<T: Send> Sync for LocalQueue<T> {}

impl<T> LocalQueue<T> {
    pub(crate) fn new() -> Self {
        Self { length: Cell::new(0), is_noted: Cell::new(false), items: UnsafeCell::default() }
    }

    /// How many items wait.
    #[inline(always)]
    pub(crate) fn len(&self, _: Mine<'_>) -> usize {
        self.length.get()
    }

    /// Says whether the owner has a note of this queue; returns what was said before.
    pub(crate) fn note(&self, _: Mine<'_>, is_noted: bool) -> bool {
        self.is_noted.replace(is_noted)
    }

    /// Adds an item. Room for `reserve` is made at the first; more when that is used up.
    #[inline(always)]
    pub(crate) fn push(&self, _: Mine<'_>, item: T, reserve: usize) {
        // SAFETY: the proof keeps other threads out, and nothing in here calls back into the queue:
        // moving an item runs none of its code.
        let items = unsafe { &mut *self.items.get() };
        match items {
            Some(items) if items.len() < items.capacity() => items.push_back(item),
            _ => push_growing(items, item, reserve),
        }
        self.length.set(self.length.get() + 1);
    }

    /// Takes the oldest item.
    #[inline(always)]
    pub(crate) fn pop(&self, _: Mine<'_>) -> Option<T> {
        if self.length.get() == 0 {
            return None;
        }
        // SAFETY: as in `push`.
        let items = unsafe { &mut *self.items.get() }.as_mut()?;
        self.length.set(self.length.get() - 1);
        items.pop_front()
    }
}

/// Out of line: what makes room needs registers that a push otherwise doesn't.
#[cold]
#[inline(never)]
fn push_growing<T>(items: &mut Option<Box<VecDeque<T>>>, item: T, reserve: usize) {
    items.get_or_insert_with(|| Box::new(VecDeque::with_capacity(reserve))).push_back(item);
}

/// The objects that the owner has called and not yet turned to, oldest first, by their keys.
///
/// Nearly always one at most: that one costs no look into a list.
pub(crate) struct Woken {
    first: Cell<Option<usize>>,
    more: LocalQueue<usize>,
}

// SAFETY: as for `LocalQueue`.
unsafe impl Sync for Woken {}

impl Woken {
    pub(crate) fn new() -> Self {
        Self { first: Cell::new(None), more: LocalQueue::new() }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self, _: Mine<'_>) -> bool {
        self.first.get().is_none()
    }

    #[inline(always)]
    pub(crate) fn push(&self, mine: Mine<'_>, key: usize) {
        match self.first.get() {
            None => self.first.set(Some(key)),
            Some(_) => self.push_more(mine, key),
        }
    }

    #[inline(never)]
    fn push_more(&self, mine: Mine<'_>, key: usize) {
        self.more.push(mine, key, WOKEN_RESERVE);
    }

    #[inline(always)]
    pub(crate) fn pop(&self, mine: Mine<'_>) -> Option<usize> {
        // Not `take`, which would write each time: see the module.
        let key = self.first.get()?;
        self.first.set(self.more.pop(mine));
        Some(key)
    }
}

/// Room for so many, before more is made.
const WOKEN_RESERVE: usize = 64;
