//! The one system call that a prototype needs.

/// Orders the memory accesses of all threads of this process against the caller's, at the price of
/// an interrupt on each CPU that runs one. Needs [`register_membarrier`] before.
#[cfg(target_os = "linux")]
pub fn membarrier() {
    let done = linux::membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    assert!(done, "registered before it is used");
}

/// Makes [`membarrier`] usable; `false` where the kernel has no such thing.
#[cfg(target_os = "linux")]
pub fn register_membarrier() -> bool {
    linux::membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)] // a system call without a safe wrapper in the crates at hand
mod linux {
    pub fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: takes numbers only, and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

/// There is none; never called, as registering says so.
#[cfg(not(target_os = "linux"))]
pub fn membarrier() {
    unreachable!("not registered")
}

/// See [`membarrier`].
#[cfg(not(target_os = "linux"))]
pub fn register_membarrier() -> bool {
    false
}
