//! The list of lanes. It only grows, and is sealed when its mailbox ends.

use crate::mailbox::drop_all::DropAll;
use crate::mailbox::lane::Lane;
use crate::sync::{AtomicPtr, AtomicU32};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The lanes of one mailbox, the newest first. The table of [`lanes`](super) describes its word.
pub(super) struct LaneList<T> {
    newest: AtomicPtr<Node<T>>,
}

/// One lane in the list. Freed with the ring.
pub(super) struct Node<T> {
    pub(super) lane: Lane<T>,
    /// 1 while a producer has it.
    taken: AtomicU32,
    /// Never changed once this node is in the list.
    pub(super) next: *mut Node<T>,
}

impl<T> Node<T> {
    /// Leaves the lane to the next producer.
    pub(super) fn give_up(&self) {
        // Release [lanes.taken]: carries where this producer stopped.
        self.taken.store(0, Release);
    }
}

impl<T> LaneList<T> {
    pub(super) fn new() -> Self {
        Self { newest: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Frees the lanes, with what is left in them.
    pub(super) fn free(&mut self) {
        // Relaxed: `&mut self` is the last use, and the ring's count ordered everything before it.
        let mut at = unsealed(self.newest.load(Relaxed));
        let mut remains = DropAll::default();
        while !at.is_null() {
            // SAFETY: from a box; nobody else is left, and each is in the list once.
            let node = unsafe { Box::from_raw(at) };
            at = node.next;
            remains.drop(|| drop(node));
        }
        remains.end();
    }
}

impl<T: Send> LaneList<T> {
    /// A lane for one more producer.
    pub(super) fn lane(&self, capacity: usize) -> NonNull<Node<T>> {
        let vacant = |node: &&Node<T>| {
            // Acquire [lanes.taken]: sees where the last producer stopped. Relaxed on failure:
            // another's.
            node.taken.compare_exchange(0, 1, Acquire, Relaxed).is_ok()
        };
        if let Some(node) = self.nodes().find(vacant) {
            return NonNull::from(node);
        }
        // Acquire [lanes.newest], as on failure below: the list behind it is whole.
        let mut newest = self.newest.load(Acquire);
        loop {
            let made = if is_sealed(newest) { Lane::ended } else { Lane::new };
            let lane = made(capacity).expect("the capacity was checked at the start");
            let node = Node { lane, taken: AtomicU32::new(1), next: unsealed(newest) };
            let node = Box::into_raw(Box::new(node));
            let head = if is_sealed(newest) { sealed(node) } else { node };
            // AcqRel [lanes.newest]: Release carries the node, and the list behind it; Acquire as
            // above.
            match self.newest.compare_exchange(newest, head, AcqRel, Acquire) {
                // SAFETY: from a box, so not null.
                Ok(_) => return unsafe { NonNull::new_unchecked(node) },
                Err(now) => {
                    // SAFETY: made above, and shown to nobody.
                    drop(unsafe { Box::from_raw(node) });
                    newest = now;
                }
            }
        }
    }

    /// All lanes, the newest first.
    pub(super) fn nodes(&self) -> Nodes<'_, T> {
        Nodes { at: self.newest(), list: PhantomData }
    }

    /// The newest lane; the others follow it.
    #[inline(always)]
    pub(super) fn newest(&self) -> *mut Node<T> {
        // Acquire [lanes.newest]: the nodes are whole.
        unsealed(self.newest.load(Acquire))
    }

    /// Whether a lane that takes requests was added since `known` was the newest.
    pub(super) fn has_grown(&self, known: *mut Node<T>) -> bool {
        // Acquire [lanes.newest]: as in `newest`.
        let newest = self.newest.load(Acquire);
        unsealed(newest) != known && !is_sealed(newest)
    }

    /// From now on new lanes take nothing. `false` if one was added since `known` was the newest.
    pub(super) fn seal(&self, known: *mut Node<T>) -> bool {
        // AcqRel [lanes.newest]: Acquire as in `newest`; Release, though a producer that finds the
        // list sealed needs nothing of it.
        let ended = sealed(known);
        let seal = self.newest.compare_exchange(known, ended, AcqRel, Acquire);
        seal.is_ok() || seal.is_err_and(is_sealed)
    }
}

/// See [`LaneList::nodes`].
pub(super) struct Nodes<'a, T> {
    at: *mut Node<T>,
    list: PhantomData<&'a Node<T>>,
}

impl<'a, T> Iterator for Nodes<'a, T> {
    type Item = &'a Node<T>;

    fn next(&mut self) -> Option<&'a Node<T>> {
        // SAFETY: nodes in the list live as long as the list, which is borrowed.
        let node = unsafe { self.at.as_ref() }?;
        self.at = node.next;
        Some(node)
    }
}

fn is_sealed<T>(head: *mut Node<T>) -> bool {
    head.addr() & 1 != 0
}

fn sealed<T>(head: *mut Node<T>) -> *mut Node<T> {
    head.map_addr(|at| at | 1)
}

fn unsealed<T>(head: *mut Node<T>) -> *mut Node<T> {
    head.map_addr(|at| at & !1)
}
