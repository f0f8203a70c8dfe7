//! The two ends of a queue, as the drivers see those of every library.
//!
//! An end that notices that the others are gone says so: that is how a stream ends, and how a side
//! that broke off takes the other one with it. Nobody waits for ever.

use std::hint::spin_loop;
use std::marker::PhantomData;
use std::thread::yield_now;

/// All ends on the other side are gone.
#[derive(Debug)]
pub struct Gone;

/// Why a value did not enter a queue.
pub enum Refused<T> {
    /// There is no room; the value comes back.
    Full(T),
    /// There is no consumer any more.
    Gone,
}

/// A producer's end.
pub trait Producer<T>: Send {
    /// Adds a value if there is room.
    fn try_push(&mut self, value: T) -> Result<(), Refused<T>>;

    /// Adds some values, with as few publications as the library can; pauses while there is no room.
    #[inline(always)]
    fn push_all<P: Pause>(&mut self, values: impl ExactSizeIterator<Item = T>) -> Result<(), Gone> {
        for value in values {
            push::<P, T>(self, value)?;
        }
        Ok(())
    }
}

/// The consumer's end.
pub trait Consumer<T>: Send {
    /// Hands over what is there: one value or more, as suits the library. How many? 0 if none.
    fn try_take(&mut self, each: impl FnMut(T)) -> Result<usize, Gone>;
}

/// A producer's end that can sleep until there is room.
pub trait BlockingProducer<T>: Producer<T> {
    /// Adds a value.
    fn push_blocking(&mut self, value: T) -> Result<(), Gone>;
}

/// A consumer's end that can sleep until something is there.
pub trait BlockingConsumer<T>: Consumer<T> {
    /// As [`try_take`](Consumer::try_take), and never 0.
    fn take_blocking(&mut self, each: impl FnMut(T)) -> Result<usize, Gone>;
}

/// Which work a library's queue is made for.
pub trait Kind {
    /// How many may produce.
    const PRODUCERS: Producers;
    /// How many values at once go through one publication, or else through one removal.
    const BATCH: usize = 1;
}

/// How many may produce.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Producers {
    /// One thread.
    One,
    /// Any number, through one and the same queue.
    Any,
    /// A fixed number, each through a queue of its own.
    Lanes,
}

/// A library's queue of `T`.
pub trait Queue<T>: Kind {
    /// A producer's end.
    type Producer: Producer<T>;
    /// The consumer's end.
    type Consumer: Consumer<T>;

    /// A queue for `capacity` values, with so many producers' ends.
    fn open(capacity: usize, producers: usize) -> (Vec<Self::Producer>, Self::Consumer);
}

/// What a thread does after a failed try.
pub trait Pause: Send {
    /// Passes a moment.
    fn pause();
}

/// Pauses the CPU.
pub struct Spin;

impl Pause for Spin {
    #[inline(always)]
    fn pause() {
        spin_loop();
    }
}

/// Yields to the kernel.
pub struct Yield;

impl Pause for Yield {
    #[inline(always)]
    fn pause() {
        yield_now();
    }
}

/// How both sides of a queue wait.
pub trait Policy<T, Q: Queue<T>> {
    /// Adds a value; waits for room.
    fn push(producer: &mut Q::Producer, value: T) -> Result<(), Gone>;

    /// As [`Producer::push_all`].
    fn push_all(
        producer: &mut Q::Producer,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), Gone>;

    /// Hands over one value or more; waits for the first. How many?
    fn take(consumer: &mut Q::Consumer, each: impl FnMut(T)) -> Result<usize, Gone>;
}

/// Tries, with a pause after each failure.
pub struct Try<P>(PhantomData<P>);

impl<T, Q: Queue<T>, P: Pause> Policy<T, Q> for Try<P> {
    #[inline(always)]
    fn push(producer: &mut Q::Producer, value: T) -> Result<(), Gone> {
        push::<P, T>(producer, value)
    }

    #[inline(always)]
    fn push_all(
        producer: &mut Q::Producer,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), Gone> {
        producer.push_all::<P>(values)
    }

    #[inline(always)]
    fn take(consumer: &mut Q::Consumer, mut each: impl FnMut(T)) -> Result<usize, Gone> {
        loop {
            match consumer.try_take(&mut each)? {
                0 => P::pause(),
                count => return Ok(count),
            }
        }
    }
}

/// The library's own blocking operations.
pub struct Block;

impl<T, Q: Queue<T>> Policy<T, Q> for Block
where
    Q::Producer: BlockingProducer<T>,
    Q::Consumer: BlockingConsumer<T>,
{
    #[inline(always)]
    fn push(producer: &mut Q::Producer, value: T) -> Result<(), Gone> {
        producer.push_blocking(value)
    }

    #[inline(always)]
    fn push_all(
        producer: &mut Q::Producer,
        mut values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), Gone> {
        values.try_for_each(|value| producer.push_blocking(value))
    }

    #[inline(always)]
    fn take(consumer: &mut Q::Consumer, each: impl FnMut(T)) -> Result<usize, Gone> {
        consumer.take_blocking(each)
    }
}

#[inline(always)]
fn push<P: Pause, T>(producer: &mut (impl Producer<T> + ?Sized), mut value: T) -> Result<(), Gone> {
    loop {
        match producer.try_push(value) {
            Ok(()) => return Ok(()),
            Err(Refused::Full(back)) => value = back,
            Err(Refused::Gone) => return Err(Gone),
        }
        P::pause();
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Both sides notice that the other is gone, and what was there before is not lost.
    pub fn check<Q: Queue<u64>>() {
        type Spinning = Try<Spin>;
        let producers_max = if Q::PRODUCERS == Producers::One { 1 } else { 3 };

        let (mut producers, consumer) = Q::open(64, producers_max);
        drop(consumer);
        for producer in &mut producers {
            // As long as there is room, a queue may not know.
            let gone = (0..1000).any(|n| <Spinning as Policy<u64, Q>>::push(producer, n).is_err());
            assert!(gone, "nobody takes it, and it doesn't say so");
        }

        let (mut producers, mut consumer) = Q::open(64, producers_max);
        for producer in &mut producers {
            let pushed = <Spinning as Policy<u64, Q>>::push_all(producer, [1, 2, 3].into_iter());
            assert!(pushed.is_ok(), "there is room");
        }
        drop(producers);
        let (mut count, mut sum) = (0, 0);
        while let Ok(taken) = <Spinning as Policy<u64, Q>>::take(&mut consumer, |n| sum += n) {
            count += taken;
        }
        assert_eq!((count, sum), (3 * producers_max, 6 * producers_max as u64));
    }
}
