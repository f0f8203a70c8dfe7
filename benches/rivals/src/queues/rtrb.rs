//! `rtrb`: one producer, one consumer. Alone, in chunks, and as a bundle with one for each producer.

use super::ask::{self, Kept};
use super::ends::{Consumer, Gone, Kind, Pause, Producer, Producers, Queue, Refused};
use super::stream;
use crate::payload::Payload;
use crate::work::{Figure, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use rtrb::{PushError, RingBuffer};
use std::time::Duration;

/// One ring.
pub fn measure(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::trying::<Singly>(lab, work, length)
        .or_else(|| stream::trying::<Chunked>(lab, work, length))
}

/// One ring for each producer; the consumer takes from one after the other.
pub fn measure_lanes(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::trying::<Lanes>(lab, work, length)
}

/// One ring there and one back.
pub fn measure_pair(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    ask::trying::<Kept<Singly>>(lab, work, length)
}

/// One by one, on the consumer's side too: one that takes chunks catches up with a producer that
/// publishes one by one, and then they quarrel about a cache line (19 ns per message, not 2.5).
struct Singly;

impl Kind for Singly {
    const PRODUCERS: Producers = Producers::One;
}

impl<T: Payload> Queue<T> for Singly {
    type Producer = rtrb::Producer<T>;
    type Consumer = rtrb::Consumer<T>;

    fn open(capacity: usize, _: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (producer, consumer) = RingBuffer::new(capacity);
        (vec![producer], consumer)
    }
}

impl<T: Payload> Producer<T> for rtrb::Producer<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        match self.push(value) {
            Ok(()) => Ok(()),
            Err(PushError::Full(_)) if self.is_abandoned() => Err(Refused::Gone),
            Err(PushError::Full(value)) => Err(Refused::Full(value)),
        }
    }
}

impl<T: Payload> Consumer<T> for rtrb::Consumer<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        let Ok(value) = self.pop() else { return over_if_abandoned(self) };
        each(value);
        Ok(1)
    }
}

/// An empty ring stays so if its producer is gone.
#[inline(always)]
fn over_if_abandoned<T>(consumer: &rtrb::Consumer<T>) -> Result<usize, Gone> {
    // In this order: what came before the producer went is there now.
    if consumer.is_abandoned() && consumer.is_empty() { Err(Gone) } else { Ok(0) }
}

/// By chunks, as its documentation advises for throughput.
struct Chunked;

impl Kind for Chunked {
    const PRODUCERS: Producers = Producers::One;
    const BATCH: usize = 32;
}

impl<T: Payload> Queue<T> for Chunked {
    type Producer = ChunkProducer<T>;
    type Consumer = ChunkConsumer<T>;

    fn open(capacity: usize, _: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (producer, consumer) = RingBuffer::new(capacity);
        (vec![ChunkProducer(producer)], ChunkConsumer(consumer))
    }
}

struct ChunkProducer<T>(rtrb::Producer<T>);

impl<T: Payload> Producer<T> for ChunkProducer<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        self.0.try_push(value)
    }

    #[inline(always)]
    fn push_all<P: Pause>(
        &mut self,
        mut values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), Gone> {
        while values.len() > 0 {
            // Not for less: to show many at once is what it is about.
            if let Ok(chunk) = self.0.write_chunk_uninit(values.len()) {
                chunk.fill_from_iter(values.by_ref());
            } else if self.0.is_abandoned() {
                return Err(Gone);
            } else {
                P::pause();
            }
        }
        Ok(())
    }
}

struct ChunkConsumer<T>(rtrb::Consumer<T>);

impl<T: Payload> Consumer<T> for ChunkConsumer<T> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(T)) -> Result<usize, Gone> {
        let known = self.0.cached_slots();
        // No more than what the producer shows at once: it gets the room back sooner.
        let count = if known > 0 { known } else { self.0.slots() }.min(Chunked::BATCH);
        if count == 0 {
            return over_if_abandoned(&self.0);
        }
        let chunk = self.0.read_chunk(count).map_err(|_| Gone)?;
        let (first, second) = chunk.as_slices();
        first.iter().chain(second).copied().for_each(each);
        chunk.commit_all();
        Ok(count)
    }
}

/// A reference for many producers: what a ring for one costs if each has its own. Each lane holds as
/// much as a shared queue would.
struct Lanes;

impl Kind for Lanes {
    const PRODUCERS: Producers = Producers::Lanes;
}

impl<T: Payload> Queue<T> for Lanes {
    type Producer = rtrb::Producer<T>;
    type Consumer = LanesConsumer<T>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (producers, lanes) = (0..producers).map(|_| RingBuffer::new(capacity)).unzip();
        (producers, LanesConsumer { lanes })
    }
}

struct LanesConsumer<T> {
    lanes: Vec<rtrb::Consumer<T>>,
}

impl<T: Payload> Consumer<T> for LanesConsumer<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        let mut count = 0;
        for lane in &mut self.lanes {
            if let Ok(value) = lane.pop() {
                each(value);
                count += 1;
            }
        }
        let is_over = || self.lanes.iter().all(|lane| over_if_abandoned(lane).is_err());
        if count == 0 && is_over() { Err(Gone) } else { Ok(count) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Singly>();
        check::<Chunked>();
        check::<Lanes>();
    }
}
