//! How a mailbox that its consumer has stopped polling wakes it.

/// How a cold mailbox tells its consumer that something arrived.
///
/// It rings once each time the consumer has cooled the mailbox, on the thread of the producer whose
/// request or close found it cold. It doesn't ring again until the mailbox is cooled again. So a
/// consumer that was woken looks for requests, and cools the mailbox again before it sleeps.
pub trait Bell: Send + Sync + 'static {
    /// Wakes the consumer.
    fn ring(&self);

    /// A request was accepted although its producer then found the mailbox closed: a push raced a
    /// close. Called on the producer's thread, by [`spsc`](super::spsc) and [`lanes`](super::lanes)
    /// only.
    fn late(&self) {}
}

/// Whether a mailbox may be cooled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heat {
    /// Its consumer may stop polling once it has asked for the bell.
    #[default]
    Varies,
    /// Its consumer polls for as long as the mailbox lives, and the bell never rings.
    ///
    /// In [`spsc`](super::spsc) and [`lanes`](super::lanes) a publication is then a plain store.
    /// Closing such a mailbox calls `membarrier(2)`, which interrupts each running thread of the
    /// process for about a microsecond. Where that call is missing, producers fence as they do with
    /// [`Varies`](Self::Varies).
    Always,
}

/// The bell of a mailbox whose consumer polls and never cools it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Bell for Silent {
    fn ring(&self) {}
}
