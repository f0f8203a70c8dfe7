//! The ring for many producers: a compare-and-swap claims a slot, a stamp in the slot publishes it.
//!
//! Each slot carries a stamp, `lap << 2 | state`:
//!
//! | state | meaning | who changes it |
//! |---|---|---|
//! | free | a claim of this lap may fill it | the producer whose claim owns the position: to full, or to void |
//! | full | holds a request | the consumer: to free in the next lap |
//! | void | the claim was given up; there is no request | the consumer: to free in the next lap |
//!
//! A producer owns a slot from its claim (the CAS on the tail) to its stamp. From then on the
//! consumer owns it, until it stamps the slot free again *after* the request was handled. So the
//! capacity is the number of requests accepted and not yet served, apart from a group of served
//! slots that is freed at once. Only the stamp moves between the cores: the consumer reads the tail
//! only when the head slot isn't full, and takes a request without a read-modify-write.
//!
//! **Progress.** Nothing here waits. A push retries only when another producer's claim succeeded
//! (lock-free). But a producer that is suspended between claim and stamp delays everything behind
//! it ([`Pop::InFlight`](super::Pop::InFlight)), so the ring as a whole isn't lock-free.
//!
//! # Source
//! D. Vyukov, "Bounded MPMC queue" (1024cores.net); laps as in crossbeam's `ArrayQueue`; the idle
//! bit in the producers' word as in JCTools' `MpscBlockingConsumerArrayQueue`.

#[allow(unsafe_code)] // the consumer's reads of the slots
mod consumer;
#[allow(unsafe_code)] // claims, and what they write
mod ring;

use super::bell::{Bell, Silent};
use super::capacity::CapacityError;
use super::ends;
use super::error::PushError;
use super::intrusive_arc::{IntrusiveArc, try_increment};
use super::kind::Mpsc;
use super::sealed;
use super::stamped::VOID;
use ring::Claimed;
use std::fmt;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

pub use consumer::Consumer;
pub use ring::Ring;

/// Makes a ring for exactly `capacity` requests, whose consumer polls.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn mailbox<T: Send>(capacity: usize) -> Result<(Producer<T>, Consumer<T>), CapacityError> {
    with_bell(capacity, Silent)
}

/// The two ends of one ring.
pub type Ends<T, B = Silent> = (Producer<T, B>, Consumer<T, B>);

/// Makes a ring whose producers ring `bell` when they find it cold.
///
/// # Errors
/// [`CapacityError`] for 0 or more than [`CAPACITY_MAX`](super::CAPACITY_MAX).
pub fn with_bell<T: Send, B: Bell>(capacity: usize, bell: B) -> Result<Ends<T, B>, CapacityError> {
    let ring = Ring::new(capacity, bell)?;
    Ok((Producer { ring: ring.clone() }, Consumer::of(ring)))
}

/// The end that adds requests. Clone it for more producers; the last one dropped closes the ring.
pub struct Producer<T: Send, B: Bell = Silent> {
    ring: IntrusiveArc<Ring<T, B>>,
}

impl<T: Send, B: Bell> Producer<T, B> {
    /// Adds a request, or gives it back.
    ///
    /// # Errors
    /// [`PushError::Full`] when no slot is free, [`PushError::Closed`] after a close; the request
    /// is inside.
    /// # Blocking
    /// Never. Lock-free: a retry means that another producer's claim succeeded.
    /// # Ordering
    /// What the caller wrote before is visible to the consumer of this request (pair `mpsc.full`).
    #[inline]
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.ring.push(value)
    }

    /// Claims a slot to fill later. Dropping the claim gives it up.
    ///
    /// The consumer can't see past an open claim: keep it for a few instructions only.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn claim(&self) -> Result<Claim<'_, T, B>, PushError<()>> {
        let claimed = self.ring.claim(self.ring.span())?;
        Ok(Claim { ring: &self.ring, claimed: Some(claimed) })
    }

    /// Adds as many of `values` as there is room for, by one claim; returns how many.
    ///
    /// Takes no more from the iterator than it adds. If the iterator panics or ends early, the rest
    /// of the claim is given up.
    ///
    /// # Errors
    /// [`PushError::Full`] when there was no room, [`PushError::Closed`] after a close. The list
    /// inside holds what was taken from the iterator; here it is always empty.
    pub fn push_batch<I>(&self, values: &mut I) -> Result<usize, PushError<Vec<T>>>
    where
        I: ExactSizeIterator<Item = T>,
    {
        self.ring.push_batch(values)
    }
}

impl<T: Send, B: Bell> Clone for Producer<T, B> {
    fn clone(&self) -> Self {
        // Relaxed: the count alone matters, and this handle keeps it above zero meanwhile.
        self.ring.producers.fetch_add(1, Relaxed);
        Self { ring: self.ring.clone() }
    }
}

impl<T: Send, B: Bell> Drop for Producer<T, B> {
    fn drop(&mut self) {
        // AcqRel [mpsc.producers]: Release hands what this producer did to the last one; Acquire
        // lets the last one publish all of it with the close.
        if self.ring.producers.fetch_sub(1, AcqRel) == 1 {
            self.ring.close();
        }
    }
}

/// A slot that is owned and not yet filled.
#[must_use = "dropping a claim gives the slot up"]
pub struct Claim<'a, T: Send, B: Bell = Silent> {
    ring: &'a Ring<T, B>,
    claimed: Option<Claimed>,
}

impl<T: Send, B: Bell> Claim<'_, T, B> {
    /// Fills the slot and shows it to the consumer.
    pub fn publish(mut self, value: T) {
        if let Some(claimed) = self.claimed.take() {
            self.ring.publish(self.ring.span(), claimed, value);
        }
    }
}

impl<T: Send, B: Bell> Drop for Claim<'_, T, B> {
    fn drop(&mut self) {
        if let Some(claimed) = self.claimed.take() {
            self.ring.span().stamp(claimed.position, VOID);
            self.ring.ring_if(claimed.cold);
        }
    }
}

impl<T: Send, B: Bell> fmt::Debug for Claim<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mpsc::Claim")
    }
}

ends::producer!("mpsc", "How many requests fit.");
ends::cloned_kind!(Mpsc);

impl sealed::Kind for Mpsc {
    ends::kind!(|capacity, _, bell| with_bell(capacity, bell));

    fn upgrade<T: Send + 'static, B: Bell>(
        ring: &IntrusiveArc<Ring<T, B>>,
    ) -> Option<Producer<T, B>> {
        try_increment(&ring.producers).then(|| Producer { ring: ring.clone() })
    }
}
