//! The operating system: sleeping on a word, affinity, priorities. All FFI is here.
//!
//! Linux is what we test. Elsewhere the standard library stands in: threads sleep in short timed
//! parks, and what needs the kernel (pinning, priorities) reports that it is unsupported.

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
    use rustix::thread::futex;
    use rustix::thread::{CpuSet, Timespec};
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

    /// A counter that pollers can wait for: readable while it isn't 0, which it is at first.
    #[derive(Debug)]
    pub(crate) struct EventFd(OwnedFd);

    #[cfg_attr(any(mainspring_loom, mainspring_shuttle), allow(dead_code))]
    impl EventFd {
        pub(crate) fn new() -> io::Result<Self> {
            let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
            Ok(Self(event::eventfd(1, flags)?))
        }

        /// Adds one. Never blocks: a count that is full refuses, and is readable.
        pub(crate) fn add(&self) {
            let _ = retry_on_intr(|| rustix::io::write(&self.0, &1_u64.to_ne_bytes()));
        }

        /// Takes what is there; never blocks.
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
        Ok(members(&rustix::thread::sched_getaffinity(None)?))
    }

    /// The CPUs that the process's first thread may run on.
    pub(crate) fn process_cpus() -> io::Result<Vec<usize>> {
        Ok(members(&rustix::thread::sched_getaffinity(Some(rustix::process::getpid()))?))
    }

    fn members(set: &CpuSet) -> Vec<usize> {
        (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
    }

    /// Binds the calling thread to `cpus`. Each must be below 1024: the fixed mask's size.
    pub(crate) fn bind_to(cpus: &[usize]) -> io::Result<()> {
        let mut set = CpuSet::new();
        for cpu in cpus {
            set.set(*cpu);
        }
        Ok(rustix::thread::sched_setaffinity(None, &set)?)
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

    /// The CPU time that the process may use of each CPU second, if a cgroup limits it.
    pub(crate) fn cpu_quota() -> Option<f64> {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        if let Some(both) = read("/sys/fs/cgroup/cpu.max") {
            return quota_of(&both);
        }
        let quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")?;
        let period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?;
        quota_of(&format!("{} {}", quota.trim(), period.trim()))
    }

    /// The ratio of a quota and its period, if there is a limit: `max` and negative ones are none.
    fn quota_of(both: &str) -> Option<f64> {
        let (quota, period) = both.trim().split_once(char::is_whitespace)?;
        let positive = |text: &str| {
            text.trim().parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite())
        };
        Some(positive(quota)? / positive(period)?)
    }

    #[cfg(test)]
    mod tests {
        use super::quota_of;

        #[test]
        fn a_quota_is_a_ratio_or_none_whatever_the_file_says() {
            assert_eq!(quota_of("50000 100000\n"), Some(0.5));
            assert_eq!(quota_of("150000\t100000"), Some(1.5));
            let bad = ["", "max 100000", "-1 100000", "5", "0 0", "1 0", "1 -5", "a b", "NaN 1"];
            let more = ["inf 1", "1 inf", "\u{0} 1", "1  ", " 1 2 3"];
            bad.into_iter()
                .chain(more)
                .for_each(|text| assert_eq!(quota_of(text), None, "{text:?}"));
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

    /// There are no descriptors here.
    #[cfg(not(unix))]
    #[derive(Clone, Copy, Debug)]
    pub enum BorrowedFd<'a> {
        #[doc(hidden)]
        Never(std::convert::Infallible, std::marker::PhantomData<&'a ()>),
    }

    /// Never made here.
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

    pub(crate) fn cpu_quota() -> Option<f64> {
        None
    }
}

/// Asks for the cache line at `place`, soon to be written here.
#[inline(always)]
pub(crate) fn prefetch_for_write<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults, whatever the address, and touches no register.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags));
    }
}

/// Asks for the cache line at `place`, soon to be read here.
#[inline(always)]
pub(crate) fn prefetch_for_read<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
}
