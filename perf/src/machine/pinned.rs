//! Pins threads to one CPU and verifies it, or says why that is impossible.

use crate::error::Error;
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use std::io;

/// Pins the calling thread to one CPU, and makes sure of it twice: the mask read back names this
/// CPU alone, and the thread runs there.
///
/// # Errors
/// [`Error::Usage`] if this process may not use the CPU; [`Error::System`] if the system takes
/// the wish and doesn't obey, as some sandboxes do.
pub fn here(cpu: usize) -> Result<(), Error> {
    set(cpu).map_err(|error| {
        let allowed = mainspring::allowed_cpus();
        Error::Usage(format!(
            "CPU {cpu}: a thread can't be pinned to it: {error}; choose one of {allowed:?}, or allow \
             sched_setaffinity in the sandbox"
        ))
    })?;
    let (mask, place) = (mainspring::allowed_cpus(), sched_getcpu());
    if mask == [cpu] && place == cpu {
        return Ok(());
    }
    Err(Error::System {
        what: format!("pinning a thread to CPU {cpu}"),
        error: io::Error::other(format!(
            "the call succeeded, but the mask read back is {mask:?} and the thread is on CPU {place}: \
             no measurement here would be about CPU {cpu}"
        )),
    })
}

fn set(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::other(format!("the number must be below {}", CpuSet::MAX_CPU)));
    }
    let mut only = CpuSet::new();
    only.set(cpu);
    Ok(sched_setaffinity(None, &only)?)
}

/// Runs `work` in a thread of its own on that CPU, which leaves the calling thread's mask alone.
///
/// # Errors
/// As [`here`]; [`Error::Thread`] if there is no thread to be had.
///
/// # Blocking
/// Until it is done.
pub fn on<T: Send>(cpu: usize, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(format!("on CPU {cpu}"));
        let thread = thread.spawn_scoped(scope, || here(cpu).and_then(|()| work()));
        let joined = thread.map_err(Error::Thread)?.join();
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_runs_on_its_cpu_and_the_caller_stays_free() {
        let before = mainspring::allowed_cpus();
        for cpu in &before {
            let seen = on(*cpu, || Ok((mainspring::allowed_cpus(), sched_getcpu())));
            assert_eq!(seen.unwrap(), (vec![*cpu], *cpu));
        }
        assert_eq!(mainspring::allowed_cpus(), before);
    }

    #[test]
    fn a_cpu_that_is_none_is_refused_by_number_with_those_that_are() {
        for cpu in [1000, 1024, usize::MAX] {
            let error = on(cpu, || Ok(())).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.exit_code(), 2, "{text}");
            assert!(text.contains(&format!("CPU {cpu}:")) && text.contains("choose one of ["));
        }
    }
}
