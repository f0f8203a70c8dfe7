//! The primitives under every protocol: the standard library's, or one of two model checkers'.
//!
//! This is the only file that asks which. A model therefore runs the shipped source of a
//! protocol, not a copy of it. The cfgs have names of their own because other crates react to `loom`.

#[cfg(not(any(mainspring_loom, mainspring_shuttle)))]
#[allow(unsafe_code)] // zeroed memory
mod native;
#[cfg(not(any(mainspring_loom, mainspring_shuttle)))]
pub(crate) use self::native::*;

#[cfg(mainspring_loom)]
mod loom;
#[cfg(mainspring_loom)]
pub(crate) use self::loom::*;

#[cfg(mainspring_shuttle)]
mod shuttle;
#[cfg(mainspring_shuttle)]
pub(crate) use self::shuttle::*;

#[cfg(any(mainspring_loom, mainspring_shuttle))]
#[allow(unsafe_code)] // the signature of the native function
mod stand_ins;
#[cfg(any(mainspring_loom, mainspring_shuttle))]
pub(crate) use self::stand_ins::*;

/// For what happens once in an object's life, never for a request. A panic under it leaves the
/// value whole: nothing of the user's runs there.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Lock<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Lock::new(value))
    }

    pub(crate) fn lock(&self) -> LockGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
