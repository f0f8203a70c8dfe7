//! Numbers from some threads to one, through any library's queue.

use super::ends::{Block, Gone, Kind, Policy, Producers, Queue, Spin, Try, Yield};
use super::thread::start;
use crate::payload::{Line, Payload};
use crate::work::{Figure, Placement, Stream, Wait, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::CHUNK;
use mainspring_perf::lab::time::RoundSpan;
use std::time::{Duration, Instant};

/// Measures a queue that can only be tried, if the work is a stream that it is made for.
pub fn trying<Q>(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>>
where
    Q: Queue<u64> + Queue<Line>,
{
    let task = Task::of::<Q>(lab, work, length)?;
    match task.stream.wait {
        Wait::Spin => task.by_size::<Q, Try<Spin>>(),
        Wait::Yield => task.by_size::<Q, Try<Yield>>(),
        Wait::Block => None,
    }
}

/// Measures a queue that can be tried, and waited for.
pub fn blocking<Q>(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>>
where
    Q: Queue<u64> + Queue<Line>,
    Block: Policy<u64, Q> + Policy<Line, Q>,
{
    let task = Task::of::<Q>(lab, work, length)?;
    match task.stream.wait {
        Wait::Block => task.by_size::<Q, Block>(),
        _ => trying::<Q>(lab, work, length),
    }
}

/// One round of one stream.
struct Task<'a> {
    lab: &'a Lab,
    stream: Stream,
    length: Duration,
}

impl<'a> Task<'a> {
    /// `None` if the work is none for such a queue, or for this machine.
    fn of<Q: Kind>(lab: &'a Lab, work: Work, length: Duration) -> Option<Self> {
        let Work::Stream(stream) = work else { return None };
        let fits = match Q::PRODUCERS {
            Producers::One => stream.producers == 1 && !stream.shared,
            Producers::Any => true,
            Producers::Lanes => stream.producers > 1,
        };
        let is_placed = lab.cpus.is_some() || stream.placement == Placement::OneCpu;
        let is_task = fits && is_placed && stream.batch == Q::BATCH;
        is_task.then_some(Self { lab, stream, length })
    }

    fn by_size<Q, P>(&self) -> Option<Result<Figure, Error>>
    where
        Q: Queue<u64> + Queue<Line>,
        P: Policy<u64, Q> + Policy<Line, Q>,
    {
        match self.stream.bytes {
            8 => Some(self.run::<u64, Q, P>()),
            64 => Some(self.run::<Line, Q, P>()),
            _ => None,
        }
    }

    fn run<T: Payload, Q: Queue<T>, P: Policy<T, Q>>(&self) -> Result<Figure, Error> {
        let (producers, consumer) = Q::open(self.lab.capacity, self.stream.producers);
        let span = RoundSpan::of(self.length);
        std::thread::scope(|scope| {
            let cpu = self.consumer_cpu();
            let consumer = start(scope, self.lab, cpu, move || consume::<T, Q, P>(consumer, span))?;
            let mut threads = Vec::with_capacity(producers.len());
            for (place, producer) in producers.into_iter().enumerate() {
                let cpu = self.producer_cpu(place);
                let work = move || produce::<T, Q, P>(producer, span.end);
                threads.push(start(scope, self.lab, cpu, work)?);
            }
            let mut sent = Vec::with_capacity(threads.len());
            for thread in threads {
                sent.push(thread.join()?.map_err(|Gone| Error::Stopped)?);
            }
            consumer.join()?.checked(&sent)
        })
    }

    fn consumer_cpu(&self) -> Option<usize> {
        let (callers, other) = self.lab.cpus?;
        Some(if self.stream.placement == Placement::OneCpu { callers } else { other })
    }

    fn producer_cpu(&self, place: usize) -> Option<usize> {
        let (callers, other) = self.lab.cpus?;
        let is_apart = self.stream.placement == Placement::Spread && place % 2 == 1;
        Some(if is_apart { other } else { callers })
    }
}

/// Sends chunks until the time is over. How many messages were that?
fn produce<T: Payload, Q: Queue<T>, P: Policy<T, Q>>(
    mut producer: Q::Producer,
    end: Instant,
) -> Result<u64, Gone> {
    let mut sent = 0;
    while Instant::now() < end {
        let numbers = sent..sent + CHUNK;
        if Q::BATCH == 1 {
            for number in numbers {
                P::push(&mut producer, T::of(number))?;
            }
        } else {
            for first in numbers.step_by(Q::BATCH) {
                // Over `u32`: a range of `u64` doesn't know its length.
                let steps = 0..Q::BATCH as u32;
                let values = steps.map(|step| T::of(first + u64::from(step)));
                P::push_all(&mut producer, values)?;
            }
        }
        sent += CHUNK;
    }
    Ok(sent)
}

/// What a consumer has got, and when.
struct Seen {
    count: u64,
    sum: u64,
    /// When the warm-up was over, and how many there were.
    warm: (Instant, u64),
    /// The last look at the clock, and how many there were.
    last: (Instant, u64),
}

/// Takes everything, until the producers are gone.
fn consume<T: Payload, Q: Queue<T>, P: Policy<T, Q>>(
    mut consumer: Q::Consumer,
    span: RoundSpan,
) -> Seen {
    let begun = (Instant::now(), 0);
    let mut seen = Seen { count: 0, sum: 0, warm: begun, last: begun };
    let mut is_warm = false;
    loop {
        let is_over = take_chunk::<T, Q, P>(&mut consumer, &mut seen).is_err();
        if seen.count > seen.last.1 {
            seen.last = (Instant::now(), seen.count);
        }
        if is_over {
            return seen;
        }
        if !is_warm && seen.last.0 >= span.warm {
            (is_warm, seen.warm) = (true, seen.last);
        }
    }
}

#[inline(always)]
fn take_chunk<T: Payload, Q: Queue<T>, P: Policy<T, Q>>(
    consumer: &mut Q::Consumer,
    seen: &mut Seen,
) -> Result<(), Gone> {
    let (mut count, mut sum) = (0, 0_u64);
    let end = loop {
        if count >= CHUNK {
            break Ok(());
        }
        match P::take(consumer, |value| sum = sum.wrapping_add(value.number())) {
            Ok(taken) => count += taken as u64,
            Err(gone) => break Err(gone),
        }
    };
    seen.count += count;
    seen.sum = seen.sum.wrapping_add(sum);
    end
}

impl Seen {
    /// The time per message, if all have arrived that were sent by each producer.
    fn checked(&self, sent: &[u64]) -> Result<Figure, Error> {
        Error::check("messages", self.count, sent.iter().sum())?;
        let numbers = sent.iter().flat_map(|sent| 0..*sent);
        Error::check("their sum", self.sum, numbers.fold(0, u64::wrapping_add))?;
        let (time, count) = (self.last.0 - self.warm.0, self.last.1 - self.warm.1);
        Ok(Figure::Nanos(time.as_nanos() as f64 / count.max(1) as f64))
    }
}
