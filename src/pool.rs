//! The reply cells of one object: taken for each call, given back after it.
//!
//! Cells lie in chunks of doubling size, allocated when the free list is empty and never freed
//! before the pool; in a steady state nothing is allocated. The free list is a stack of cell
//! numbers, last given back first taken, so that a caller who waits for each answer uses the same
//! cache line again and again. Its head packs a tag that changes with every change, against ABA.
//!
//! **Who frees the pool.** The object retires it; callers may hold calls for longer. Counting
//! every call would cost a read-modify-write each, so nothing is counted before: retiring takes
//! the free list whole, marks it `RETIRED`, and adds the number of missing cells to a balance;
//! each cell given back later takes one off, and whoever brings the balance to zero frees the pool.
//!
//! # Source
//! The stack: R. K. Treiber (1986) with a version tag (IBM System/370 Principles of Operation).

use crate::reply::Cell;
use crate::station::Station;
use crate::sync::{Arc, AtomicPtr, AtomicU32, AtomicU64};
use crossbeam_utils::CachePadded;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// Cells in the first chunk: an object that is called rarely pays a kilobyte.
const FIRST_CHUNK: u32 = 8;
/// Chunks double, so this many hold 8 × (2^20 − 1) cells.
const CHUNKS: usize = 20;

/// The head of the free list: a tag above, the number of the first free cell plus one below.
#[derive(Clone, Copy)]
struct Head(u64);

impl Head {
    const INDEX_BITS: u32 = 24;
    const MASK: u64 = (1 << Self::INDEX_BITS) - 1;
    const RETIRED: u64 = Self::MASK;

    fn first(self) -> u64 {
        self.0 & Self::MASK
    }

    /// The next version, with another first cell.
    fn with_first(self, first: u64) -> u64 {
        ((self.0 | Self::MASK).wrapping_add(1)) | first
    }
}

/// See the module. Alive while the object is, or any of its cells is taken.
pub(crate) struct Pool {
    free: CachePadded<AtomicU64>,
    chunks: [AtomicPtr<u8>; CHUNKS],
    /// Chunks allocated so far.
    grown: AtomicU32,
    /// Cells still out after the object's end; see the module.
    balance: AtomicU64,
    stopped: AtomicU32,
    cell_layout: Layout,
    cells_max: u32,
    station: Arc<Station>,
}

// SAFETY: the chunks behind the pointers are cells, whose own protocol shares them; everything else
// is atomic or never changed.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

/// The object's hold on its pool: retires it when dropped.
pub(crate) struct OwnedPool(NonNull<Pool>);

// SAFETY: the pool is `Send + Sync`, and this is a hold on it like an `Arc`.
unsafe impl Send for OwnedPool {}
// SAFETY: as above.
unsafe impl Sync for OwnedPool {}

impl OwnedPool {
    /// A pool of at most about `cells_max` cells with `reply_bytes` behind each.
    pub(crate) fn new(reply_bytes: usize, cells_max: usize, station: Arc<Station>) -> Self {
        let bytes = size_of::<Cell>() + reply_bytes.next_multiple_of(align_of::<Cell>());
        let pool = Pool {
            free: CachePadded::new(AtomicU64::new(0)),
            chunks: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            grown: AtomicU32::new(0),
            balance: AtomicU64::new(0),
            stopped: AtomicU32::new(0),
            cell_layout: Layout::from_size_align(bytes, align_of::<Cell>())
                .expect("reply sizes are bounded at compile time"),
            cells_max: u32::try_from(cells_max).unwrap_or(u32::MAX),
            station,
        };
        Self(NonNull::from(Box::leak(Box::new(pool))))
    }
}

impl std::ops::Deref for OwnedPool {
    type Target = Pool;

