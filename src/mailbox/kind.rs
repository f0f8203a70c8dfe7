//! Which ring an object has: the markers of the kinds, and what can be done with each.

use super::sealed;

/// The marker of the default kind: any number of producers, so the proxy is `Clone + Sync`.
#[derive(Clone, Copy, Debug)]
pub struct Mpsc;

/// The marker of the kind with one producer: its proxy can be sent, but not cloned or shared.
#[derive(Clone, Copy, Debug)]
pub struct Spsc;

/// The marker of the kind with a ring for each producer: its proxy can be sent and cloned, but not
/// shared.
#[derive(Clone, Copy, Debug)]
pub struct Lanes;

/// The marker of proxies of [`Mpsc`] mailboxes that don't keep their object alive: see
/// [`Weak::guest`](crate::Weak::guest).
#[derive(Clone, Copy, Debug)]
pub struct Guest;

/// Which ring an object's mailbox is. Chosen when the object is spawned, never changed.
pub trait Kind: sealed::Kind {}

/// The kinds whose producers can be cloned.
pub trait ClonedKind: Kind + sealed::ClonedKind {}

/// The kinds whose producers can also be used by several threads at once.
pub trait SharedKind: ClonedKind + sealed::SharedKind {}

impl Kind for Mpsc {}
impl Kind for Spsc {}
impl Kind for Lanes {}
impl Kind for Guest {}
impl ClonedKind for Mpsc {}
impl ClonedKind for Lanes {}
impl ClonedKind for Guest {}
impl SharedKind for Mpsc {}
impl SharedKind for Guest {}
