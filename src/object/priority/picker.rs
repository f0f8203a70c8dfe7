//! Which lane is served next.

use crate::object::priority::{PASSED_MAX, Priority};

/// Picks the lane that is served next. None of them starves: see [`PASSED_MAX`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PriorityPicker {
    /// How many requests of other lanes have run while one waited in this lane.
    normal: usize,
    bulk: usize,
}

impl PriorityPicker {
    /// The next lane, of those in which a request waits.
    pub(crate) fn next(&mut self, urgent: bool, normal: bool, bulk: bool) -> Option<Priority> {
        // Both may be due at once, so the lane that yields to the other is due one request earlier.
        let next = match () {
            () if normal && self.normal >= PASSED_MAX => Priority::Normal,
            () if bulk && self.bulk >= PASSED_MAX - 1 => Priority::Bulk,
            () if urgent => Priority::Urgent,
            () if normal => Priority::Normal,
            () if bulk => Priority::Bulk,
            () => return None,
        };
        let passed = |waits: bool, by: usize, own| match waits && next != own {
            true => by + 1,
            false => 0,
        };
        self.normal = passed(normal, self.normal, Priority::Normal);
        self.bulk = passed(bulk, self.bulk, Priority::Bulk);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lane_is_passed_over_for_longer_than_is_said() {
        // Every pattern of what waits, each for some requests, one after another.
        let mut picker = PriorityPicker::default();
        let mut passed = [0; 2];
        let mut seed = 1_u64;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let [urgent, normal, bulk] = [60, 61, 62].map(|bit| seed >> bit & 1 == 0);
            let (normal, bulk) = (normal || passed[0] > 0, bulk || passed[1] > 0);
            let next = picker.next(urgent, normal, bulk);
            assert_eq!(next.is_some(), urgent || normal || bulk);
            for (passed, (waits, own)) in
                passed.iter_mut().zip([(normal, Priority::Normal), (bulk, Priority::Bulk)])
            {
                *passed = if waits && next != Some(own) { *passed + 1 } else { 0 };
                assert!(*passed <= PASSED_MAX);
            }
        }
    }

    #[test]
    fn the_higher_priority_goes_first() {
        let next = |urgent, normal, bulk| PriorityPicker::default().next(urgent, normal, bulk);
        assert_eq!(next(true, true, true), Some(Priority::Urgent));
        assert_eq!(next(false, true, true), Some(Priority::Normal));
        assert_eq!(next(false, false, true), Some(Priority::Bulk));
        assert_eq!(next(false, false, false), None);
    }
}
