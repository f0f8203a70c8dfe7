//! `thingbuf`: a bounded channel whose slots can be filled and read in place.

use super::ends::{
    BlockingConsumer, BlockingProducer, Consumer, Gone, Kind, Producer, Producers, Queue, Refused,
};
use super::{stream, wake};
use crate::payload::Payload;
use crate::work::{Figure, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::time::Duration;
use thingbuf::mpsc::blocking::{Receiver, Sender, with_recycle};
use thingbuf::mpsc::errors::{TryRecvError, TrySendError};
use thingbuf::recycling::Recycle;

/// Its blocking channel, on the heap: the static one is not faster.
pub fn measure(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::blocking::<Thingbuf>(lab, work, length)
        .or_else(|| wake::blocking::<Thingbuf>(lab, work, length))
}

struct Thingbuf;

impl Kind for Thingbuf {
    const PRODUCERS: Producers = Producers::Any;
}

impl<T: Payload> Queue<T> for Thingbuf {
    type Producer = Sender<T, AsItIs>;
    type Consumer = Receiver<T, AsItIs>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let (sender, receiver) = with_recycle(capacity, AsItIs);
        (vec![sender; producers], receiver)
    }
}

/// Leaves a slot as it was: it is overwritten anyway.
struct AsItIs;

impl<T: Default> Recycle<T> for AsItIs {
    fn new_element(&self) -> T {
        T::default()
    }

    #[inline(always)]
    fn recycle(&self, _: &mut T) {}
}

/// What is small is faster by value, what is large in place.
const fn is_small<T>() -> bool {
    size_of::<T>() <= size_of::<u64>()
}

impl<T: Payload> Producer<T> for Sender<T, AsItIs> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        let refused = if is_small::<T>() {
            self.try_send(value).map_err(|error| matches!(error, TrySendError::Full(_)))
        } else {
            let slot = self.try_send_ref();
            slot.map(|mut slot| *slot = value)
                .map_err(|error| matches!(error, TrySendError::Full(())))
        };
        refused.map_err(|is_full| if is_full { Refused::Full(value) } else { Refused::Gone })
    }
}

impl<T: Payload> BlockingProducer<T> for Sender<T, AsItIs> {
    #[inline(always)]
    fn push_blocking(&mut self, value: T) -> Result<(), Gone> {
        if is_small::<T>() {
            return self.send(value).map_err(|_| Gone);
        }
        *self.send_ref().map_err(|_| Gone)? = value;
        Ok(())
    }
}

impl<T: Payload> Consumer<T> for Receiver<T, AsItIs> {
    #[inline(always)]
    fn try_take(&mut self, each: impl FnMut(T)) -> Result<usize, Gone> {
        let taken = if is_small::<T>() {
            self.try_recv().map(each)
        } else {
            let mut each = each;
            self.try_recv_ref().map(|value| each(*value))
        };
        match taken {
            Ok(()) => Ok(1),
            Err(TryRecvError::Empty) => Ok(0),
            Err(_) => Err(Gone),
        }
    }
}

impl<T: Payload> BlockingConsumer<T> for Receiver<T, AsItIs> {
    #[inline(always)]
    fn take_blocking(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        if is_small::<T>() {
            each(self.recv().ok_or(Gone)?);
        } else {
            each(*self.recv_ref().ok_or(Gone)?);
        }
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Thingbuf>();
    }
}
