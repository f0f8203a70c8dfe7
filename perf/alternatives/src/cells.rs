//! Reply cells: where an answer meets its caller, how it is marked as there, and who lends cells.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};

const OPEN: u32 = 0;
const STARTED: u32 = 1;
const DONE: u32 = 2;
/// The caller sleeps, or will. No caller here does; each way to complete must look for it.
const WAITER: u32 = 4;

/// One cell: a line that both ends write, and one beside it that is used only for sleeping.
#[repr(C, align(128))]
pub struct Cell {
    state: AtomicU32,
    /// For `Fenced`: whether the caller sleeps.
    waiter: AtomicU32,
    /// The next free cell plus one, in a pool's free list.
    next: AtomicU32,
    answer: AtomicU64,
}

/// So many cells.
pub fn cells(count: usize) -> Box<[Cell]> {
    let new = |_| Cell {
        state: AtomicU32::new(DONE),
        waiter: AtomicU32::new(0),
        next: AtomicU32::new(0),
        answer: AtomicU64::new(0),
    };
    (0..count).map(new).collect()
}

impl Cell {
    /// Makes the cell ready for a question that is not sent yet.
    #[inline(always)]
    fn open(&self) {
        // Relaxed: sending the question carries it to the responder.
        self.state.store(OPEN, Relaxed);
    }

    /// The answer, once it is there.
    #[inline(always)]
    pub fn poll(&self) -> Option<u64> {
        // Acquire: sees the answer; pairs with the Release in `Completion::complete`.
        let done = self.state.load(Acquire) & DONE != 0;
        // Relaxed: as above.
        done.then(|| self.answer.load(Relaxed))
    }
}

/// How the responder says that the answer is there.
pub trait Completion: Send + Sync + 'static {
    /// Puts the answer in; `true` if the caller sleeps and must be woken.
    fn complete(cell: &Cell, answer: impl FnOnce() -> u64) -> bool;
}

/// Two compare-and-swaps: one takes the decision between starting and a cancel, one between the
/// answer and a waiter that comes at the same time. What the engine does.
pub struct TwoCas;
/// One compare-and-swap at the end: a cancel can come while the method runs, and is too late then.
pub struct OneCas;
/// A store, a fence, and a look at a word of the caller's. No cancelling.
pub struct Fenced;
/// A store: right only if the caller never sleeps. The floor.
pub struct Plain;

impl Completion for TwoCas {
    #[inline(always)]
    fn complete(cell: &Cell, answer: impl FnOnce() -> u64) -> bool {
        // Relaxed: the word's own order of changes decides; no data rides on it.
        let started = cell.state.compare_exchange(OPEN, STARTED, Relaxed, Relaxed);
        assert!(started.is_ok(), "no caller cancels here");
        // Relaxed: the change below carries it.
        cell.answer.store(answer(), Relaxed);
        finish(cell, STARTED)
    }
}

impl Completion for OneCas {
    #[inline(always)]
    fn complete(cell: &Cell, answer: impl FnOnce() -> u64) -> bool {
        // Relaxed: as above.
        cell.answer.store(answer(), Relaxed);
        finish(cell, OPEN)
    }
}

#[inline(always)]
fn finish(cell: &Cell, from: u32) -> bool {
    // Release: carries the answer to `Cell::poll`. Relaxed on failure: the slow way looks again.
    let done = cell.state.compare_exchange(from, DONE, Release, Relaxed);
    // AcqRel: Release as above; Acquire sees the waiter.
    done.is_err() && cell.state.fetch_or(DONE, AcqRel) & WAITER != 0
}

impl Completion for Fenced {
    #[inline(always)]
    fn complete(cell: &Cell, answer: impl FnOnce() -> u64) -> bool {
        Plain::complete(cell, answer);
        // SeqCst: between the store of DONE and the load below. A caller that is about to sleep has
        // the same between its store of `waiter` and its look at the state: one sees the other.
        fence(SeqCst);
        // Relaxed: the fence orders it.
        cell.waiter.load(Relaxed) != 0
    }
}

impl Completion for Plain {
    #[inline(always)]
    fn complete(cell: &Cell, answer: impl FnOnce() -> u64) -> bool {
        // Relaxed: as above.
        cell.answer.store(answer(), Relaxed);
        // Release: carries the answer to `Cell::poll`.
        cell.state.store(DONE, Release);
        false
    }
}

/// Who lends cells to one caller.
pub trait Lender {
    /// The number of a cell that is open, or `None` if all are out.
    fn take(&mut self) -> Option<usize>;
    /// Puts one back.
    fn give_back(&mut self, cell: usize);
}

/// The caller's own cells: no other thread takes or returns any, so no atomics.
pub struct Slab<'a> {
    cells: &'a [Cell],
    free: Vec<u32>,
}

impl<'a> Slab<'a> {
    /// All cells are free.
    pub fn new(cells: &'a [Cell]) -> Self {
        Self { cells, free: (0..cells.len() as u32).rev().collect() }
    }
}

impl Lender for Slab<'_> {
    #[inline(always)]
    fn take(&mut self) -> Option<usize> {
        let cell = self.free.pop()? as usize;
        self.cells[cell].open();
        Some(cell)
    }

    #[inline(always)]
    fn give_back(&mut self, cell: usize) {
        self.free.push(cell as u32);
    }
}

/// Cells for all callers of one object: a stack (R. K. Treiber, 1986), with a tag against ABA.
pub struct Pool<'a> {
    cells: &'a [Cell],
    /// A tag above, the number of the first free cell plus one below.
    free: &'a AtomicU64,
}

impl<'a> Pool<'a> {
    const MASK: u64 = (1 << 24) - 1;

    /// All cells are free; `free` is the head of their list.
    pub fn new(cells: &'a [Cell], free: &'a AtomicU64) -> Self {
        let mut pool = Self { cells, free };
        (0..cells.len()).rev().for_each(|cell| pool.give_back(cell));
        pool
    }

    fn next_version(head: u64, first: u64) -> u64 {
        (head | Self::MASK).wrapping_add(1) | first
    }
}

impl Lender for Pool<'_> {
    #[inline(always)]
    fn take(&mut self) -> Option<usize> {
        loop {
            // Acquire: sees the cell's `next`; pairs with the Release in `give_back`.
            let head = self.free.load(Acquire);
            let cell = (head & Self::MASK).checked_sub(1)? as usize;
            // Relaxed: if another took the cell meanwhile, the tag has changed and the CAS fails.
            let next = self.cells[cell].next.load(Relaxed);
            let new = Self::next_version(head, next.into());
            // Acquire: as above; Relaxed on failure: again.
            if self.free.compare_exchange(head, new, Acquire, Relaxed).is_ok() {
                self.cells[cell].open();
                return Some(cell);
            }
        }
    }

    #[inline(always)]
    fn give_back(&mut self, cell: usize) {
        // Relaxed: a first guess for the CAS.
        let mut head = self.free.load(Relaxed);
        loop {
            // Relaxed: the CAS below shows it.
            self.cells[cell].next.store((head & Self::MASK) as u32, Relaxed);
            let new = Self::next_version(head, cell as u64 + 1);
            // Release: carries `next`. Relaxed on failure: again.
            match self.free.compare_exchange(head, new, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}
