//! Where things lie in memory: padding, and the order of slots.

use std::ops::Deref;

/// How a ring is laid out.
pub trait Layout: Send + Sync + 'static {
    /// `T` apart from what else is written: between the words of producers and consumer, and
    /// before the slots.
    type Padded<T: Send + Sync>: Deref<Target = T> + From<T> + Send + Sync;

    /// Which slot belongs to the position at this place in its lap.
    #[inline(always)]
    fn index(place: usize) -> usize {
        place
    }
}

/// As in the engine: two lines apart, since the processor's neighbour prefetcher fetches lines in
/// pairs; consecutive positions side by side.
pub struct Usual;

/// One cache line apart.
pub struct OneLine;

/// As `Usual`, but consecutive positions lie on different cache lines: the two lowest bits, which
/// count the slots of 16 bytes in a line, change places with the next two. After the index
/// remapping of atomic_queue (<https://github.com/max0x7ba/atomic_queue>).
pub struct Remapped;

impl Layout for Usual {
    type Padded<T: Send + Sync> = TwoLines<T>;
}

impl Layout for OneLine {
    type Padded<T: Send + Sync> = Line<T>;
}

impl Layout for Remapped {
    type Padded<T: Send + Sync> = TwoLines<T>;

    #[inline(always)]
    fn index(place: usize) -> usize {
        let differing = (place ^ (place >> 2)) & 3;
        place ^ differing ^ (differing << 2)
    }
}

macro_rules! aligned {
    ($(#[$doc:meta] $name:ident $bytes:literal)*) => {$(
        #[$doc]
        #[repr(align($bytes))]
        #[derive(Default)]
        pub struct $name<T>(T);

        impl<T> Deref for $name<T> {
            type Target = T;

            #[inline(always)]
            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T> From<T> for $name<T> {
            fn from(value: T) -> Self {
                Self(value)
            }
        }
    )*};
}

aligned! {
    /// Nothing else that is written is nearer than the next word.
    Word 8
    /// Nothing else lies in the same cache line.
    Line 64
    /// Nor in the line beside it.
    TwoLines 128
}

/// Asks for the cache line at `place`, soon to be written here.
#[inline(always)]
#[allow(unsafe_code)] // an instruction without an intrinsic
pub fn prefetch_for_write<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults, changes nothing that a program can see, and no register.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Asks for the cache line at `place`, soon to be read here.
#[inline(always)]
#[allow(unsafe_code)] // the intrinsic takes a raw pointer
pub fn prefetch_for_read<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults, and changes nothing that a program can see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remapping_visits_each_slot_once_and_neighbours_on_different_lines() {
        let mut seen = [false; 64];
        for place in 0..64 {
            let index = Remapped::index(place);
            assert!(!std::mem::replace(&mut seen[index], true));
            assert_ne!(index / 4, Remapped::index((place + 1) % 64) / 4);
        }
    }
}
