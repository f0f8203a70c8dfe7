//! A program out of bytes.

use std::cell::Cell;
use std::rc::Rc;

/// Where the next decision comes from. When the bytes are used up every answer is 0, so each program
/// ends: whoever goes on asks [`more`](Self::more) first.
///
/// Decisions are made while the program runs, and by whoever is at it: a timer, a destructor. So it is read
/// byte by byte, and a byte more or less changes what follows only a little.
#[derive(Clone)]
pub struct Program {
    bytes: Rc<[u8]>,
    at: Rc<Cell<usize>>,
}

impl Program {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), at: Rc::default() }
    }

    /// Whether bytes are left.
    pub fn more(&self) -> bool {
        self.at.get() < self.bytes.len()
    }

    pub fn byte(&self) -> u8 {
        let at = self.at.replace(self.at.get() + 1);
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// A number of any size: small ones are as frequent as large ones.
    pub fn number(&self) -> u64 {
        let shift = self.byte() % 64;
        let word = (0..3).fold(0, |word, _| word << 8 | u64::from(self.byte()));
        (word << 40 | word) >> shift
    }

    /// A number below a bound of at most 256.
    pub fn below(&self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    /// Whether something rare happens: once in so many.
    pub fn once_in(&self, many: usize) -> bool {
        self.below(many) == many - 1
    }

    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
