//! Chance with a seed.

use std::time::Duration;

/// Splitmix, so that a seed is a course.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One below the bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    /// The same, for places.
    pub fn place(&mut self, bound: usize) -> usize {
        self.below(bound as u64) as usize
    }

    /// One of several.
    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.place(choices.len())].clone()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A time below so many microseconds.
    pub fn micros(&mut self, bound: u64) -> Duration {
        Duration::from_micros(self.below(bound))
    }

    /// Another course, which depends on this one.
    pub fn fork(&mut self) -> Self {
        Self(self.number())
    }
}
