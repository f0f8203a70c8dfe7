//! One-way requests from some threads to one object.

use super::Mailbox;
use super::place::{Room, engine_on};
use crate::payload::{Line, Payload};
use crate::work::{Figure, Placement, Stream, Wait};
use mainspring::mailbox::Kind;
use mainspring::{Proxy, active};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::time::{ANSWER_LIMIT, RoundSpan};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// How many messages are sent, and received, between two looks at the clock.
const CHUNK: u64 = 4096;

/// Counts what it is given, and adds it up.
pub struct Counter<T> {
    warm_at: Instant,
    is_warm: bool,
    seen: Seen,
    payload: PhantomData<T>,
}

/// What a counter was given, and when.
#[derive(Clone, Copy)]
pub struct Seen {
    count: u64,
    sum: u64,
    /// When the warm-up was over, and how many there were.
    warm: (Instant, u64),
    /// The last look at the clock, and how many there were.
    last: (Instant, u64),
}

#[active]
impl<T: Payload> Counter<T> {
    /// Takes a number.
    #[active(oneway)]
    pub fn add(&mut self, payload: T) {
        self.seen.count += 1;
        self.seen.sum = self.seen.sum.wrapping_add(payload.number());
        if self.seen.count.is_multiple_of(CHUNK) {
            self.look();
        }
    }

    /// Answers with what there was.
    pub fn finish(&mut self) -> Seen {
        self.look();
        self.seen
    }
}

impl<T: Payload> Counter<T> {
    fn new(warm_at: Instant) -> Self {
        let begun = (Instant::now(), 0);
        let seen = Seen { count: 0, sum: 0, warm: begun, last: begun };
        Self { warm_at, is_warm: false, seen, payload: PhantomData }
    }

    fn look(&mut self) {
        self.seen.last = (Instant::now(), self.seen.count);
        if !self.is_warm && self.seen.last.0 >= self.warm_at {
            (self.is_warm, self.seen.warm) = (true, self.seen.last);
        }
    }
}

/// Measures a stream, if this kind of mailbox is made for it.
pub fn measure<K: Mailbox>(
    lab: &Lab,
    stream: Stream,
    length: Duration,
) -> Option<Result<Figure, Error>> {
    let fits = !stream.shared || K::IS_SHARED;
    let has_room = lab.cpus.is_some() || stream.placement == Placement::OneCpu;
    if !fits || !has_room {
        return None;
    }
    match stream.bytes {
        8 => run::<u64, K>(lab, stream, length),
        64 => run::<Line, K>(lab, stream, length),
        _ => None,
    }
}

fn run<T: Payload, K: Mailbox>(
    lab: &Lab,
    stream: Stream,
    length: Duration,
) -> Option<Result<Figure, Error>> {
    let cpu = lab.cpus.map(|(callers, other)| match stream.placement {
        Placement::OneCpu => callers,
        Placement::Isolated | Placement::Spread => other,
    });
    let begin = || {
        let engine = engine_on(lab, cpu, stream.wait)?;
        let span = RoundSpan::of(length);
        let counter = engine.spawn("counter", move || Counter::<T>::new(span.warm));
        let counter = counter.capacity(lab.capacity);
        // A runner that never parks need not be rung for: what the rows call never cold.
        let counter = if stream.wait == Wait::Block { counter } else { counter.always_hot() };
        Ok((K::start(counter)?, engine, span))
    };
    let (counter, engine, span) = match begin() {
        Ok(begun) => begun,
        Err(failure) => return Some(Err(failure)),
    };
    let producers = K::several(counter, stream.producers)?;
    Some(side_by_side(lab, producers, stream, span.end).and_then(|(counter, sent)| {
        let figure = finish(&counter, &sent, stream.wait)?;
        lab.end(engine)?;
        Ok(figure)
    }))
}

