//! A call whose result type is erased until it is asked for.

use crate::reply::call::{Call, retyped};
use crate::reply::call_table::Awaitable;
use crate::reply::waiter::Waiter;
use std::any::TypeId;
use std::mem::ManuallyDrop;

/// See the module.
pub(crate) struct AnyCall {
    /// Never dropped as the `Call<()>` that it is written as.
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
        // SAFETY: the original is forgotten, and the new call is used as a `Call<R>` again, except for its
        // waiter, which doesn't depend on the result.
        let call = ManuallyDrop::new(unsafe { retyped(&call) });
        Self { call, result: TypeId::of::<R>(), drop: drop_as::<R> }
    }
}

impl AnyCall {
    /// The call with its type, if that is its result.
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
        // SAFETY: made for the call's original type, and this is its last use.
        unsafe { (self.drop)(&mut self.call) };
    }
}