    fn deref(&self) -> &Pool {
        // SAFETY: the pool is freed only after this hold was given up.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for OwnedPool {
    fn drop(&mut self) {
        let missing = self.retire();
        // AcqRel [pool.balance]: Release, that the retiring is over, and Acquire, that so is every
        // cell's last use, for whoever frees.
        if self.balance.fetch_add(missing, AcqRel).wrapping_add(missing) == 0 {
            // SAFETY: the balance is even, so no cell is out, and this was the object's hold.
            unsafe { Pool::free(self.0) };
        }
    }
}

impl Pool {
    /// A cell for one call, or `None` when the limit is reached.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<NonNull<Cell>> {
        loop {
            // Acquire [pool.free]: sees the cell's `next`, and its last user gone.
            let head = Head(self.free.load(Acquire));
            let Some(index) = head.first().checked_sub(1) else {
                if self.grow() {
                    continue;
                }
                return None;
            };
            let cell = self.cell(index as u32);
            // SAFETY: cells stay allocated while the pool lives. Relaxed: if another has taken the
            // cell meanwhile this value may be any, but then the tag has changed and the CAS fails.
            let next = unsafe { cell.as_ref() }.next.load(Relaxed);
            let new = head.with_first(u64::from(next));
            // Acquire [pool.free], Relaxed on failure: as above.
            if self.free.compare_exchange(head.0, new, Acquire, Relaxed).is_ok() {
                Cell::open(cell);
                return Some(cell);
            }
        }
    }

    /// Puts a cell back. The pool may be gone when this returns.
    #[inline(always)]
    pub(crate) fn give_back(&self, cell: &Cell) {
        // Relaxed: only a first guess for the CAS.
        let mut head = Head(self.free.load(Relaxed));
        while head.first() != Head::RETIRED {
            // Relaxed: the CAS below shows it.
            cell.next.store(head.first() as u32, Relaxed);
            let new = head.with_first(u64::from(cell.index()) + 1);
            // Release [pool.free]: carries `next`, and the end of this use.
            match self.free.compare_exchange(head.0, new, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = Head(now),
            }
        }
        // AcqRel [pool.balance]: as in `OwnedPool::drop`.
        if self.balance.fetch_sub(1, AcqRel) == 1 {
            // SAFETY: the object has retired the pool, and this was the last cell out.
            unsafe { Self::free(NonNull::from(self)) };
        }
    }

    /// Takes the free list for good; returns how many cells are out.
    fn retire(&self) -> u64 {
        // AcqRel [pool.free]: Acquire as in `take`; Release for those who find it retired.
        let mut next = Head(self.free.swap(Head::RETIRED, AcqRel)).first();
        let mut free = 0;
        while let Some(index) = next.checked_sub(1) {
            free += 1;
            // SAFETY: as in `take`. Relaxed: ordered by the swap.
            next = u64::from(unsafe { self.cell(index as u32).as_ref() }.next.load(Relaxed));
        }
        self.cells() - free
    }

    /// Ends every call that is neither done nor cancelled. For after the object's last claim.
    pub(crate) fn end_all(&self) {
        for index in 0..self.cells() as u32 {
            Cell::end(self.cell(index));
        }
    }

