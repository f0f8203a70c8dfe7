//! A queue that the thread of one runner alone uses: no atomics, and no bound of its own.
//!
//! It lies among fields that other threads read with each request they send, so checking whether
//! something is there must not write: a `RefCell`'s flag, set once a turn, took that cache line from
//! every producer (round trip 444 ns with it and 395 without, one-way requests 14.8 and 13.1, medians
//! of three paired runs on one two-core virtual machine).

use crate::runner::owner::OwnerToken;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// See the module. Every access asks for the proof that the calling thread owns the queue's runner.
///
/// A ring that grows by doubling. It has no places until the first push: most objects never have a
/// caller on their own runner.
pub(crate) struct LocalQueue<T> {
    length: Cell<u32>,
    head: Cell<u32>,
    /// How many places there are: none, or a power of two.
    places: Cell<u32>,
    /// The owner is to look at this queue.
    is_noted: Cell<bool>,
    items: Cell<NonNull<MaybeUninit<T>>>,
}

// SAFETY: the items are the queue's own, and may be sent.
unsafe impl<T: Send> Send for LocalQueue<T> {}
// SAFETY: each method gives access to one thread only, the runner's owner, and that changes at most
// to nobody; the items may be dropped by another thread, so they must be `Send`.
unsafe impl<T: Send> Sync for LocalQueue<T> {}

impl<T> LocalQueue<T> {
    pub(crate) fn new() -> Self {
        Self {
            length: Cell::new(0),
            head: Cell::new(0),
            places: Cell::new(0),
            is_noted: Cell::new(false),
            items: Cell::new(NonNull::dangling()),
        }
    }

    /// How many items wait.
    #[inline(always)]
    pub(crate) fn len(&self, _: OwnerToken<'_>) -> usize {
        self.length.get() as usize
    }

    /// Sets whether the owner is to look at this queue; returns what was set before.
    pub(crate) fn note(&self, _: OwnerToken<'_>, is_noted: bool) -> bool {
        self.is_noted.replace(is_noted)
    }

    /// Adds an item. The first one makes room for `reserve`; the queue grows when that is used up.
    #[inline(always)]
    pub(crate) fn push(&self, _: OwnerToken<'_>, item: T, reserve: usize) {
        let length = self.length.get();
        if length == self.places.get() {
            self.grow(reserve);
        }
        // SAFETY: there are more places than items, so this one is empty; the proof keeps other
        // threads out.
        unsafe { self.place(length).write(MaybeUninit::new(item)) };
        self.length.set(length + 1);
    }

    /// What `look` finds in the oldest item. It must not touch the queue.
    #[inline(always)]
    pub(crate) fn first<R>(&self, _: OwnerToken<'_>, look: impl FnOnce(&T) -> R) -> Option<R> {
        if self.length.get() == 0 {
            return None;
        }
        // SAFETY: the oldest item is at the head; `look` doesn't come back, so it stays there.
        Some(look(unsafe { (*self.place(0)).assume_init_ref() }))
    }

    /// Takes the oldest item.
    #[inline(always)]
    pub(crate) fn pop(&self, owner: OwnerToken<'_>) -> Option<T> {
        self.pop_if(owner, |_| true)
    }

    /// Takes the oldest item if `is_wanted` says so, which must not touch the queue.
    #[inline(always)]
    pub(crate) fn pop_if(
        &self,
        owner: OwnerToken<'_>,
        is_wanted: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        self.first(owner, is_wanted)?.then(|| self.take())
    }

    /// Takes the oldest item, which is there.
    #[inline(always)]
    fn take(&self) -> T {
        // SAFETY: as in `first`; the head moves on, so it is read once.
        let item = unsafe { (*self.place(0)).assume_init_read() };
        self.head.set(self.head.get().wrapping_add(1));
        self.length.set(self.length.get() - 1);
        item
    }

    /// The place so many behind the head. There are places.
    #[inline(always)]
    fn place(&self, steps: u32) -> *mut MaybeUninit<T> {
        let index = self.head.get().wrapping_add(steps) & (self.places.get() - 1);
        // SAFETY: the index is below the number of places.
        unsafe { self.items.get().as_ptr().add(index as usize) }
    }

