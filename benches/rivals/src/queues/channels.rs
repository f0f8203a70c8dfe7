//! The channels with the shape of the standard library's: its own, `crossbeam-channel`, `flume`.

use super::ask::{self, Kept, OneShot};
use super::ends::{
    BlockingConsumer, BlockingProducer, Consumer, Gone, Kind, Producer, Producers, Queue, Refused,
};
use super::{stream, wake};
use crate::payload::Payload;
use crate::work::{Figure, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::sync::mpsc;
use std::time::Duration;

/// `crossbeam-channel`, and questions with an answer through a second channel that is kept.
pub fn measure_crossbeam(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::blocking::<Crossbeam>(lab, work, length)
        .or_else(|| ask::blocking::<Kept<Crossbeam>>(lab, work, length))
        .or_else(|| wake::blocking::<Crossbeam>(lab, work, length))
}

/// `crossbeam-channel` with a `oneshot` in each question.
pub fn measure_crossbeam_oneshot(
    lab: &Lab,
    work: Work,
    length: Duration,
) -> Option<Result<Figure, Error>> {
    ask::blocking::<OneShot<Crossbeam>>(lab, work, length)
}

/// The standard library's bounded channel.
pub fn measure_std(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::blocking::<Std>(lab, work, length)
        .or_else(|| ask::blocking::<Kept<Std>>(lab, work, length))
        .or_else(|| wake::blocking::<Std>(lab, work, length))
}

/// `flume`; the consumer of a stream takes all that is there.
pub fn measure_flume(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::blocking::<FlumeDrained<1>>(lab, work, length)
        .or_else(|| stream::blocking::<FlumeDrained<32>>(lab, work, length))
        .or_else(|| ask::blocking::<Kept<Flume>>(lab, work, length))
        .or_else(|| wake::blocking::<Flume>(lab, work, length))
}

/// The adapter of such a channel.
macro_rules! channel {
    ($kind:ident, $library:ident, $open:path, $producer:ident) => {
        struct $kind;

        impl Kind for $kind {
            const PRODUCERS: Producers = Producers::Any;
        }

        impl<T: Send> Queue<T> for $kind {
            type Producer = $library::$producer<T>;
            type Consumer = $library::Receiver<T>;

            fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
                let (sender, receiver) = $open(capacity);
                let others = (1..producers).map(|_| sender.clone()).collect::<Vec<_>>();
                (others.into_iter().chain([sender]).collect(), receiver)
            }
        }

        impl<T: Send> Producer<T> for $library::$producer<T> {
            #[inline(always)]
            fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
                self.try_send(value).map_err(|error| match error {
                    $library::TrySendError::Full(value) => Refused::Full(value),
                    $library::TrySendError::Disconnected(_) => Refused::Gone,
                })
            }
        }

        impl<T: Send> BlockingProducer<T> for $library::$producer<T> {
            #[inline(always)]
            fn push_blocking(&mut self, value: T) -> Result<(), Gone> {
                self.send(value).map_err(|_| Gone)
            }
        }

        impl<T: Send> Consumer<T> for $library::Receiver<T> {
            #[inline(always)]
            fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
                match self.try_recv() {
                    Ok(value) => {
                        each(value);
                        Ok(1)
                    }
                    Err($library::TryRecvError::Empty) => Ok(0),
                    Err($library::TryRecvError::Disconnected) => Err(Gone),
                }
            }
        }

        impl<T: Send> BlockingConsumer<T> for $library::Receiver<T> {
            #[inline(always)]
            fn take_blocking(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
                each(self.recv().map_err(|_| Gone)?);
                Ok(1)
            }
        }
    };
}

channel!(Crossbeam, crossbeam_channel, crossbeam_channel::bounded, Sender);
channel!(Std, mpsc, mpsc::sync_channel, SyncSender);
channel!(Flume, flume, flume::bounded, Sender);

/// `flume` with `drain` on the receiving side, which is faster for nearly every stream. It can't send
/// more than one at once, whatever is asked for.
struct FlumeDrained<const BATCH: usize>;

impl<const BATCH: usize> Kind for FlumeDrained<BATCH> {
    const PRODUCERS: Producers = Producers::Any;
    const BATCH: usize = BATCH;
}

impl<T: Payload, const BATCH: usize> Queue<T> for FlumeDrained<BATCH> {
    type Producer = flume::Sender<T>;
    type Consumer = FlumeDrain<T>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (producers, consumer) = Flume::open(capacity, producers);
        (producers, FlumeDrain(consumer))
    }
}

struct FlumeDrain<T>(flume::Receiver<T>);

impl<T: Payload> FlumeDrain<T> {
    /// What else is there.
    #[inline(always)]
    fn take_rest(&mut self, each: impl FnMut(T)) -> usize {
        let rest = self.0.drain();
        let count = rest.len();
        rest.for_each(each);
        count
    }
}

impl<T: Payload> Consumer<T> for FlumeDrain<T> {
    #[inline(always)]
    fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        // One first: to drain an empty channel throws its memory away.
        match self.0.try_take(&mut each)? {
            0 => Ok(0),
            first => Ok(first + self.take_rest(each)),
        }
    }
}

impl<T: Payload> BlockingConsumer<T> for FlumeDrain<T> {
    #[inline(always)]
    fn take_blocking(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        let first = self.0.take_blocking(&mut each)?;
        Ok(first + self.take_rest(each))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Crossbeam>();
        check::<Std>();
        check::<Flume>();
        check::<FlumeDrained<32>>();
    }
}
