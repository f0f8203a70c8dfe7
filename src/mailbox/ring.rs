//! What all rings share: the arithmetic from a position to a slot, and the slots' memory.

use super::capacity::{CapacityError, check_capacity};
use crate::sync::{AtomicPtr, UnsafeCell, zeroed_slice};
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

/// A place in the sequence of claims: the lap in the high bits, the slot's index in the low ones.
///
/// Packing both keeps the capacity exact without a division: the index counts up to the capacity,
/// then the lap goes up by one. The tail's flags leave 62 bits. At a billion requests a second and
/// a capacity of 1, they last for over a century.
pub(crate) type Position = u64;

/// The only arithmetic from capacity to position, and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    capacity: u32,
    index_mask: u32,
    lap_shift: u32,
}

impl Geometry {
    pub(super) fn new(capacity: usize) -> Result<Self, CapacityError> {
        check_capacity(capacity)?;
        let places = capacity.next_power_of_two() as u32;
        let lap_shift = places.trailing_zeros();
        Ok(Self { capacity: capacity as u32, index_mask: places - 1, lap_shift })
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    #[inline(always)]
    pub(super) fn index(&self, position: Position) -> usize {
        (position & u64::from(self.index_mask)) as usize
    }

    #[inline(always)]
    pub(super) fn lap(&self, position: Position) -> u64 {
        position >> self.lap_shift
    }

    /// The position `steps` further; at most one lap at a time.
    #[inline(always)]
    pub(super) fn advance(&self, position: Position, steps: u64) -> Position {
        let capacity = u64::from(self.capacity);
        debug_assert!(steps <= capacity);
        let index = (position & u64::from(self.index_mask)) + steps;
        if index < capacity {
            position + steps
        } else {
            ((self.lap(position) + 1) << self.lap_shift) + (index - capacity)
        }
    }

    /// How many positions lie between two, the later one first. 0 when they are out of order, as
    /// two loads at different times can be.
    #[inline(always)]
    pub(super) fn distance(&self, later: Position, earlier: Position) -> u64 {
        let rank = |p: Position| self.lap(p) * u64::from(self.capacity) + self.index(p) as u64;
        rank(later).saturating_sub(rank(earlier))
    }
}

/// How many served slots a consumer frees at a time.
///
/// A producer that waits for room polls the oldest slot. If slots were freed one at a time, both
/// ends would pull the same line to and fro for each request.
pub(super) fn release_every(capacity: usize) -> u64 {
    (capacity as u64 / 8).clamp(1, RELEASE_MAX)
}

/// Enough to spread the transfer of a few lines, and few enough that the capacity is nearly exact
/// where requests are slow. (Batches of 32 through the single producer's ring and the shared one,
/// ns a request: 16 slots 4.2 and 15.5, 32 slots 3.4 and 11, 64 slots 3.2 and 10.5.)
const RELEASE_MAX: u64 = 64;

/// One place in a ring. It is ready for its first request when all its bytes are zero, so the
/// allocator's untouched zero pages are a ring ready for use.
///
/// # Safety
/// Zero bytes must be what `free` makes, and the value inside may be sent to another thread.
pub(super) unsafe trait Slot: Sized {
    /// A slot in the state of all zero bytes.
    fn free() -> Self;
}

/// A slot whose owner is known from the positions alone.
pub(super) struct PlainSlot<T>(pub(super) UnsafeCell<MaybeUninit<T>>);

// SAFETY: an uninit value is any bytes.
unsafe impl<T: Send> Slot for PlainSlot<T> {
    fn free() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }
}

/// The slots of one ring, allocated at their first use. An object that is never called has none,
/// and a large ring costs only the pages that were used.
pub(super) struct Slots<S> {
    first: AtomicPtr<S>,
}