    /// Out of line: what makes room needs registers that a push otherwise doesn't.
    #[cold]
    #[inline(never)]
    fn grow(&self, reserve: usize) {
        let length = self.length.get();
        let places = (length as usize * 2).max(reserve).max(1).next_power_of_two();
        let items: Box<[MaybeUninit<T>]> = Box::new_uninit_slice(places);
        let items = NonNull::from(Box::leak(items)).cast::<MaybeUninit<T>>();
        for step in 0..length {
            // SAFETY: each item moves once, from where it was to a place of the new ones.
            unsafe {
                ptr::copy_nonoverlapping(self.place(step), items.as_ptr().add(step as usize), 1)
            };
        }
        self.free();
        self.items.set(items);
        self.head.set(0);
        self.places.set(u32::try_from(places).expect("no mailbox is that large"));
    }

    /// Frees the places; what was in them has moved.
    fn free(&self) {
        if self.places.get() > 0 {
            let places = self.places.replace(0) as usize;
            let items = ptr::slice_from_raw_parts_mut(self.items.get().as_ptr(), places);
            // SAFETY: from `grow`, and used no more.
            drop(unsafe { Box::from_raw(items) });
        }
    }
}

impl<T> Drop for LocalQueue<T> {
    fn drop(&mut self) {
        while self.length.get() > 0 {
            drop(self.take());
        }
        self.free();
    }
}

/// The keys of objects that the owner has called and not yet served, oldest first.
///
/// Nearly always one at most: so the first one costs no look into a list.
pub(crate) struct LocalReady {
    first: Cell<Option<usize>>,
    more: LocalQueue<usize>,
}

// SAFETY: as for `LocalQueue`.
unsafe impl Sync for LocalReady {}

impl LocalReady {
    pub(crate) fn new() -> Self {
        Self { first: Cell::new(None), more: LocalQueue::new() }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self, _: OwnerToken<'_>) -> bool {
        self.first.get().is_none()
    }

    #[inline(always)]
    pub(crate) fn push(&self, owner: OwnerToken<'_>, key: usize) {
        match self.first.get() {
            None => self.first.set(Some(key)),
            Some(_) => self.push_more(owner, key),
        }
    }

    #[inline(never)]
    fn push_more(&self, owner: OwnerToken<'_>, key: usize) {
        self.more.push(owner, key, WOKEN_RESERVE);
    }

    #[inline(always)]
    pub(crate) fn pop(&self, owner: OwnerToken<'_>) -> Option<usize> {
        // Not `take`, which would write each time: see the module.
        let key = self.first.get()?;
        self.first.set(self.more.pop(owner));
        Some(key)
    }
}

/// Room for so many, before more is made.
const WOKEN_RESERVE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::owner::Owner;
    use std::rc::Rc;

    #[test]
    fn items_keep_their_order_around_the_end_and_through_growth() {
        let owner = Owner::nobody();
        owner.own();
        let owner = owner.token().unwrap();
        let queue = LocalQueue::new();
        let (mut pushed, mut taken) = (0, 0);
        for round in 0..200 {
            // More in than out, so it grows with its head at each place.
            for _ in 0..3 + round % 5 {
                queue.push(owner, pushed, 3);
                pushed += 1;
            }
            for _ in 0..2 + round % 3 {
                assert_eq!(queue.first(owner, |item| *item), Some(taken));
                assert_eq!(queue.pop_if(owner, |item| *item != taken), None);
                assert_eq!(queue.pop(owner), Some(taken));
                taken += 1;
            }
            assert_eq!(queue.len(owner), pushed - taken);
        }
        assert!(std::iter::from_fn(|| queue.pop(owner)).eq(taken..pushed));
    }

    #[test]
    fn what_waits_is_dropped_with_the_queue() {
        let owner = Owner::nobody();
        owner.own();
        let owner = owner.token().unwrap();
        let (queue, item) = (LocalQueue::new(), Rc::new(()));
        (0..5).for_each(|_| queue.push(owner, item.clone(), 2));
        drop(queue.pop(owner));
        drop(queue);
        assert_eq!(Rc::strong_count(&item), 1);
    }
}
