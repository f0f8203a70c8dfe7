//! One-way requests that carry more or fewer bytes.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::CHUNK;
use crate::lab::sample::Sample;
use crate::lab::time::{ANSWER_LIMIT, RoundSpan};
use crate::suites::mailbox_kind::MailboxKind;
use crate::suites::meter::{Meter, Tally};
use crate::suites::tell::wait_for_room;
use mainspring::{WaitStrategy, active};
use std::time::{Duration, Instant};

/// A [`Meter`] whose requests carry `BYTES` bytes; it adds up all words in them.
#[derive(Default)]
pub struct Load<const BYTES: usize> {
    meter: Meter,
}

#[active]
impl<const BYTES: usize> Load<BYTES> {
    /// Takes a payload.
    #[active(oneway)]
    pub fn take(&mut self, bytes: [u8; BYTES]) {
        let (words, _) = bytes.as_chunks();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        self.meter.add(words.fold(0, u64::wrapping_add));
    }

    /// Begins the time that `finish` ends.
    #[active(oneway)]
    pub fn mark(&mut self) {
        self.meter.mark();
    }

    /// Answers with what there was.
    pub fn finish(&self) -> Tally {
        self.meter.finish()
    }
}

/// A payload with the number in each of its words.
#[inline(always)]
fn filled<const BYTES: usize>(number: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes.as_chunks_mut().0.fill(number.to_le_bytes());
    bytes
}

/// A stream of payloads, one by one, timed where they are served; count and sum are checked.
pub fn stream<const BYTES: usize, K: MailboxKind>(
    lab: &Lab,
    length: Duration,
) -> Result<Sample, Error> {
    let engine = lab.engine(WaitStrategy::default())?;
    let load = engine.spawn("load", Load::<BYTES>::default).capacity(lab.capacity);
    let load = K::start(load)?;
    let span = RoundSpan::of(length);
    let mut sent = 0;
    send_until(lab, &load, span.warm, &mut sent)?;
    while let Err(error) = load.mark() {
        wait_for_room(lab, error)?;
    }
    send_until(lab, &load, span.end, &mut sent)?;
    let mut finish = loop {
        match load.try_finish() {
            Ok(call) => break call,
            Err(error) => wait_for_room(lab, error)?,
        }
    };
    let tally = finish.get_timeout(ANSWER_LIMIT)?;
    Error::check("payloads", tally.count, sent)?;
    let words = BYTES as u64 / 8;
    let expected = (0..sent).fold(0_u64, |sum, number| sum.wrapping_add(words * number));
    Error::check("the sum of their words", tally.sum, expected)?;
    lab.end(engine)?;
    Ok(Sample::per_operation(tally.timed, Duration::from_nanos(tally.timed_ns)))
}

fn send_until<const BYTES: usize, K: MailboxKind>(
    lab: &Lab,
    load: &LoadProxy<BYTES, K>,
    end: Instant,
    sent: &mut u64,
) -> Result<(), Error> {
    while Instant::now() < end {
        for number in *sent..*sent + CHUNK {
            while let Err(error) = load.take(filled(number)) {
                wait_for_room(lab, error)?;
            }
        }
        *sent += CHUNK;
    }
    Ok(())
}