/// Every producer sends from a thread of its own, but for a lone one, which stays here. How many did
/// each send? One of the proxies comes back.
fn side_by_side<T: Payload, K: Kind>(
    lab: &Lab,
    mut producers: Vec<CounterProxy<T, K>>,
    stream: Stream,
    end: Instant,
) -> Result<(CounterProxy<T, K>, Vec<u64>), Error> {
    let last = producers.pop().ok_or(Error::Stopped)?;
    if producers.is_empty() && stream.placement != Placement::Spread {
        let sent = produce(&last, stream, end)?;
        return Ok((last, vec![sent]));
    }
    producers.push(last);
    let sent: Result<Vec<_>, _> = std::thread::scope(|scope| {
        let threads = producers.into_iter().enumerate().map(|(place, proxy)| {
            scope.spawn(move || {
                if let Some((callers, other)) = lab.cpus {
                    let is_apart = stream.placement == Placement::Spread && place % 2 == 1;
                    lab.pin(if is_apart { other } else { callers });
                }
                produce(&proxy, stream, end).map(|sent| (proxy, sent))
            })
        });
        // All of them are started before the first is waited for.
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|one| one.join().unwrap_or(Err(Error::Stopped))).collect()
    });
    let (mut proxies, sent): (Vec<_>, Vec<_>) = sent?.into_iter().unzip();
    Ok((proxies.pop().ok_or(Error::Stopped)?, sent))
}

fn produce<T: Payload, K: Kind>(
    counter: &CounterProxy<T, K>,
    stream: Stream,
    end: Instant,
) -> Result<u64, Error> {
    let mut sent = 0;
    while Instant::now() < end {
        let numbers = sent..sent + CHUNK;
        if stream.batch == 1 {
            for number in numbers {
                let room = Room::new(stream.wait);
                while let Err(error) = counter.add(T::of(number)) {
                    room.wait(&error)?;
                }
            }
        } else {
            for first in numbers.step_by(stream.batch) {
                tell_batch(counter, first, stream)?;
            }
        }
        sent += CHUNK;
    }
    Ok(sent)
}

#[inline(always)]
fn tell_batch<T: Payload, K: Kind>(
    counter: &CounterProxy<T, K>,
    first: u64,
    stream: Stream,
) -> Result<(), Error> {
    // Over `u32`: a range of `u64` doesn't know its length.
    let numbers = (0..stream.batch as u32).map(|step| first + u64::from(step));
    let mut requests = numbers.map(|number| CounterRequest::Add { payload: T::of(number) });
    let room = Room::new(stream.wait);
    while requests.len() > 0 {
        if let Err(error) = counter.handle().tell_batch(&mut requests) {
            room.wait(&error)?;
        }
    }
    Ok(())
}

fn ask<T: Payload, K: Kind>(counter: &CounterProxy<T, K>, wait: Wait) -> Result<Seen, Error> {
    let room = Room::new(wait);
    loop {
        match counter.try_finish() {
            Ok(mut call) => return Ok(call.get_timeout(ANSWER_LIMIT)?),
            Err(error) => room.wait(&error)?,
        }
    }
}

/// Asks for what has come, and checks it.
fn finish<T: Payload, K: Kind>(
    counter: &CounterProxy<T, K>,
    sent: &[u64],
    wait: Wait,
) -> Result<Figure, Error> {
    let (expected, asked) = (sent.iter().sum(), Instant::now());
    let mut seen = ask(counter, wait)?;
    // Between threads there is no order: with lanes the question overtakes what others have sent.
    while seen.count < expected && asked.elapsed() < ANSWER_LIMIT {
        seen = ask(counter, wait)?;
    }
    Error::check("messages", seen.count, expected)?;
    let numbers = sent.iter().flat_map(|sent| 0..*sent);
    Error::check("their sum", seen.sum, numbers.fold(0, u64::wrapping_add))?;
    let (time, count) = (seen.last.0 - seen.warm.0, seen.last.1 - seen.warm.1);
    Ok(Figure::Nanos(time.as_nanos() as f64 / count.max(1) as f64))
}
