//! What a pop finds.

/// What [`mpsc::Consumer::pop`](super::mpsc::Consumer::pop) or
/// [`spsc::Consumer::pop`](super::spsc::Consumer::pop) found at the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pop<T> {
    /// The oldest request.
    Request(T),
    /// Nothing is there now.
    Empty,
    /// A producer has claimed the head and not yet filled it; more requests may be behind it. Poll
    /// again, or do something else. Only [`mpsc`](super::mpsc) mailboxes have this state.
    InFlight,
    /// Closed, and everything that was accepted has been taken.
    Closed,
}
