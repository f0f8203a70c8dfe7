//! A call that forgets its result's type until it is asked for it.

use crate::reply::call::{Call, retyped};
use crate::reply::call_table::Awaitable;
use crate::reply::waiter::Waiter;
use std::any::TypeId;
use std::mem::ManuallyDrop;

/// See the module.
pub(crate) struct AnyCall {
    /// Never dropped as what it is written here.
    call: ManuallyDrop<Call<()>>,
    result: TypeId,
    drop: unsafe fn(&mut ManuallyDrop<Call<()>>),
}

impl<R: 'static> From<Call<R>> for AnyCall {
    fn from(call: Call<R>) -> Self {
        /// # Safety
        /// It is a `Call<R>`, and not used any more.
        unsafe fn drop_as<R>(call: &mut ManuallyDrop<Call<()>>) {
            // SAFETY: the caller's promise.
            drop(unsafe { retyped::<(), R>(call) });
        }
        let call = ManuallyDrop::new(call);
        // SAFETY: the original is forgotten, and what comes of it is only used as a `Call<R>` again,
        // but for its waiter, which is the same for all.
        let call = ManuallyDrop::new(unsafe { retyped(&call) });
        Self { call, result: TypeId::of::<R>(), drop: drop_as::<R> }
    }
}

impl AnyCall {
    /// The call as it was, if it has this result.
    pub(crate) fn typed<R: 'static>(self) -> Option<Call<R>> {
        if self.result != TypeId::of::<R>() {
            return None;
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: a `Call<R>`, as its result says; the original is forgotten.
        Some(unsafe { retyped(&this.call) })
    }
}

impl Awaitable for AnyCall {
    fn leave_waiter(&mut self, waiter: Waiter) -> Result<(), Waiter> {
        self.call.leave_waiter(waiter)
    }

    fn withdraw_waiter(&mut self) -> bool {
        self.call.withdraw_waiter()
    }
}

impl Drop for AnyCall {
    fn drop(&mut self) {
        // SAFETY: made for what it was, and this is its last use.
        unsafe { (self.drop)(&mut self.call) };
    }
}
