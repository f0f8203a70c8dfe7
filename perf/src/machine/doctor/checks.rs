//! All checks, group by group.

mod cpus;
mod frequency;
mod guest;
mod interrupts;
mod kernel;
mod memory;
mod process;
mod share;

use crate::machine::doctor::check::Check;

/// All of them, group by group.
pub fn checks() -> Vec<Check> {
    [
        process::CHECKS,
        cpus::CHECKS,
        share::CHECKS,
        interrupts::CHECKS,
        frequency::CHECKS,
        guest::CHECKS,
        memory::CHECKS,
        kernel::CHECKS,
    ]
    .concat()
}

/// The names of all checks, with what each is about.
pub fn list() -> String {
    let line = |check: &Check| format!("{:<16} {:<16} {}\n", check.name, check.group, check.effect);
    checks().iter().map(line).collect()
}

/// Whether there is a check of this name.
pub fn is_check(name: &str) -> bool {
    checks().iter().any(|check| check.name == name)
}