// SAFETY: the slots are shared between producers and consumer, which pass each value from one
// thread to another and never to two at once (the rings' protocols); the slots' own bound, `Send`
// values, is enough for that.
unsafe impl<S: Slot> Send for Slots<S> {}
// SAFETY: as above.
unsafe impl<S: Slot> Sync for Slots<S> {}

impl<S> Slots<S> {
    /// How many slots ahead of the one in use the next cache lines are asked for: ten lines, which
    /// covers the time that one takes to come from another core. (Batches of 32 requests of 16
    /// bytes, ns each, on the machine where it was tried: 4 lines 4.6, 6 lines 3.9, 10 lines 3.2,
    /// 16 lines 3.3; with 24 bytes, the producer's side none 7.6 and 6 lines 6.4.)
    pub(super) const AHEAD: u64 = 1 + 10 * 64 / (1 + mem::size_of::<S>() as u64);

    pub(super) fn unallocated() -> Self {
        Self { first: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The slots, if anyone has used them yet.
    #[inline(always)]
    pub(super) fn get(&self) -> Option<*const S> {
        // Acquire [slots.installed]: sees the slots as made; pairs with the CAS in `install`.
        let first = self.first.load(Acquire);
        (!first.is_null()).then_some(first.cast_const())
    }

    /// Frees the slots. Their values are the caller's to drop, before.
    pub(super) fn free(&mut self, geometry: &Geometry) {
        if let Some(first) = self.get() {
            // SAFETY: `&mut self` is the last use, and the slots came from `install`.
            drop(unsafe { Self::reclaim(first.cast_mut(), geometry) });
        }
    }

    /// # Safety
    /// `first` must come from `Box::into_raw` in `install`, with this geometry, and be used no
    /// more.
    unsafe fn reclaim(first: *mut S, geometry: &Geometry) -> Box<[S]> {
        let slots = ptr::slice_from_raw_parts_mut(first, geometry.capacity());
        // SAFETY: the caller's promise.
        unsafe { Box::from_raw(slots) }
    }
}

impl<S: Slot> Slots<S> {
    #[inline(always)]
    pub(super) fn get_or_allocate(&self, geometry: &Geometry) -> *const S {
        self.get().unwrap_or_else(|| self.install(geometry))
    }

    #[cold]
    fn install(&self, geometry: &Geometry) -> *const S {
        // SAFETY: zero bytes are what `free` makes, says `Slot`.
        let slots = unsafe { zeroed_slice(geometry.capacity(), S::free) };
        let fresh = Box::into_raw(slots).cast::<S>();
        // AcqRel [slots.installed]: Release carries the fresh slots to `get`; Acquire, on failure
        // too, sees the ones another producer installed first.
        match self.first.compare_exchange(ptr::null_mut(), fresh, AcqRel, Acquire) {
            Ok(_) => fresh,
            Err(winner) => {
                // SAFETY: `fresh` came from `Box::into_raw` above and was never shown to anyone.
                drop(unsafe { Self::reclaim(fresh, geometry) });
                winner
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_visit_each_slot_once_a_lap() {
        for capacity in [1_usize, 2, 3, 5, 8, 1000] {
            let geometry = Geometry::new(capacity).unwrap();
            let mut position = 0;
            for step in 0..3 * capacity {
                assert_eq!(geometry.index(position), step % capacity);
                assert_eq!(geometry.lap(position), (step / capacity) as u64);
                assert_eq!(geometry.distance(position, 0), step as u64);
                position = geometry.advance(position, 1);
            }
        }
    }

    #[test]
    fn advancing_by_many_equals_advancing_one_by_one() {
        let geometry = Geometry::new(5).unwrap();
        for start in 0..12 {
            let at = (0..start).fold(0, |p, _| geometry.advance(p, 1));
            for steps in 0..=5 {
                let one_by_one = (0..steps).fold(at, |p, _| geometry.advance(p, 1));
                assert_eq!(geometry.advance(at, steps), one_by_one);
            }
        }
    }
}
