//! `disruptor`: events in a ring that its consumer, here a poller, reads in place.

use super::ends::{Consumer, Gone, Kind, Pause, Producer, Producers, Queue, Refused};
use super::stream;
use crate::payload::Payload;
use crate::work::{Figure, Work};
use disruptor::{
    BusySpin, EventPoller, MultiProducer, MultiProducerBarrier, Polling, SingleConsumerBarrier,
    SingleProducer, SingleProducerBarrier,
};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// For one producer.
pub fn measure_single(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::trying::<Single<1>>(lab, work, length)
        .or_else(|| stream::trying::<Single<32>>(lab, work, length))
}

/// For many.
pub fn measure_multi(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>> {
    stream::trying::<Multi<1>>(lab, work, length)
        .or_else(|| stream::trying::<Multi<32>>(lab, work, length))
}

struct Single<const BATCH: usize>;

impl<const BATCH: usize> Kind for Single<BATCH> {
    const PRODUCERS: Producers = Producers::One;
    const BATCH: usize = BATCH;
}

impl<T: Payload, const BATCH: usize> Queue<T> for Single<BATCH> {
    type Producer = Publisher<SingleProducer<T, SingleConsumerBarrier>>;
    type Consumer = Poller<T, SingleProducerBarrier>;

    fn open(capacity: usize, _: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        let size = capacity.next_power_of_two();
        let builder = disruptor::build_single_producer(size, T::default, BusySpin);
        let (poller, builder) = builder.new_event_poller();
        let alive = Arc::new(());
        let publisher = Publisher { producer: builder.build(), consumer: Arc::downgrade(&alive) };
        (vec![publisher], Poller { poller, _alive: alive })
    }
}

struct Multi<const BATCH: usize>;

impl<const BATCH: usize> Kind for Multi<BATCH> {
    const PRODUCERS: Producers = Producers::Any;
    const BATCH: usize = BATCH;
}

impl<T: Payload, const BATCH: usize> Queue<T> for Multi<BATCH> {
    type Producer = Publisher<MultiProducer<T, SingleConsumerBarrier>>;
    type Consumer = Poller<T, MultiProducerBarrier>;

    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer) {
        // It wants 64 at least.
        let size = capacity.next_power_of_two().max(64);
        let builder = disruptor::build_multi_producer(size, T::default, BusySpin);
        let (poller, builder) = builder.new_event_poller();
        let alive = Arc::new(());
        let publisher = Publisher { producer: builder.build(), consumer: Arc::downgrade(&alive) };
        (vec![publisher; producers], Poller { poller, _alive: alive })
    }
}

/// A producer that can tell when the consumer is gone: the library's own can't.
#[derive(Clone)]
struct Publisher<D> {
    producer: D,
    consumer: Weak<()>,
}

impl<D> Publisher<D> {
    fn is_alone(&self) -> bool {
        self.consumer.strong_count() == 0
    }
}

impl<T: Payload, D: disruptor::Producer<T> + Send> Producer<T> for Publisher<D> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>> {
        match self.producer.try_publish(|event| *event = value) {
            Ok(_) => Ok(()),
            Err(_) if self.is_alone() => Err(Refused::Gone),
            Err(_) => Err(Refused::Full(value)),
        }
    }

    #[inline(always)]
    fn push_all<P: Pause>(
        &mut self,
        mut values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), Gone> {
        let count = values.len();
        loop {
            let published = self.producer.try_batch_publish(count, |events| {
                for (event, value) in events.zip(values.by_ref()) {
                    *event = value;
                }
            });
            match published {
                Ok(_) => return Ok(()),
                Err(_) if self.is_alone() => return Err(Gone),
                Err(_) => P::pause(),
            }
        }
    }
}

struct Poller<T, B> {
    poller: EventPoller<T, B>,
    _alive: Arc<()>,
}

macro_rules! consumer {
    ($barrier:ty) => {
        impl<T: Payload> Consumer<T> for Poller<T, $barrier> {
            #[inline(always)]
            fn try_take(&mut self, mut each: impl FnMut(T)) -> Result<usize, Gone> {
                match self.poller.poll() {
                    Ok(mut events) => {
                        let count = (&mut events).len();
                        for event in &mut events {
                            each(*event);
                        }
                        Ok(count)
                    }
                    Err(Polling::NoEvents) => Ok(0),
                    Err(Polling::Shutdown) => Err(Gone),
                }
            }
        }
    };
}

// Twice, as the trait of both barriers is the library's secret.
consumer!(SingleProducerBarrier);
consumer!(MultiProducerBarrier);

#[cfg(test)]
mod tests {
    use super::super::ends::tests::check;
    use super::*;

    #[test]
    fn both_sides_notice_when_the_other_is_gone() {
        check::<Single<1>>();
        check::<Single<32>>();
        check::<Multi<1>>();
        check::<Multi<32>>();
    }
}
