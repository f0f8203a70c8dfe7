//! A producer of an object's mailbox, and what happens to the requests that it sends.

use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::{Producer as _, SharedRing as _};
use crate::mailbox::{ClonedKind, Kind, Mpsc, PushError, SharedKind, sealed};
use crate::object::active::Active;
use crate::object::ends::{Producer, Ring};
use crate::object::overflow::{OnFull, Refusal, wait_for_room};
use crate::object::priority::Priority;
use crate::object::shared::Shared;
use crate::proxy::options::{Bound, Options};
use crate::reply::call::Call;
use crate::reply::cell::{Cell, reply_bytes};
use crate::reply::error::{CallError, SendError};
use crate::reply::reply::Reply;
use std::fmt;
use std::ptr::NonNull;

/// A producer of an object's mailbox: what a proxy wraps, whether generated or hand-written.
///
/// When the last handle is dropped, the object serves the requests that it has accepted, then ends.
pub struct Handle<S: Active, K: Kind = Mpsc> {
    producer: Producer<S, K>,
}

// Implemented by hand: the compiler can't derive it for a request that carries a proxy of its own
// object, or of an object whose requests carry a proxy of this one. It would recurse without end.

// SAFETY: a handle is a producer of a ring of requests. Requests are `Send` (`Active::Request`). The
// rest of what the ring shares is atomic, or touched only by its owner's thread.
unsafe impl<S: Active, K: Kind> Send for Handle<S, K> {}
// SAFETY: as above. Producers of these kinds may be used by several threads at once.
unsafe impl<S: Active, K: SharedKind> Sync for Handle<S, K> {}

impl<S: Active, K: Kind> Handle<S, K> {
    pub(crate) fn new(producer: Producer<S, K>) -> Self {
        Self { producer }
    }

