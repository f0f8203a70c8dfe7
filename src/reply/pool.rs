//! The reply cells of one object: one is taken for each call, and given back after it.
//!
//! Cells lie in chunks, which are allocated when the free list is empty and freed with the pool; in a
//! steady state nothing is allocated. The first chunk is one cell, directly behind the pool: an object with
//! one caller that waits for each answer needs no more. With the second chunk there are 16 cells, and four
//! times as many with each further one. The free list is a stack of cell numbers: the cell that was given
//! back last is taken next, so a caller that waits for each answer keeps using the same cache lines. Its
//! head packs a tag that each change increments, against ABA.
//!
//! **Who frees the pool.** The object retires it, but callers may hold calls for longer. Counting every
//! call would cost a read-modify-write each, so nothing is counted before that. Retiring takes the whole
//! free list, marks it `RETIRED`, and adds the number of missing cells to a balance. Each cell that is given
//! back later subtracts one, and whoever brings the balance to zero frees the pool.
//!
//! # Source
//! The stack: R. K. Treiber (1986) with a version tag (IBM System/370 Principles of Operation).

use crate::reply::cell::{Cell, reply_bytes};
use crate::runner::remote::Remote;
use crate::sync::{Arc, AtomicPtr, AtomicU32, AtomicU64, IS_MODEL};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// See the module.
const CHUNKS: usize = 10;

/// How many calls of one object may be pending, or ended and not yet taken: 1,048,576.
pub(crate) const CALLS_MAX: u32 = cells_before(CHUNKS as u32);

/// How many cells the chunks before this one hold: the number of its first.
const fn cells_before(chunk: u32) -> u32 {
    match chunk {
        0 | 1 => chunk,
        _ => 1 << (2 * chunk),
    }
}

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
///
/// Two cache lines. Callers write the head of the free list in the first and read the rest of it. The
/// runner reads and writes the second when it drops a request without serving it.
#[repr(C, align(64))]
pub(crate) struct Pool {
    free: AtomicU64,
    /// Twice the chunks so far, one less while the last one's cells are being given out.
    grown: AtomicU32,
    /// The size of a cell with its outcome.
    cell_bytes: u32,
    chunks: [AtomicPtr<u8>; CHUNKS],
    remote: Arc<Remote>,
    cells_max: u32,
    stopped: AtomicU32,
    /// Cells still out after the object's end; see the module.
    balance: AtomicU64,
}

const _: () = assert!(IS_MODEL || size_of::<Pool>() <= 128);

// SAFETY: the chunks behind the pointers are cells, which have a protocol of their own for sharing.
// Everything else is atomic or never changes.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

/// The object's reference to its pool, which is made at the first call: an object that only gets one-way
/// requests has none. Retires the pool when dropped.
pub(crate) struct OwnedPool(AtomicPtr<Pool>);

impl OwnedPool {
    pub(crate) fn unmade() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The pool, if there is one yet.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&Pool> {
        // Acquire [pool.made]: sees the pool as it was made.
        // SAFETY: the pool is freed only after this reference was dropped.
        unsafe { self.0.load(Acquire).as_ref() }
    }

    /// Makes the pool, of at most `cells_max` cells with `reply_bytes` behind each; or finds the one that
    /// another caller has made.
    #[cold]
    pub(crate) fn make(&self, reply_bytes: u32, cells_max: u32, remote: &Arc<Remote>) -> &Pool {
        let fresh = Pool::new(reply_bytes, cells_max, remote.clone());
        // AcqRel [pool.made]: Release carries the pool; Acquire, on failure too, sees the one that
        // another caller made first.
        let made = self.0.compare_exchange(ptr::null_mut(), fresh.as_ptr(), AcqRel, Acquire);
        let Err(winner) = made else {
            // SAFETY: installed, and this reference is not dropped.
            return unsafe { fresh.as_ref() };
        };
        // SAFETY: made above, and never shared.
        unsafe { Pool::free(fresh) };
        // SAFETY: not null, as the CAS has failed; else as above.
        unsafe { &*winner }
    }
}