    /// Says that requests dropped from now on were stopped, not forgotten.
    pub(crate) fn mark_stopped(&self) {
        // Relaxed: set by the runner before it drops them, on the same thread.
        self.stopped.store(1, Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        // Relaxed: as in `mark_stopped`.
        self.stopped.load(Relaxed) != 0
    }

    /// The runner of the object: callers ask it how to wait, and whether they may.
    pub(crate) fn station(&self) -> &Station {
        &self.station
    }

    /// Cells allocated so far.
    fn cells(&self) -> u64 {
        // Acquire [pool.grown]: sees the chunks counted.
        u64::from(FIRST_CHUNK) * ((1 << self.grown.load(Acquire)) - 1)
    }

    /// The address of a cell: chunk k holds the numbers from 8 × (2^k − 1) on.
    #[inline(always)]
    fn cell(&self, index: u32) -> NonNull<Cell> {
        let chunk = (index / FIRST_CHUNK + 1).ilog2();
        let place = index - FIRST_CHUNK * ((1 << chunk) - 1);
        // Relaxed: whoever knows the number learned it by Acquire after the chunk was installed.
        let first = self.chunks[chunk as usize].load(Relaxed);
        // SAFETY: the chunk holds that many cells of this layout.
        let cell = unsafe { first.add(place as usize * self.cell_layout.size()) };
        NonNull::new(cell.cast()).expect("a cell's number is known only after its chunk")
    }

    /// Adds the next chunk to the free list; `false` at the limit.
    #[cold]
    fn grow(&self) -> bool {
        // Acquire [pool.grown]: as in `cells`.
        let chunk = self.grown.load(Acquire);
        if chunk as usize == CHUNKS || self.cells() >= u64::from(self.cells_max) {
            // Another may have filled the list meanwhile, or a cell may be back.
            // Relaxed: a hint to look again.
            return Head(self.free.load(Relaxed)).first() != 0;
        }
        let memory = self.make_chunk(chunk);
        let installed = &self.chunks[chunk as usize];
        // AcqRel [pool.grown], with the count below: whoever installs the chunk alone counts it,
        // and shows its cells. Relaxed on failure: nothing of the winner's is read here.
        if installed.compare_exchange(ptr::null_mut(), memory, AcqRel, Relaxed).is_err() {
            // SAFETY: made above with this layout, never shown to anyone.
            unsafe { dealloc(memory, self.chunk_layout(chunk)) };
            crate::sync::yield_now();
            return true;
        }
        // Release [pool.grown]: carries the chunk's pointer and its cells.
        self.grown.store(chunk + 1, Release);
        let first = FIRST_CHUNK * ((1 << chunk) - 1);
        for index in (first..first + (FIRST_CHUNK << chunk)).rev() {
            // SAFETY: the chunk is installed, and its cells are nobody's yet.
            self.give_back(unsafe { self.cell(index).as_ref() });
        }
        true
    }

    fn make_chunk(&self, chunk: u32) -> *mut u8 {
        let layout = self.chunk_layout(chunk);
        // SAFETY: the layout is not empty: a cell has 128 bytes.
        let memory = unsafe { alloc(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        for place in 0..FIRST_CHUNK << chunk {
            let index = FIRST_CHUNK * ((1 << chunk) - 1) + place;
            // SAFETY: inside the allocation just made.
            let cell = unsafe { memory.add(place as usize * self.cell_layout.size()) };
            // SAFETY: as above, and aligned: the layout's size is a multiple of the alignment.
            unsafe { cell.cast::<Cell>().write(Cell::new(NonNull::from(self), index)) };
        }
        memory
    }

    fn chunk_layout(&self, chunk: u32) -> Layout {
        let cells = (FIRST_CHUNK as usize) << chunk;
        Layout::from_size_align(cells * self.cell_layout.size(), self.cell_layout.align())
            .expect("no more cells than the limit")
    }

    /// # Safety
    /// Nobody uses the pool or one of its cells any more; it came from `OwnedPool::new`.
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: the caller's promise: this is the last use, and it was leaked from a box.
        let pool = unsafe { Box::from_raw(this.as_ptr()) };
        for (chunk, memory) in pool.chunks.iter().enumerate() {
            // Relaxed: whoever brought the balance to zero acquired everything before.
            let memory = memory.load(Relaxed);
            if memory.is_null() {
                break;
            }
            for place in 0..(FIRST_CHUNK as usize) << chunk {
                // SAFETY: inside the chunk; each was written by `make_chunk`, and dropped here only.
                let cell = unsafe { memory.add(place * pool.cell_layout.size()) };
                // SAFETY: as above.
                unsafe { ptr::drop_in_place(cell.cast::<Cell>()) };
            }
            // SAFETY: allocated by `make_chunk` with this layout.
            unsafe { dealloc(memory, pool.chunk_layout(chunk as u32)) };
        }
    }
}
