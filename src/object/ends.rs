//! The ring of an object's mailbox and its two ends.

use crate::mailbox::sealed;
use crate::object::active::Active;
use crate::object::shared::Shared;

/// The ring of an object's mailbox, with what its callers share inside.
pub(crate) type Ring<S, K> =
    <K as sealed::Kind>::Ring<<S as Active>::Request, Shared<<S as Active>::Request>>;
pub(crate) type Producer<S, K> =
    <K as sealed::Kind>::Producer<<S as Active>::Request, Shared<<S as Active>::Request>>;
pub(crate) type Consumer<S, K> =
    <K as sealed::Kind>::Consumer<<S as Active>::Request, Shared<<S as Active>::Request>>;