impl Drop for OwnedPool {
    fn drop(&mut self) {
        let Some(pool) = self.get() else { return };
        let missing = pool.retire();
        // AcqRel [pool.balance]: Release, that the retiring is over, and Acquire, that so is every
        // cell's last use, for whoever frees.
        if pool.balance.fetch_add(missing, AcqRel).wrapping_add(missing) == 0 {
            // SAFETY: the balance is zero, so no cell is out, and this was the object's reference.
            unsafe { Pool::free(NonNull::from(pool)) };
        }
    }
}

impl Pool {
    fn new(reply_bytes: u32, cells_max: u32, remote: Arc<Remote>) -> NonNull<Self> {
        let cell_bytes = size_of::<Cell>() + reply_bytes.next_multiple_of(64) as usize;
        let layout = Self::layout(cell_bytes);
        // SAFETY: the layout is not empty.
        let Some(this) = NonNull::new(unsafe { alloc(layout) }.cast::<Self>()) else {
            handle_alloc_error(layout);
        };
        let first = Self::first_chunk(this);
        let mut chunks = [const { ptr::null_mut() }; CHUNKS];
        chunks[0] = first;
        let pool = Self {
            free: AtomicU64::new(1),
            grown: AtomicU32::new(2),
            cell_bytes: cell_bytes as u32,
            chunks: chunks.map(AtomicPtr::new),
            remote,
            cells_max: cells_max.clamp(1, CALLS_MAX),
            stopped: AtomicU32::new(0),
            balance: AtomicU64::new(0),
        };
        // SAFETY: allocated above for a pool, and a cell behind it, where `layout` put both.
        unsafe {
            this.write(pool);
            first.cast::<Cell>().write(Cell::new(this, 0));
        }
        this
    }

    /// A pool with the first cell behind it.
    fn layout(cell_bytes: usize) -> Layout {
        Layout::from_size_align(size_of::<Self>() + cell_bytes, align_of::<Self>())
            .expect("reply sizes are bounded at compile time")
    }

    fn first_chunk(this: NonNull<Self>) -> *mut u8 {
        // SAFETY: the allocation continues behind the pool. Both are aligned to 64.
        unsafe { this.as_ptr().add(1).cast() }
    }

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

    /// Takes the free list for good. Returns how many cells are out.
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

    /// How many calls have not ended. Only while no other thread takes cells or gives them back.
    pub(crate) fn pending(&self) -> usize {
        (0..self.cells() as u32).filter(|index| Cell::is_pending(self.cell(*index))).count()
    }

