//! Who may spin: a runner that has an allowed CPU to itself.

/// Who spins on which CPU, and who parks for which reason although its strategy spins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spinners {
    pub(super) spinning: Vec<(String, usize)>,
    pub(super) downgraded: Vec<(String, &'static str)>,
}

/// A runner that has not ended.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a str,
    /// The CPUs it was to be pinned to.
    pub(super) cpus: &'a [usize],
    /// The kernel has pinned it.
    pub(super) is_pinned: bool,
    /// Its strategy spins, and its options make that sensible.
    pub(super) wants: bool,
}

/// Decides for each of the runners that want to spin. The process may use `cpus` CPUs.
pub(super) fn decide(runners: &[Candidate<'_>], cpus: usize, has_quota: bool) -> Spinners {
    let mut spinners = Spinners::default();
    for runner in runners.iter().filter(|runner| runner.wants) {
        let shares = |other: &&Candidate| other.cpus.iter().any(|cpu| runner.cpus.contains(cpu));
        let reason = match () {
            () if !runner.is_pinned => Some("it is not pinned"),
            () if cpus == 1 => Some("this process has one CPU"),
            () if has_quota => Some("a CPU quota is in force"),
            () if runner.cpus.len() > 1 => Some("it is not pinned to one CPU"),
            // It shares its CPU with itself, too.
            () if runners.iter().filter(shares).count() > 1 => {
                Some("it shares its CPU with another runner")
            }
            () => None,
        };
        let name = runner.name.to_owned();
        match reason {
            None => spinners.spinning.push((name, runner.cpus[0])),
            Some(reason) => spinners.downgraded.push((name, reason)),
        }
    }
    spinners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned<'a>(name: &'a str, cpus: &'a [usize]) -> Candidate<'a> {
        Candidate { name, cpus, is_pinned: true, wants: true }
    }

    fn reasons(runners: &[Candidate<'_>], cpus: usize, has_quota: bool) -> Vec<&'static str> {
        let downgraded = decide(runners, cpus, has_quota).downgraded;
        downgraded.into_iter().map(|(_, reason)| reason).collect()
    }

    #[test]
    fn runners_with_a_cpu_each_spin() {
        let spinners = decide(&[pinned("a", &[0]), pinned("b", &[2])], 4, false);
        assert_eq!(spinners.spinning, [("a".into(), 0), ("b".into(), 2)]);
        assert!(spinners.downgraded.is_empty());
    }

    #[test]
    fn whoever_cannot_have_a_cpu_alone_parks_and_the_reason_is_said() {
        let [a, b] = [pinned("a", &[0]), pinned("b", &[1])];
        assert_eq!(reasons(&[a, pinned("b", &[0])], 2, false).len(), 2);
        assert_eq!(reasons(&[a, b], 1, false), ["this process has one CPU"; 2]);
        assert_eq!(reasons(&[a], 2, true), ["a CPU quota is in force"]);
        assert_eq!(reasons(&[pinned("a", &[0, 1])], 2, false), ["it is not pinned to one CPU"]);
        assert_eq!(reasons(&[Candidate { is_pinned: false, ..a }], 2, false), ["it is not pinned"]);
    }

    #[test]
    fn a_runner_that_does_not_want_to_spin_is_not_named_but_takes_its_cpu() {
        let quiet = Candidate { wants: false, ..pinned("quiet", &[0]) };
        let spinners = decide(&[quiet, pinned("a", &[0])], 2, false);
        assert!(spinners.spinning.is_empty());
        assert_eq!(spinners.downgraded, [("a".into(), "it shares its CPU with another runner")]);
    }
}
