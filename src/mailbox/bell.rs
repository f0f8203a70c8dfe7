//! How a mailbox that its consumer has stopped polling wakes it.

/// How a cold mailbox tells its consumer that something arrived.
///
/// Rung once each time the consumer has cooled the mailbox: by the producer whose request (or whose
/// close) found it cold. Nobody rings again before it was cooled again, so a consumer that was rung
/// for looks for requests, and cools the mailbox anew before it sleeps. The bell runs on that
/// producer's thread.
pub trait Bell: Send + Sync + 'static {
    /// Wakes the consumer.
    fn ring(&self);

    /// A request was accepted although its producer then found the mailbox closed: the two met.
    /// Called on the producer's thread, by [`spsc`](super::spsc) and [`lanes`](super::lanes) only.
    fn late(&self) {}
}

/// Whether a mailbox may be cooled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heat {
    /// Its consumer may stop polling, after it has asked for the bell.
    #[default]
    Varies,
    /// Its consumer polls for as long as the mailbox lives, and is never rung for.
    ///
    /// In [`spsc`](super::spsc) and [`lanes`](super::lanes) a publication is a plain store then. Closing such a mailbox makes
    /// the system call `membarrier(2)`, which interrupts each thread of the process that is running,
    /// for a microsecond or so; where it is missing, producers fence as if the heat varied.
    Always,
}

/// The bell of a mailbox whose consumer polls and never cools it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Bell for Silent {
    fn ring(&self) {}
}