    /// Notes that requests dropped from now on were stopped, not dropped by the servant.
    pub(crate) fn mark_stopped(&self) {
        // Relaxed: set by the runner before it drops them, on the same thread.
        self.stopped.store(1, Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        // Relaxed: as in `mark_stopped`.
        self.stopped.load(Relaxed) != 0
    }

    /// The runner of the object: callers ask it how to wait, and whether they may.
    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Cells allocated so far.
    fn cells(&self) -> u64 {
        // Acquire [pool.grown]: sees the chunks counted.
        self.cells_to(self.grown.load(Acquire).div_ceil(2)).into()
    }

    /// How many cells there are with so many chunks.
    fn cells_to(&self, chunks: u32) -> u32 {
        cells_before(chunks).min(self.cells_max)
    }

    /// The numbers of a chunk's cells.
    fn numbers_of(&self, chunk: u32) -> Range<u32> {
        cells_before(chunk)..self.cells_to(chunk + 1)
    }

    /// The address of a cell: chunk k holds the numbers from 4^k on, but for the first two.
    #[inline(always)]
    fn cell(&self, index: u32) -> NonNull<Cell> {
        let chunk = if index == 0 { 0 } else { (index | 4).ilog2() / 2 };
        let place = index - cells_before(chunk);
        // Relaxed: whoever knows the number learned it by Acquire after the chunk was installed.
        let first = self.chunks[chunk as usize].load(Relaxed);
        // SAFETY: the chunk holds that many cells of this size.
        let cell = unsafe { first.add(place as usize * self.cell_bytes as usize) };
        NonNull::new(cell.cast()).expect("a cell's number is known only after its chunk")
    }

    /// Adds the next chunk to the free list; `false` at the limit.
    #[cold]
    fn grow(&self) -> bool {
        // Acquire [pool.grown]: as in `cells`.
        let grown = self.grown.load(Acquire);
        if !grown.is_multiple_of(2) {
            // Another caller is about to fill the list.
            crate::sync::yield_now();
            return true;
        }
        let chunk = grown / 2;
        if self.cells_to(chunk) >= self.cells_max {
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
        self.grown.store(grown + 1, Release);
        for index in self.numbers_of(chunk).rev() {
            // SAFETY: the chunk is installed, and its cells are nobody's yet.
            self.give_back(unsafe { self.cell(index).as_ref() });
        }
        // Release [pool.grown]: whoever finds the list empty from now on finds that all are out.
        self.grown.store(grown + 2, Release);
        true
    }

    fn make_chunk(&self, chunk: u32) -> *mut u8 {
        let layout = self.chunk_layout(chunk);
        // SAFETY: the layout is not empty: a cell has 128 bytes.
        let memory = unsafe { alloc(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        for (place, index) in self.numbers_of(chunk).enumerate() {
            // SAFETY: inside the allocation just made.
            let cell = unsafe { memory.add(place * self.cell_bytes as usize) };
            // SAFETY: as above, and aligned: the layout's size is a multiple of the alignment.
            unsafe { cell.cast::<Cell>().write(Cell::new(NonNull::from(self), index)) };
        }
        memory
    }

    fn chunk_layout(&self, chunk: u32) -> Layout {
        let bytes = self.numbers_of(chunk).len() * self.cell_bytes as usize;
        Layout::from_size_align(bytes, align_of::<Cell>()).expect("no more cells than the limit")
    }

    /// # Safety
    /// Nobody uses the pool or one of its cells any more; it came from `new`.
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: the caller's promise: this is the last use.
        let pool = unsafe { this.as_ref() };
        let layout = Self::layout(pool.cell_bytes as usize);
        for chunk in 0..CHUNKS as u32 {
            // Relaxed: whoever brought the balance to zero acquired everything before.
            let memory = pool.chunks[chunk as usize].load(Relaxed);
            if memory.is_null() {
                break;
            }
            for place in 0..pool.numbers_of(chunk).len() {
                // SAFETY: inside the chunk; each was written when it was made, and is dropped here
                // only.
                let cell = unsafe { memory.add(place * pool.cell_bytes as usize) };
                // SAFETY: as above.
                unsafe { ptr::drop_in_place(cell.cast::<Cell>()) };
            }
            if chunk > 0 {
                // SAFETY: allocated by `make_chunk` with this layout.
                unsafe { dealloc(memory, pool.chunk_layout(chunk)) };
            }
        }
        // SAFETY: allocated by `new` with this layout, written there, and dropped once.
        unsafe {
            ptr::drop_in_place(this.as_ptr());
            dealloc(this.as_ptr().cast(), layout);
        }
    }
}

/// A cell in a pool of its own, for a call without an object.
pub(crate) fn lone_cell<R>() -> NonNull<Cell> {
    let bytes = u32::try_from(reply_bytes::<R>()).expect("a type's size is bounded");
    let remote = Arc::new(Remote::new("nobody's"));
    // Retired here already: the pool lives until its cell is given back.
    let pool = OwnedPool::unmade();
    pool.make(bytes, 1, &remote).take().expect("a new pool has a cell")
}
