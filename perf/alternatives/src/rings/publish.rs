//! Ways to show what was filled, and to learn whether the consumer must be woken for it.
//!
//! A tail word is a position above two flags, as in the engine; here only `COLD` is ever set, by a
//! consumer that goes to sleep.

use crate::sys;
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU64, compiler_fence, fence};

/// The consumer does not poll.
pub const COLD: u64 = 1;
/// What lies below the position.
pub const FLAG_BITS: u32 = 2;

/// The two words that decide on a wake-up. Where the flag lies in the tail, `asleep` isn't used.
pub struct Signals<'a> {
    /// Where the producer is, and the flags.
    pub tail: &'a AtomicU64,
    /// A flag of its own, for the ways that don't change the tail on both sides.
    pub asleep: &'a CachePadded<AtomicU64>,
}

/// A way to publish; its partner `cool` is what the consumer does before it sleeps.
pub trait Publish: Send + Sync + 'static {
    /// Moves the tail from one position to another; `true` if the caller owes a wake-up.
    fn publish(signals: Signals<'_>, from: u64, to: u64) -> bool;

    /// Announces the sleep, unless the tail has moved on; `true` if the consumer may sleep.
    fn cool(signals: Signals<'_>, head: u64) -> bool;

    /// Takes the announcement back, if no producer did.
    fn warm(signals: Signals<'_>);
}

/// A plain store. Right only where nobody else ever changes the word and nobody sleeps.
pub struct Store;

/// A compare-and-swap: flags beside the position survive, and are seen. What the engine does.
pub struct Cas;

/// A swap: the flags are seen, and overwritten, so a publication after a close can't be refused.
pub struct Swap;

/// A plain store, a full fence, and a look at a flag of its own.
pub struct Fenced;

/// The same without the fence: the sleeper has the kernel interrupt every CPU that runs the
/// process, which orders their memory accesses in its stead.
pub struct Membarrier;

impl Publish for Store {
    #[inline(always)]
    fn publish(signals: Signals<'_>, _: u64, to: u64) -> bool {
        // Release: carries the requests; pairs with the Acquire in the consumer's look at the tail.
        signals.tail.store(to << FLAG_BITS, Release);
        false
    }

    fn cool(_: Signals<'_>, _: u64) -> bool {
        false
    }

    fn warm(_: Signals<'_>) {}
}

impl Publish for Cas {
    #[inline(always)]
    fn publish(signals: Signals<'_>, from: u64, to: u64) -> bool {
        let mut seen = from << FLAG_BITS;
        loop {
            // AcqRel: Release carries the requests; Acquire sees what the consumer did before it
            // set COLD. Acquire on failure: the same, for the flag found then.
            match signals.tail.compare_exchange_weak(seen, to << FLAG_BITS, AcqRel, Acquire) {
                Ok(_) => return seen & COLD != 0,
                Err(now) => seen = now,
            }
        }
    }

    #[inline(always)]
    fn cool(signals: Signals<'_>, head: u64) -> bool {
        let empty = head << FLAG_BITS;
        // Release: what the consumer did before, for the producer that clears COLD. Relaxed on
        // failure: the caller polls again.
        signals.tail.compare_exchange(empty, empty | COLD, Release, Relaxed).is_ok()
    }

    fn warm(signals: Signals<'_>) {
        // Relaxed: the consumer takes back its own mark; nothing rides on it.
        signals.tail.fetch_and(!COLD, Relaxed);
    }
}

impl Publish for Swap {
    #[inline(always)]
    fn publish(signals: Signals<'_>, _: u64, to: u64) -> bool {
        // AcqRel: as in `Cas`.
        signals.tail.swap(to << FLAG_BITS, AcqRel) & COLD != 0
    }

    fn cool(signals: Signals<'_>, head: u64) -> bool {
        Cas::cool(signals, head)
    }

    fn warm(signals: Signals<'_>) {
        Cas::warm(signals);
    }
}

impl Publish for Fenced {
    #[inline(always)]
    fn publish(signals: Signals<'_>, _: u64, to: u64) -> bool {
        // Release: as in `Store`.
        signals.tail.store(to << FLAG_BITS, Release);
        // SeqCst: between the store above and the load below. `cool` has the same between its
        // store of the flag and its load of the tail, so one side sees the other.
        fence(SeqCst);
        owes(signals.asleep)
    }

    #[inline(always)]
    fn cool(signals: Signals<'_>, head: u64) -> bool {
        // Relaxed: the fence orders it.
        signals.asleep.store(1, Relaxed);
        // SeqCst: see `publish`.
        fence(SeqCst);
        stays_empty(signals, head)
    }

    fn warm(signals: Signals<'_>) {
        // Relaxed: as in `Cas`.
        signals.asleep.store(0, Relaxed);
    }
}

impl Publish for Membarrier {
    #[inline(always)]
    fn publish(signals: Signals<'_>, _: u64, to: u64) -> bool {
        // Release: as in `Store`.
        signals.tail.store(to << FLAG_BITS, Release);
        // For the compiler alone. The processor may let the load below pass the store above; then
        // `cool` on the other CPU, whose system call is a full barrier here too, sees the store.
        compiler_fence(SeqCst);
        owes(signals.asleep)
    }

    #[inline(always)]
    fn cool(signals: Signals<'_>, head: u64) -> bool {
        // Relaxed: the system call orders it, on this CPU and on every other of the process.
        signals.asleep.store(1, Relaxed);
        sys::membarrier();
        stays_empty(signals, head)
    }

    fn warm(signals: Signals<'_>) {
        Fenced::warm(signals);
    }
}

#[inline(always)]
fn owes(asleep: &AtomicU64) -> bool {
    // Relaxed: the fence before ordered it, and the swap below acquires.
    // The swap decides between several producers which of them pays. AcqRel: as in `Cas`.
    asleep.load(Relaxed) != 0 && asleep.swap(0, AcqRel) != 0
}

#[inline(always)]
fn stays_empty(signals: Signals<'_>, head: u64) -> bool {
    // Relaxed: a new position is looked at again, with Acquire, before anything is read.
    let empty = signals.tail.load(Relaxed) >> FLAG_BITS == head;
    if !empty {
        // Relaxed: the consumer takes back its own mark; a producer that saw it rings in vain.
        signals.asleep.store(0, Relaxed);
    }
    empty
}
