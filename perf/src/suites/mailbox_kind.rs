//! Kinds of mailbox, as a type parameter of a scenario.

use mainspring::mailbox::{Kind, Lanes, Mpsc, Spsc};
use mainspring::{Active, Factory, Spawn, StartError};

/// A kind of mailbox that objects can be spawned with.
pub trait MailboxKind: Kind {
    /// Makes the object, with a mailbox of this kind.
    fn start<S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> Result<S::Proxy<Self>, StartError>;
}

impl MailboxKind for Mpsc {
    fn start<S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> Result<S::Proxy<Self>, StartError> {
        object.start()
    }
}

impl MailboxKind for Spsc {
    fn start<S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> Result<S::Proxy<Self>, StartError> {
        object.single_producer().start()
    }
}

impl MailboxKind for Lanes {
    fn start<S: Active, M, F: Factory<S, M>>(
        object: Spawn<S, M, F>,
    ) -> Result<S::Proxy<Self>, StartError> {
        object.lanes().start()
    }
}
