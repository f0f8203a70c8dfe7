//! What messages carry: a number, alone or filling a cache line.

/// See the module.
pub trait Payload: Copy + Default + Send + Sync + 'static {
    /// Every word of it is the number.
    fn of(number: u64) -> Self;

    /// The number, after a look at every word.
    fn number(&self) -> u64;
}

impl Payload for u64 {
    #[inline(always)]
    fn of(number: u64) -> Self {
        number
    }

    #[inline(always)]
    fn number(&self) -> u64 {
        *self
    }
}

/// A payload as large as a cache line.
pub type Line = [u64; 8];

impl Payload for Line {
    #[inline(always)]
    fn of(number: u64) -> Self {
        [number; 8]
    }

    #[inline(always)]
    fn number(&self) -> u64 {
        self.iter().fold(u64::MAX, |all, word| all & word)
    }
}
