//! Which CPUs this process may use, and binding a runner's thread to some of them.

use crate::machine::topology;
use crate::sys;
use std::io;
use thiserror::Error;

/// What happens when a runner can't be pinned as asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// The runner doesn't start.
    Require,
    /// It starts unpinned, and the engine reports it. Even so, the CPU must exist and be allowed.
    #[default]
    Prefer,
    /// The CPUs named are ignored.
    Off,
}

/// Why a runner's thread could not be pinned as asked.
#[derive(Debug, Error)]
#[error(
    "runner {runner:?} cannot run on cpu {wanted:?}: {reason}; allowed here: {allowed:?}; \
         choose one of these, or pin with Prefer"
)]
pub struct PinError {
    /// The runner's name.
    pub runner: String,
    /// The CPUs asked for.
    pub wanted: Vec<usize>,
    /// The CPUs that this process may use.
    pub allowed: Vec<usize>,
    /// Why it could not be pinned.
    #[source]
    pub reason: PinFailure,
}

/// Why the system did not pin a thread.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PinFailure {
    /// The CPU doesn't exist, or the process may not use it.
    #[error("cpu {0} does not exist or is not allowed to this process")]
    NotAllowed(usize),
    /// No CPU was named.
    #[error("no cpu was named")]
    Empty,
    /// The kernel refused.
    #[error("the kernel refused")]
    Refused(#[source] io::Error),
    /// The mask read back differs from the one that was set.
    #[error("the mask read back is {0:?}")]
    NotInForce(Vec<usize>),
}

/// The CPUs that the calling thread may run on, in ascending order; empty if the system doesn't
/// say.
///
/// ```
/// assert!(!mainspring::allowed_cpus().is_empty());
/// ```
pub fn allowed_cpus() -> Vec<usize> {
    sys::allowed_cpus().unwrap_or_default()
}

/// The CPUs of the process: those of its first thread, which we never pin. A pinned runner that
/// adds another runner would see only its own mask.
pub(crate) fn process_cpus() -> Vec<usize> {
    sys::process_cpus().unwrap_or_default()
}

/// Gives the calling thread the CPUs of the process. A pinned thread may have started it, and
/// affinity is inherited.
pub(crate) fn unpin() {
    let cpus = process_cpus();
    if !cpus.is_empty() && allowed_cpus() != cpus {
        // If refused, it keeps its parent's CPUs: a worse place, but no error.
        let _ = sys::bind_to(&cpus);
    }
}

/// Whether cgroups give the process less time than its CPUs have. If so, no runner should spin.
pub(crate) fn has_small_quota() -> bool {
    topology::quota_cpus().is_some_and(|quota| quota < process_cpus().len() as f64)
}

/// `core_affinity` aborts the process on ids from this one on.
const CORE_AFFINITY_END: usize = 1024;

/// Checks a wish against the mask, to say which CPU is wrong: the kernel says only that it is
/// invalid.
pub(crate) fn check(runner: &str, wanted: &[usize], allowed: &[usize]) -> Result<(), PinError> {
    let failure = match wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        _ if wanted.is_empty() => PinFailure::Empty,
        Some(cpu) => PinFailure::NotAllowed(*cpu),
        None => return Ok(()),
    };
    Err(pin_error(runner, wanted, allowed, failure))
}

/// Binds the calling thread, and reads the mask back. The CPUs were checked before.
pub(crate) fn pin(runner: &str, wanted: &[usize]) -> Result<(), PinError> {
    let allowed = allowed_cpus();
    let error = |failure| pin_error(runner, wanted, &allowed, failure);
    match wanted {
        [cpu] if *cpu < CORE_AFFINITY_END => {
            if !core_affinity::set_for_current(core_affinity::CoreId { id: *cpu }) {
                return Err(error(PinFailure::Refused(std::io::Error::last_os_error())));
            }
        }
        cpus => sys::bind_to(cpus).map_err(|refusal| error(PinFailure::Refused(refusal)))?,
    }
    let in_force = allowed_cpus();
    if in_force != wanted {
        return Err(error(PinFailure::NotInForce(in_force)));
    }
    Ok(())
}

fn pin_error(runner: &str, wanted: &[usize], allowed: &[usize], reason: PinFailure) -> PinError {
    PinError { runner: runner.into(), wanted: wanted.into(), allowed: allowed.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_outside_the_mask_is_refused_by_name() {
        let error = check("risk", &[0, 5000], &[0, 1]).unwrap_err();
        assert!(matches!(error.reason, PinFailure::NotAllowed(5000)));
        let text = error.to_string();
        assert!(
            text.contains("risk") && text.contains("5000") && text.contains("[0, 1]"),
            "{text}"
        );
        assert!(matches!(check("risk", &[], &[0]).unwrap_err().reason, PinFailure::Empty));
    }
}
