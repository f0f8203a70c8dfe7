//! How much memory the process uses: what is resident, and what it has on its heap.

use mainspring_perf::idle;
use mainspring_perf::trouble::Trouble;

/// Resident bytes.
pub fn resident() -> Result<u64, Trouble> {
    idle::resident_bytes()
}

/// Bytes on the heap that were allocated and not freed, by the allocator's own account, its headers
/// included; `None` where the allocator has none.
///
/// Asked of the C library, as counting in a global allocator would slow down those that allocate.
pub fn heap() -> Option<u64> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes nothing, and locks what it reads.
        let info = unsafe { libc::mallinfo2() };
        Some((info.uordblks + info.hblkhd) as u64)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

/// Gives free memory back to the system, where the allocator can: what is allocated next shows in
/// [`resident`].
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes how much to keep, and locks what it changes.
    unsafe {
        libc::malloc_trim(0);
    }
}
