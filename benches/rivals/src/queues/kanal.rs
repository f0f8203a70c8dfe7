//! `kanal`: a channel of a spin lock and hand-over from stack to stack.

use super::ask::{self, Kept, OneShot};
use super::ends::{
    BlockingConsumer, BlockingProducer, Consumer, Gone, Kind, Producer, Producers, Queue, Refused,
};
use super::{stream, wake};
use crate::payload::Payload;
use crate::work::{Figure, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::time::Duration;

/// Its bounded channel; the consumer of a stream takes all that is there.
pub fn measure(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::blocking::<Drained<1>>(lab, work, length)
        .or_else(|| stream::blocking::<Drained<32>>(lab, work, length))
        .or_else(|| ask::blocking::<Kept<Kanal>>(lab, work, length))
        .or_else(|| wake::blocking::<Kanal>(lab, work, length))
}

/// The same with a `oneshot` in each question.
pub fn measure_oneshot(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    ask::blocking::<OneShot<Kanal>>(lab, work, length)
}

struct Kanal;

impl Kind for Kanal {
    const PRODUCERS: Producers = Producers::Any;
}

impl<T: Send> Queue<T> for Kanal {
    type Producer = kanal::Sender<T>;
    type Consumer = Receiver<T>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (sender, receiver) = kanal::bounded(capacity);
        (vec![sender; producers], Receiver(receiver))
    }
}

impl<T: Send> Producer<T> for kanal::Sender<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        let mut value = Some(value);
        match self.try_send_option(&mut value) {
            Ok(_) => value.map_or(Ok(()), |value| Err(Refused::Full(value))),
            Err(_) => Err(Refused::Gone),
        }
    }
}

impl<T: Send> BlockingProducer<T> for kanal::Sender<T> {
    #[inline(always)]
    fn push_blocking(&mut self, value: T) -> Result<(), Gone> {
        self.send(value).map_err(|_| Gone)
    }
}

struct Receiver<T>(kanal::Receiver<T>);

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // By itself it would leave what is in the queue, and who waits for an answer, alone.
        let _ = self.0.close();
    }
}

impl<T: Send> Consumer<T> for Receiver<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        match self.0.try_recv() {
            Ok(Some(value)) => {
                each(value);
                Ok(1)
            }
            Ok(None) => Ok(0),
            Err(_) => Err(Gone),
        }
    }
}

impl<T: Send> BlockingConsumer<T> for Receiver<T> {
    #[inline(always)]
    fn take_blocking(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        each(self.0.recv().map_err(|_| Gone)?);
        Ok(1)
    }
}

/// With `drain_into` on the receiving side, which is faster for every stream. It can't send more
/// than one at once, whatever is asked for.
struct Drained<const BATCH: usize>;

impl<const BATCH: usize> Kind for Drained<BATCH> {
    const PRODUCERS: Producers = Producers::Any;
    const BATCH: usize = BATCH;
}

impl<T: Payload, const BATCH: usize> Queue<T> for Drained<BATCH> {
    type Producer = kanal::Sender<T>;
    type Consumer = Drain<T>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (senders, receiver) = Kanal::open(capacity, producers);
        (senders, Drain { receiver, taken: Vec::with_capacity(capacity + producers) })
    }
}

struct Drain<T> {
    receiver: Receiver<T>,
    /// Empty between two calls.
    taken: Vec<T>,
}

impl<T: Payload> Drain<T> {
    /// All that is there.
    #[inline(always)]
    fn take_all(&mut self, each: impl FnMut(T)) -> Result<usize, Gone> {
        let count = self.receiver.0.drain_into(&mut self.taken).map_err(|_| Gone)?;
        self.taken.drain(..).for_each(each);
        Ok(count)
    }
}

impl<T: Payload> Consumer<T> for Drain<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        match self.take_all(&mut each)? {
            // Only this says that the senders are gone.
            0 => self.receiver.try_take(each),
            count => Ok(count),
        }
    }
}

impl<T: Payload> BlockingConsumer<T> for Drain<T> {
    #[inline(always)]
    fn take_blocking(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        match self.take_all(&mut each)? {
            0 => self.receiver.take_blocking(each),
            count => Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Kanal>();
        check::<Drained<32>>();
    }
}
