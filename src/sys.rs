//! The operating system: sleeping on a word, affinity, priorities. All FFI is here.
//!
//! We test on Linux. Elsewhere the standard library has to do: threads sleep in short timed parks,
//! and what needs the kernel (pinning, priorities) reports that it is unsupported.

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;

#[cfg(target_os = "linux")]
mod linux {
    use super::Duration;
    use rustix::event::{self, EventfdFlags, PollFd, PollFlags};
    use rustix::io::retry_on_intr;
    use rustix::thread::Timespec;
    use rustix::thread::futex;
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::sync::atomic::AtomicU32;

    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, limit: Option<Duration>) {
        let limit = limit.map(timespec);
        // Every result means "look again": woken, changed before, interrupted, timed out.
        let _ = futex::wait(word, futex::Flags::PRIVATE, expected, limit.as_ref());
    }

    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    fn timespec(limit: Duration) -> Timespec {
        Timespec {
            tv_sec: limit.as_secs().min(i64::MAX as u64) as i64,
            tv_nsec: limit.subsec_nanos().into(),
        }
    }

    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    pub(crate) fn futex_wake_one(word: &AtomicU32) {
        let _ = futex::wake(word, futex::Flags::PRIVATE, 1);
    }

    pub(crate) use std::os::fd::BorrowedFd;

    /// A counter that pollers can wait for: readable while it isn't 0. It begins at 1.
    #[derive(Debug)]
    pub(crate) struct EventFd(OwnedFd);

    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    impl EventFd {
        pub(crate) fn new() -> io::Result<Self> {
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            Ok(Self(event::eventfd(1, flags)?))
        }

        /// Adds one. Never blocks: a full count refuses, and is readable.
        pub(crate) fn add(&self) {
            let _ = retry_on_intr(|| rustix::io::write(&self.0, &1_u64.to_ne_bytes()));
        }

        /// Sets it to 0; never blocks.
        pub(crate) fn take(&self) {
            let _ = retry_on_intr(|| rustix::io::read(&self.0, &mut [0; 8]));
        }

        /// Waits until it is readable, for a limited time; may return early.
        pub(crate) fn wait(&self, limit: Option<Duration>) {
            let limit = limit.map(timespec);
            let mut this = [PollFd::new(&self.0, PollFlags::IN)];
            let _ = event::poll(&mut this, limit.as_ref());
        }

        pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    /// Commands of `membarrier(2)`.
    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    const PRIVATE_EXPEDITED: libc::c_long = 1 << 3;
    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    const REGISTER_PRIVATE_EXPEDITED: libc::c_long = 1 << 4;

    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    fn membarrier(command: libc::c_long) -> bool {
        // SAFETY: the call touches no memory of the process; no flags, no CPU.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Whether [`heavy_fence`] works here: since Linux 4.14, unless a sandbox forbids it.
    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    pub(crate) fn can_fence_heavily() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    /// Puts a full fence into every thread of the process that is running, and into this one.
    ///
    /// Only after [`can_fence_heavily`] has said yes.
    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    pub(crate) fn heavy_fence() {
        let is_done = membarrier(PRIVATE_EXPEDITED);
        assert!(is_done, "membarrier was registered, and can't fail then");
    }

    /// The CPUs that the calling thread may run on, in ascending order.
    pub(crate) fn allowed_cpus() -> io::Result<Vec<usize>> {
        affinity(0, MASK_WORDS)
    }

    /// The CPUs that the process's first thread may run on.
    pub(crate) fn process_cpus() -> io::Result<Vec<usize>> {
        affinity(std::process::id() as libc::pid_t, MASK_WORDS)
    }

    /// A part of a mask of CPUs, as the kernel takes them.
    type Word = libc::c_ulong;
    const WORD_BITS: usize = Word::BITS as usize;
    /// The usual mask: 1024 CPUs.
    const MASK_WORDS: usize = 1024 / WORD_BITS;
    /// More than any kernel can be built for.
    const MASK_WORDS_MAX: usize = (1 << 20) / WORD_BITS;

    /// Asks with ever larger masks: the kernel refuses one that is smaller than its own, even if
    /// few of its CPUs exist.
    fn affinity(thread: libc::pid_t, words: usize) -> io::Result<Vec<usize>> {
        let mut mask: Vec<Word> = vec![0; words];
        // SAFETY: the kernel writes no more bytes than it is told, the mask has that many, and any
        // bytes are valid there. The thread may be another process's: it is only read.
        let result = unsafe {
            libc::sched_getaffinity(thread, size_of_val(&mask[..]), mask.as_mut_ptr().cast())
        };
        if result >= 0 {
            return Ok(members(&mask));
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() != Some(libc::EINVAL) => Err(error),
            error if words >= MASK_WORDS_MAX => Err(error),
            _ => affinity(thread, (2 * words).max(1)),
        }
    }

    fn members(mask: &[Word]) -> Vec<usize> {
        let is_set = |cpu: &usize| mask[cpu / WORD_BITS] >> (cpu % WORD_BITS) & 1 == 1;
        (0..mask.len() * WORD_BITS).filter(is_set).collect()
    }

    fn mask_of(cpus: &[usize]) -> io::Result<Vec<Word>> {
        let words = cpus.iter().max().map_or(0, |most| most / WORD_BITS + 1);
        if words > MASK_WORDS_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut mask = vec![0; words];
        cpus.iter().for_each(|cpu| mask[cpu / WORD_BITS] |= 1 << (cpu % WORD_BITS));
        Ok(mask)
    }

    /// Binds the calling thread to `cpus`.
    pub(crate) fn bind_to(cpus: &[usize]) -> io::Result<()> {
        let mask = mask_of(cpus)?;
        // SAFETY: the kernel reads no more bytes than it is told, and the mask has that many.
        let result =
            unsafe { libc::sched_setaffinity(0, size_of_val(&mask[..]), mask.as_ptr().cast()) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// 1 is the lowest. Threads started from this one don't inherit it.
    pub(crate) fn set_fifo_priority(priority: i32) -> io::Result<()> {
        let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
        let parameter = libc::sched_param { sched_priority: priority };
        // SAFETY: a plain call with a valid pointer to an initialised parameter; 0 is the calling
        // thread.
        match unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// On Linux a nice value belongs to the thread, not to the process.
    pub(crate) fn set_nice(nice: i32) -> io::Result<()> {
        Ok(rustix::process::setpriority_process(None, nice)?)
    }

    /// Locks what the process touches from now on into memory.
    pub(crate) fn lock_memory() -> io::Result<()> {
        use rustix::mm::{MlockAllFlags, mlockall};
        let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        Ok(mlockall(flags)?)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_mask_that_is_too_small_for_the_kernel_grows() {
            let usual = allowed_cpus().unwrap();
            assert!(!usual.is_empty());
            // No kernel's mask has no bits.
            assert_eq!(affinity(0, 0).unwrap(), usual);
        }

        #[test]
        fn masks_hold_cpus_beyond_the_usual_size() {
            let cpus = [0, 63, 64, 1023, 1024, 5000];
            assert_eq!(members(&mask_of(&cpus).unwrap()), cpus);
            assert_eq!(mask_of(&[]).unwrap(), []);
            let error = bind_to(&[usize::MAX]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }

        #[test]
        fn a_cpu_that_no_machine_has_is_refused_by_the_kernel() {
            let error = bind_to(&[(1 << 20) - 1]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::Duration;
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Polls: there is no portable way to sleep on a word. Untested.
    pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, limit: Option<Duration>) {
        let nap = Duration::from_micros(100).min(limit.unwrap_or(Duration::MAX));
        // Relaxed: it only decides whether to sleep.
        if word.load(Ordering::Relaxed) == expected {
            std::thread::park_timeout(nap);
        }
    }

    pub(crate) fn futex_wake_one(_word: &AtomicU32) {}

    #[cfg(unix)]
    pub(crate) use std::os::fd::BorrowedFd;

    /// This system has no descriptors.
    #[cfg(not(unix))]
    #[derive(Clone, Copy, Debug)]
    pub enum BorrowedFd<'a> {
        #[doc(hidden)]
        Never(std::convert::Infallible, std::marker::PhantomData<&'a ()>),
    }

    /// Never made on this system.
    #[derive(Debug)]
    pub(crate) enum EventFd {}

    impl EventFd {
        pub(crate) fn new() -> io::Result<Self> {
            unsupported()
        }

        pub(crate) fn add(&self) {
            match *self {}
        }

        pub(crate) fn take(&self) {
            match *self {}
        }

        pub(crate) fn wait(&self, _limit: Option<Duration>) {
            match *self {}
        }

        pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }
    }

    pub(crate) fn can_fence_heavily() -> bool {
        false
    }

    pub(crate) fn heavy_fence() {
        unreachable!("can_fence_heavily says no here");
    }

    fn unsupported<T>() -> io::Result<T> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn allowed_cpus() -> io::Result<Vec<usize>> {
        unsupported()
    }

    pub(crate) fn process_cpus() -> io::Result<Vec<usize>> {
        unsupported()
    }

    pub(crate) fn bind_to(_cpus: &[usize]) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn set_fifo_priority(_priority: i32) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn set_nice(_nice: i32) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn lock_memory() -> io::Result<()> {
        unsupported()
    }
}

/// Prefetches the cache line at `place`, to write it soon.
#[inline(always)]
pub(crate) fn prefetch_for_write<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults, whatever the address, and touches no register.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags));
    }
}

/// Prefetches the cache line at `place`, to read it soon.
#[inline(always)]
pub(crate) fn prefetch_for_read<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
}
