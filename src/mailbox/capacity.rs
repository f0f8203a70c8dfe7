//! How many requests a mailbox can hold.

use thiserror::Error;

/// The largest capacity of a mailbox, in requests.
pub const CAPACITY_MAX: usize = 1 << 30;

/// A capacity that no ring can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a mailbox capacity of {capacity} is not possible: give 1 to {max} requests", max = CAPACITY_MAX)]
pub struct CapacityError {
    /// What was asked for, in requests.
    pub capacity: usize,
}

/// Whether a mailbox can have that capacity.
pub(crate) fn check_capacity(capacity: usize) -> Result<(), CapacityError> {
    if capacity == 0 || capacity > CAPACITY_MAX {
        return Err(CapacityError { capacity });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_capacities_are_refused_by_value() {
        assert_eq!(check_capacity(0).unwrap_err(), CapacityError { capacity: 0 });
        assert!(check_capacity(CAPACITY_MAX).is_ok());
        let error = check_capacity(CAPACITY_MAX + 1).unwrap_err().to_string();
        assert!(error.contains("1073741825") && error.contains("1 to 1073741824"), "{error}");
    }
}
