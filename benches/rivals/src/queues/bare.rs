//! Bounded queues without an end: `crossbeam-queue`'s `ArrayQueue` and `concurrent-queue`.

use super::ends::{Consumer, Gone, Kind, Producer, Producers, Queue, Refused};
use super::stream;
use crate::payload::Payload;
use crate::work::{Figure, Work};
use concurrent_queue::{ConcurrentQueue, PopError, PushError};
use crossbeam_queue::ArrayQueue;
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Vyukov's bounded queue.
pub fn measure_array(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::trying::<Array>(lab, work, length)
}

/// The same algorithm once more, with a bit for closing.
pub fn measure_concurrent(
    lab: &Lab,
    work: Work,
    length: Duration,
) -> Option<Result<Figure, Error>> {
    stream::trying::<Concurrent>(lab, work, length)
}

struct Array;

impl Kind for Array {
    const PRODUCERS: Producers = Producers::Any;
}

impl<T: Payload> Queue<T> for Array {
    type Producer = ArrayEnd<T>;
    type Consumer = ArrayEnd<T>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let queue = Arc::new(ArrayQueue::new(capacity));
        // The count of the `Arc` must not tell a producer from the consumer: each side has its own.
        let (there, here) = (Arc::new(()), Arc::new(()));
        let end = |mine: &Arc<()>, others: &Arc<()>| ArrayEnd {
            queue: queue.clone(),
            others: Arc::downgrade(others),
            _mine: mine.clone(),
        };
        ((0..producers).map(|_| end(&there, &here)).collect(), end(&here, &there))
    }
}

/// Either end: the queue knows no difference.
struct ArrayEnd<T> {
    queue: Arc<ArrayQueue<T>>,
    /// Alive as long as there is an end on the other side.
    others: Weak<()>,
    _mine: Arc<()>,
}

impl<T: Payload> Producer<T> for ArrayEnd<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        match self.queue.push(value) {
            Ok(()) => Ok(()),
            Err(_) if self.others.strong_count() == 0 => Err(Refused::Gone),
            Err(value) => Err(Refused::Full(value)),
        }
    }
}

impl<T: Payload> Consumer<T> for ArrayEnd<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        match self.queue.pop() {
            Some(value) => {
                each(value);
                Ok(1)
            }
            // In this order: what came before the last producer went is there now.
            None if self.others.strong_count() == 0 && self.queue.is_empty() => Err(Gone),
            None => Ok(0),
        }
    }
}

struct Concurrent;

impl Kind for Concurrent {
    const PRODUCERS: Producers = Producers::Any;
}

impl<T: Payload> Queue<T> for Concurrent {
    type Producer = Arc<Closing<T>>;
    type Consumer = ConcurrentConsumer<T>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let queue = Arc::new(ConcurrentQueue::bounded(capacity));
        let producer = Arc::new(Closing(queue.clone()));
        (vec![producer; producers], ConcurrentConsumer(Closing(queue)))
    }
}

/// Closes the queue when it is dropped.
struct Closing<T>(Arc<ConcurrentQueue<T>>);

impl<T> Drop for Closing<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T: Payload> Producer<T> for Arc<Closing<T>> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        self.0.push(value).map_err(|error| match error {
            PushError::Full(value) => Refused::Full(value),
            PushError::Closed(_) => Refused::Gone,
        })
    }
}

struct ConcurrentConsumer<T>(Closing<T>);

impl<T: Payload> Consumer<T> for ConcurrentConsumer<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        match self.0.0.pop() {
            Ok(value) => {
                each(value);
                Ok(1)
            }
            Err(PopError::Empty) => Ok(0),
            Err(PopError::Closed) => Err(Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Array>();
        check::<Concurrent>();
    }
}
