//! Several threads that send one-way requests to one object, half of them on the runner's own CPU.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::suites::mailbox_kind::MailboxKind;
use crate::suites::meter::{Meter, MeterProxy, Tally};
use mainspring::mailbox::ClonedKind;
use mainspring::{SendError, WaitStrategy};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};

/// How many requests a producer sends between two looks at the clock.
const CHUNK: u64 = 256;
/// How often a producer looks for room before it lets others run: they share their CPUs.
const LOOKS: u32 = 64;

/// A stream from so many threads, timed at the object, which has a queue of `lab.capacity`.
pub fn stream<K: MailboxKind + ClonedKind>(
    lab: &Lab,
    producers: usize,
    length: Duration,
) -> Result<Sample, Error> {
    let engine = lab.engine(WaitStrategy::default())?;
    let meter: MeterProxy<K> =
        K::start(engine.spawn("meter", Meter::default).capacity(lab.capacity))?;
    let mut proxies: Vec<_> = (0..producers).map(|_| meter.clone()).collect();
    let begun = Instant::now();
    let (warm, end) = (begun + length / 10, begun + length);
    let before = send_all(lab, &mut proxies, warm)?;
    // There is no order between the requests of several proxies, so it must come alone.
    settled(&meter, before)?;
    while let Err(error) = meter.mark() {
        room_or_stop(error)?;
    }
    let timed = send_all(lab, &mut proxies, end)?;
    let tally = settled(&meter, before.plus(timed))?;
    Error::check("timed requests", tally.timed, timed.count)?;
    lab.end(engine)?;
    Ok(Sample::per_operation(tally.timed, Duration::from_nanos(tally.timed_ns)))
}

/// What was sent.
#[derive(Clone, Copy, Default)]
struct Sent {
    count: u64,
    sum: u64,
}

impl Sent {
    fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum.wrapping_add(other.sum) }
    }
}

/// One thread for each proxy, alternating between the two CPUs.
fn send_all<K: ClonedKind>(
    lab: &Lab,
    proxies: &mut [MeterProxy<K>],
    end: Instant,
) -> Result<Sent, Error> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (place, proxy) in proxies.iter_mut().enumerate() {
            let thread = thread::Builder::new().spawn_scoped(scope, move || {
                lab.pin_by_turns(place);
                send_until(proxy, end)
            });
            threads.push(thread.map_err(Error::Thread)?);
        }
        threads.into_iter().try_fold(Sent::default(), |all, thread| {
            let sent = thread.join().expect("a producer only sends")?;
            Ok(all.plus(sent))
        })
    })
}

fn send_until<K: ClonedKind>(proxy: &MeterProxy<K>, end: Instant) -> Result<Sent, Error> {
    let mut sent = Sent::default();
    while Instant::now() < end {
        for number in sent.count..sent.count + CHUNK {
            send(proxy, number)?;
            sent.sum = sent.sum.wrapping_add(number);
        }
        sent.count += CHUNK;
    }
    Ok(sent)
}

#[inline(always)]
fn send<K: ClonedKind>(proxy: &MeterProxy<K>, number: u64) -> Result<(), Error> {
    let mut looks = 0;
    while let Err(error) = proxy.add(number) {
        looks += 1;
        if looks % LOOKS == 0 {
            yield_now();
        }
        room_or_stop(error)?;
    }
    Ok(())
}

#[inline(always)]
fn room_or_stop<A>(error: SendError<A>) -> Result<(), Error> {
    match error {
        SendError::Full(_) => std::hint::spin_loop(),
        _ => return Err(Error::Stopped),
    }
    Ok(())
}

/// Waits until all that was sent has been served, and checks it.
fn settled<K: ClonedKind>(meter: &MeterProxy<K>, sent: Sent) -> Result<Tally, Error> {
    let limit = Instant::now() + ANSWER_LIMIT;
    loop {
        match meter.try_finish() {
            Ok(mut call) => {
                let tally = call.get_timeout(ANSWER_LIMIT)?;
                if tally.count >= sent.count || Instant::now() > limit {
                    Error::check("one-way requests", tally.count, sent.count)?;
                    Error::check("their sum", tally.sum, sent.sum)?;
                    return Ok(tally);
                }
            }
            Err(error) => room_or_stop(error)?,
        }
    }
}