    /// Sends the request that `make` builds around a reply, and returns the call's handle.
    ///
    /// The request is in the mailbox when this returns. If it was refused, the call has already ended, with
    /// [`CallError::Full`] or [`CallError::Stopped`]. The object's [`OnFull`] may choose otherwise.
    ///
    /// # Blocking
    /// Never, unless the object's [`OnFull`] is `Wait`; then for at most its limit.
    /// # Ordering
    /// What the caller wrote before is visible to the method, and what the method wrote is visible to
    /// whoever takes the result. Requests of one thread to one object run in the order sent.
    #[inline]
    pub fn call<R: Send + 'static>(&self, make: impl FnOnce(Reply<R>) -> S::Request) -> Call<R> {
        self.try_call(make).unwrap_or_else(failed)
    }

    /// Like [`call`](Self::call), but returns a refused request.
    ///
    /// # Errors
    /// [`SendError::Full`] if no slot or no reply cell is free, [`SendError::Stopped`] if the object has
    /// stopped or is stopping.
    #[inline]
    pub fn try_call<R: Send + 'static>(
        &self,
        make: impl FnOnce(Reply<R>) -> S::Request,
    ) -> Result<Call<R>, SendError<S::Request>> {
        const { check_size::<S, R>() };
        let cell = match self.take_cell(Options::new()) {
            Ok(cell) => cell,
            Err(refusal) => return refused_call(refusal, make),
        };
        self.shared().apply_deadline(cell);
        // Not `send` and `map`: written out, the compiler sees the result of each branch, and keeps an
        // accepted call in registers.
        let call = Call::pending(cell);
        match self.push(make(Reply::to(cell))) {
            Ok(()) => Ok(call),
            Err(error) => {
                if self.shared().policy().on_full == OnFull::Fail {
                    return Err(self.refused(error));
                }
                match self.not_sent(error) {
                    Ok(()) => Ok(call),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// Like [`try_call`](Self::try_call), with options.
    #[inline(never)]
    pub(crate) fn call_specially<R: Send + 'static>(
        &self,
        options: Options,
        make: impl FnOnce(Reply<R>) -> S::Request,
    ) -> Result<Call<R>, SendError<S::Request>> {
        const { check_size::<S, R>() };
        let shared = self.shared();
        let cell = match self.take_cell(options) {
            Ok(cell) => cell,
            Err(refusal) => return refused_call(refusal, make),
        };
        match options.deadline {
            None => shared.apply_deadline(cell),
            Some(None) => {}
            Some(Some(at)) => Cell::set_deadline(cell, at),
        }
        let call = Call::pending(cell);
        self.send_specially(options, make(Reply::to(cell))).map(|()| call)
    }

    /// Sends a one-way request, whose reply is [`Reply::none`].
    ///
    /// # Errors
    /// Return the request: [`SendError::Full`] if no slot is free, [`SendError::Stopped`] if the object has
    /// stopped or is stopping. The object's [`OnFull`] may choose otherwise when no slot is free.
    /// # Blocking
    /// Like [`call`](Self::call).
    #[inline]
    pub fn tell(&self, request: S::Request) -> Result<(), SendError<S::Request>> {
        self.send(request)
    }

    /// The same handle, with this priority for its requests. For methods with a priority key.
    #[inline(always)]
    #[must_use]
    pub fn at(&self, priority: Priority) -> Bound<'_, S, K> {
        Bound::new(self, Options::new().priority(priority))
    }

    /// Sends as many of `requests` as fit, and returns how many. They are published together, with at most
    /// one wake-up.
    ///
    /// They have normal priority. The object's [`OnFull`] doesn't apply: what doesn't fit stays in the
    /// iterator.
    ///
    /// # Errors
    /// [`SendError::Full`] if none fit. [`SendError::Stopped`] if the object has stopped or is stopping, with
    /// the requests that had been taken from the iterator.
    pub fn tell_batch<I>(&self, requests: &mut I) -> Result<usize, SendError<Vec<S::Request>>>
    where
        I: ExactSizeIterator<Item = S::Request>,
    {
        let (shared, ring) = (self.shared(), self.ring());
        let Some(mine) = shared.remote().owner_token() else {
            let sent = self.producer.push_batch(requests);
            let count = *sent.as_ref().unwrap_or(&0);
            shared.remote().traffic().sent(S::NAME, shared.name(), count);
            return sent.map_err(|error: PushError<_>| self.refused(error.into()));
        };
        let mut sent = 0;
        // The room is checked before a request is taken: one that was taken and refused would be lost.
        while requests.len() > 0 && shared.has_local_room(mine, ring.is_closed(), ring.capacity()) {
            let Some(request) = requests.next() else { break };
            match self.push(request) {
                Ok(()) => sent += 1,
                Err(error) => return Err(self.refused(error.map(|request| vec![request]))),
            }
        }
        match sent {
            0 if requests.len() > 0 && ring.is_closed() => Err(SendError::Stopped(Vec::new())),
            0 if requests.len() > 0 => Err(self.refused(SendError::Full(Vec::new()))),
            sent => Ok(sent),
        }
    }

    #[inline(always)]
    fn send(&self, request: S::Request) -> Result<(), SendError<S::Request>> {
        match self.push(request) {
            Ok(()) => Ok(()),
            // The policy is checked here: nearly all objects refuse, and this branch is small enough for
            // the whole function to be inlined into a sender's loop (else 17 instructions more a request).
            Err(error) if self.shared().policy().on_full == OnFull::Fail => {
                Err(self.refused(error))
            }
            Err(error) => self.not_sent(error),
        }
    }

    /// Like [`tell`](Self::tell), with options.
    #[inline(never)]
    pub(crate) fn send_specially(
        &self,
        options: Options,
        request: S::Request,
    ) -> Result<(), SendError<S::Request>> {
        let sent = self.push_at(options.priority, request);
        sent.or_else(|error| self.not_sent_specially(options, error))
    }

    #[inline(always)]
    fn push(&self, request: S::Request) -> Result<(), SendError<S::Request>> {
        let shared = self.shared();
        let sent = match shared.remote().owner_token() {
            Some(mine) => {
                let ring = self.ring();
                shared.push_local(mine, request, ring.end(), ring.capacity())
            }
            None => self.producer.push(request).map_err(SendError::from),
        };
        if sent.is_ok() {
            shared.remote().traffic().sent(S::NAME, shared.name(), 1);
        }
        sent
    }

    /// Out of line, so that only the common path is inlined into callers.
    #[inline(never)]
    fn push_at(
        &self,
        priority: Option<Priority>,
        request: S::Request,
    ) -> Result<(), SendError<S::Request>> {
        match priority.and_then(Priority::lane) {
            Some(lane) => {
                let shared = self.shared();
                shared.push_to_lane(lane, request)?;
                shared.remote().traffic().sent(S::NAME, shared.name(), 1);
                Ok(())
            }
            None => self.push(request),
        }
    }

    /// Applies the object's policy to a request that was refused.
    #[cold]
    #[inline(never)]
    fn not_sent(&self, error: SendError<S::Request>) -> Result<(), SendError<S::Request>> {
        self.not_sent_specially(Options::new(), error)
    }

    /// Applies the request's policy, or else the object's, to a request that was refused.
    #[cold]
    #[inline(never)]
    fn not_sent_specially(
        &self,
        options: Options,
        error: SendError<S::Request>,
    ) -> Result<(), SendError<S::Request>> {
        let shared = self.shared();
        let request = match error {
            SendError::Full(request) => request,
            error => return Err(self.refused(error)),
        };
        match options.on_full.unwrap_or(shared.policy().on_full) {
            OnFull::Fail => Err(self.refused(SendError::Full(request))),
            OnFull::DropNewest => {
                shared.shed(|| {
                    drop(request);
                    1
                });
                Ok(())
            }
            OnFull::Wait(limit) => {
                let mut left = Some(request);
                let sent = wait_for_room(shared.remote(), limit, || {
                    let Some(request) = left.take() else { return Ok(()) };
                    self.push_at(options.priority, request).map_err(|error| {
                        let refusal = Refusal::from(&error);
                        left = Some(error.into_inner());
                        refusal
                    })
                });
                match (sent, left) {
                    (Err(refusal), Some(request)) => Err(self.refused(refusal.of(request))),
                    _ => Ok(()),
                }
            }
        }
    }

    #[inline(always)]
    fn take_cell(&self, options: Options) -> Result<NonNull<Cell>, Refusal> {
        match self.shared().pool().take() {
            Some(cell) => Ok(cell),
            None => self.wait_for_cell(options),
        }
    }

    /// Applies the call's policy, or else the object's, when no reply cell was free: returns one if it waited
    /// for one.
    #[cold]
    #[inline(never)]
    fn wait_for_cell(&self, options: Options) -> Result<NonNull<Cell>, Refusal> {
        let shared = self.shared();
        let got = match options.on_full.unwrap_or(shared.policy().on_full) {
            OnFull::Fail => Err(Refusal::Full),
            OnFull::DropNewest => {
                shared.shed(|| 1);
                return Err(Refusal::Shed);
            }
            OnFull::Wait(limit) => wait_for_room(shared.remote(), limit, || {
                if self.ring().is_closed() {
                    return Err(Refusal::Stopped);
                }
                shared.pool().take().ok_or(Refusal::Full)
            }),
        };
        got.inspect_err(|_| self.ring().count_refusal())
    }

    #[cold]
    fn refused<A>(&self, error: SendError<A>) -> SendError<A> {
        self.ring().count_refusal();
        error
    }

    #[inline(always)]
    pub(crate) fn ring(&self) -> &Ring<S, K> {
        self.producer.ring()
    }

    pub(crate) fn held(&self) -> &IntrusiveArc<Ring<S, K>> {
        self.producer.ring()
    }

    #[inline(always)]
    pub(crate) fn shared(&self) -> &Shared<S::Request> {
        self.ring().bell()
    }
}

impl<S: Active, K: ClonedKind> Clone for Handle<S, K> {
    fn clone(&self) -> Self {
        Self { producer: <K as sealed::ClonedKind>::clone_producer(&self.producer) }
    }
}

impl<S: Active, K: Kind> fmt::Debug for Handle<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("servant", &S::NAME)
            .field("name", &self.shared().name())
            .field("capacity", &self.shared().policy().capacity)
            .finish_non_exhaustive()
    }
}

/// The call of a request that was refused.
#[cold]
#[inline(never)]
pub(crate) fn failed<R, A>(error: SendError<A>) -> Call<R> {
    Call::failed(error.reason())
}

/// Refuses to compile a call whose result has no room in the servant's reply cells.
const fn check_size<S: Active, R>() {
    assert!(
        reply_bytes::<R>() <= S::REPLY_BYTES,
        "this result is larger than the servant's Active::REPLY_BYTES"
    );
}

/// How a call ends that got no cell.
#[inline(always)]
fn refused_call<R, A>(
    refusal: Refusal,
    make: impl FnOnce(Reply<R>) -> A,
) -> Result<Call<R>, SendError<A>> {
    match refusal {
        Refusal::Shed => Ok(Call::failed(CallError::Shed)),
        refusal => Err(refusal.of(make(Reply::none()))),
    }
}
