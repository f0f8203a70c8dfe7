//! `ringbuf`: one producer, one consumer; one by one, and by slices.

use super::ends::{Consumer, Gone, Kind, Pause, Producer, Producers, Queue, Refused};
use super::stream;
use crate::payload::Payload;
use crate::work::{Figure, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use ringbuf::traits::{Consumer as _, Observer, Producer as _, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};
use std::time::Duration;

/// Its shared ring on the heap, with ends that cache the other's index.
pub fn measure(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::trying::<Singly>(lab, work, length)
        .or_else(|| stream::trying::<Sliced>(lab, work, length))
}

struct Singly;

impl Kind for Singly {
    const PRODUCERS: Producers = Producers::One;
}

impl<T: Payload> Queue<T> for Singly {
    type Producer = HeapProd<T>;
    type Consumer = HeapCons<T>;

    fn open(capacity: usize, _: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (producer, consumer) = HeapRb::new(capacity).split();
        (vec![producer], consumer)
    }
}

impl<T: Payload> Producer<T> for HeapProd<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        match ringbuf::traits::Producer::try_push(self, value) {
            Ok(()) => Ok(()),
            Err(_) if !self.read_is_held() => Err(Refused::Gone),
            Err(value) => Err(Refused::Full(value)),
        }
    }

    #[inline(always)]
    fn push_all<P: Pause>(
        &mut self,
        mut values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), Gone> {
        while values.len() > 0 {
            // As many as fit, shown at once.
            if self.push_iter(values.by_ref()) == 0 {
                if !self.read_is_held() {
                    return Err(Gone);
                }
                P::pause();
            }
        }
        Ok(())
    }
}

impl<T: Payload> Consumer<T> for HeapCons<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        let Some(value) = self.try_pop() else { return over_if_dropped(self) };
        each(value);
        Ok(1)
    }
}

/// An empty ring stays so if its producer is gone.
#[inline(always)]
fn over_if_dropped(consumer: &impl Observer) -> Result<usize, Gone> {
    // In this order: what came before the producer went is there now.
    if !consumer.write_is_held() && consumer.is_empty() { Err(Gone) } else { Ok(0) }
}

/// By iterators and slices, as its documentation advises for throughput.
struct Sliced;

impl Kind for Sliced {
    const PRODUCERS: Producers = Producers::One;
    const BATCH: usize = 32;
}

impl<T: Payload> Queue<T> for Sliced {
    type Producer = HeapProd<T>;
    type Consumer = SliceConsumer<T>;

    fn open(capacity: usize, _: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (producer, consumer) = HeapRb::new(capacity).split();
        (vec![producer], SliceConsumer(consumer))
    }
}

struct SliceConsumer<T>(HeapCons<T>);

impl<T: Payload> Consumer<T> for SliceConsumer<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(T)) -> Result<usize, Gone> {
        let (first, second) = self.0.as_slices();
        let count = first.len() + second.len();
        if count == 0 {
            return over_if_dropped(&self.0);
        }
        first.iter().chain(second).copied().for_each(each);
        Ok(self.0.skip(count))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Singly>();
        check::<Sliced>();
    }
}
