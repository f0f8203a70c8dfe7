//! How much memory the process uses: what is resident, and what it has on its heap.

use mainspring_perf::error::Error;

pub use mainspring_perf::suites::memory::resident_bytes as resident;

/// Bytes on the heap that were allocated and not freed, by the allocator's own account, its headers
/// included; an error where the allocator has none.
///
/// Asked of the C library, as counting in a global allocator would slow down those that allocate.
pub fn heap() -> Result<u64, Error> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes nothing, and locks what it reads.
        let info = unsafe { libc::mallinfo2() };
        Ok((info.uordblks + info.hblkhd) as u64)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    Err(Error::System {
        what: "the size of the heap".into(),
        error: std::io::ErrorKind::Unsupported.into(),
    })
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
