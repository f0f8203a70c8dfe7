//! Delivers a call's outcome to another object.

use crate::object::active::Active;
use crate::proxy::proxy::Proxy;
use crate::reply::call::Call;
use crate::reply::error::{Outcome, SendError};

impl<R> Call<R> {
    /// Delivers the outcome to another object as a request. `deliver` sends it: on the thread that
    /// completes the call, or immediately on this thread if the call has already ended.
    ///
    /// A request that the object refuses is dropped and counted in its
    /// [`refused`](crate::Proxy::refused). Size its mailbox accordingly, or let the closure keep what is
    /// returned. Like an observer ([`on_complete`](Self::on_complete)) the closure delays the completing
    /// object; it may capture up to 32 bytes beside the proxy.
    ///
    /// ```
    /// use mainspring::prelude::*;
    ///
    /// #[derive(Default)]
    /// struct Ledger(Vec<u64>);
    /// #[active]
    /// impl Ledger {
    ///     pub fn record(&mut self, answer: Result<u64, CallError>) { self.0.extend(answer) }
    ///     pub fn sum(&self) -> u64 { self.0.iter().sum() }
    /// }
    /// struct Square;
    /// #[active]
    /// impl Square {
    ///     pub fn of(&self, n: u64) -> u64 { n * n }
    /// }
    ///
    /// let (ledger, square) = (mainspring::spawn(Ledger::default())?, mainspring::spawn(Square)?);
    /// for n in 1..=3 {
    ///     let answer = square.of(n);
    ///     answer.on_complete_in(ledger.clone(), |ledger, answer| ledger.tell().record(answer));
    /// }
    /// square.of(0).get()?; // the ones before have ended
    /// assert_eq!(ledger.sum().get()?, 14);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Blocking
    /// Never, unless `deliver` does.
    pub fn on_complete_in<S, P, A, F>(self, proxy: P, deliver: F)
    where
        S: Active,
        P: Proxy<S> + Send + 'static,
        F: FnOnce(&P, Outcome<R>) -> Result<(), SendError<A>> + Send + 'static,
        R: 'static,
    {
        self.on_complete(move |outcome| drop(deliver(&proxy, outcome)));
    }
}
