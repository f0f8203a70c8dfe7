//! What a runner's own thread has made for it, and the runner has not yet taken in.

use std::cell::RefCell;

/// Items of one thread, each for one of its runners, in the order in which they came. They need not be
/// `Send`: they stay on their thread.
pub(crate) struct Newcomers<T>(RefCell<Vec<(usize, T)>>);

impl<T> Newcomers<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Leaves an item for the runner with that number; whether it is the only one there.
    pub(crate) fn leave(&self, runner: usize, item: T) -> bool {
        let mut waiting = self.0.borrow_mut();
        // The last one, nearly always: it looks at one place.
        let is_first = !waiting.iter().rev().any(|(other, _)| *other == runner);
        waiting.push((runner, item));
        is_first
    }

    /// Takes all that wait for that runner.
    pub(crate) fn take(&self, runner: usize) -> Vec<T> {
        let mut waiting = self.0.borrow_mut();
        waiting.extract_if(.., |(other, _)| *other == runner).map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_newcomers_of_one_runner_are_announced_once() {
        let newcomers = Newcomers::new();
        assert_eq!([1, 2, 3].map(|item| newcomers.leave(7, item)), [true, false, false]);
        assert_eq!(newcomers.take(7), [1, 2, 3]);
        assert!(
            newcomers.leave(7, 4),
            "all were taken at once, so the next one is the first again"
        );
    }

    #[test]
    fn each_runner_takes_its_own() {
        let newcomers = Newcomers::new();
        assert!(newcomers.leave(7, 1));
        assert!(newcomers.leave(8, 2));
        assert!(!newcomers.leave(7, 3));
        assert_eq!(newcomers.take(8), [2]);
        assert_eq!(newcomers.take(7), [1, 3]);
        assert!(newcomers.take(7).is_empty());
    }
}
