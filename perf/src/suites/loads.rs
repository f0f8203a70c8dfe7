//! Calls of one object under planned loads, beside the same calls one at a time.
//!
//! The rates are those asked for, or shares of what the object can do at most, found anew in each round:
//! then the curve of latency over rate shows its knee on any machine.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::arrivals::Arrivals;
use crate::lab::loops::closed_loop;
use crate::lab::open_loop::{self, Load};
use crate::lab::sample::Sample;
use crate::lab::scenario::{Scenario, scenario};
use crate::lab::settings::{Settings, Wait, points};
use crate::lab::time::ANSWER_LIMIT;
use clap::ValueEnum;
use mainspring::{Call, Engine, SendError};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Shares of the highest rate, in percent.
const SHARES: [u32; 6] = [10, 25, 50, 75, 90, 95];
/// Plans beside the random one are measured at this share.
const USUAL_SHARE: u32 = 50;
const BURST: u32 = 32;

/// Makes the object, with an engine that the lab has started, for a measurement of that length; returns
/// what calls it.
pub trait Setup<O>: Fn(&Engine, &Lab, Duration) -> Result<O, Error> {}
impl<O, F: Fn(&Engine, &Lab, Duration) -> Result<O, Error>> Setup<O> for F {}

/// Calls it once, or says that its mailbox is full.
pub trait Operation<R, A>: FnMut() -> Result<Call<R>, SendError<A>> {}
impl<R, A, F: FnMut() -> Result<Call<R>, SendError<A>>> Operation<R, A> for F {}

/// The parameters that these scenarios take.
pub const PARAMETERS: &[&str] = &["wait", "rate", "arrivals", "burst", "stall-ms"];

/// The scenarios of one object: closed loop, saturation, and each plan at each rate; for each wait
/// strategy, if some are given.
pub fn scenarios<R: 'static, A: 'static, O: Operation<R, A> + 'static>(
    id: &str,
    settings: &Settings,
    setup: impl Setup<O> + Clone + 'static,
) -> Vec<Scenario> {
    let of =
        |wait: &Wait| waiting(&format!("{id}/{}", wait.name()), *wait, settings, setup.clone());
    match &settings.wait[..] {
        [] => waiting(id, Wait::SpinThenPark, settings, setup),
        waits => waits.iter().flat_map(of).collect(),
    }
}

fn waiting<R: 'static, A: 'static, O: Operation<R, A> + 'static>(
    id: &str,
    wait: Wait,
    settings: &Settings,
    setup: impl Setup<O> + 'static,
) -> Vec<Scenario> {
    let subject = Rc::new(Subject { setup, wait, rate_max: Cell::new(f64::NAN) });
    let (closed, saturated) = (subject.clone(), subject.clone());
    let mut all = vec![scenario(format!("{id}/closed_loop"), move |lab, time| {
        closed.on_engine(lab, time, |operation| one_at_a_time(operation, time))
    })];
    let burst = settings.burst.unwrap_or(BURST);
    let planned = |arrivals: Arrivals, rate: Rate| {
        let (subject, name) = (subject.clone(), rate.name());
        let one = scenario(format!("{id}/{}/{name}", arrivals.name()), move |lab, time| {
            let rate = match rate {
                Rate::Given(rate) => rate,
                Rate::Share(percent) => subject.rate_max(lab, time)? * f64::from(percent) / 100.0,
            };
            subject.load(lab, Load { arrivals, rate, burst }, time)
        });
        // Where nothing is answered while the rest is sent, both need a CPU of their own.
        if let Rate::Given(_) = rate { one.must_reach() } else { one.two_cpus() }
    };
    if !settings.rate.is_empty() {
        for arrivals in points(&settings.arrivals, Arrivals::value_variants()) {
            all.extend(settings.rate.iter().map(|rate| planned(arrivals, Rate::Given(*rate))));
        }
    } else {
        all.push(
            scenario(format!("{id}/saturation"), move |lab, time| saturated.saturate(lab, time))
                .two_cpus(),
        );
        for arrivals in points(&settings.arrivals, &[Arrivals::Poisson]) {
            all.extend(SHARES.map(|percent| planned(arrivals, Rate::Share(percent))));
        }
        if settings.arrivals.is_empty() {
            let others = [Arrivals::Fixed, Arrivals::Bursts];
            all.extend(others.map(|arrivals| planned(arrivals, Rate::Share(USUAL_SHARE))));
        }
    }
    all
}

/// How many requests a second.
#[derive(Clone, Copy)]
enum Rate {
    Given(f64),
    /// Percent of the most.
    Share(u32),
}

impl Rate {
    fn name(self) -> String {
        match self {
            Self::Given(rate) => rate.to_string(),
            Self::Share(percent) => format!("{percent}%"),
        }
    }
}

/// What is loaded, and the most that it was seen to do.
struct Subject<S> {
    setup: S,
    wait: Wait,
    /// In the round that is under way; not a number before it was measured.
    rate_max: Cell<f64>,
}

impl<S> Subject<S> {
    /// Runs it with a new object on a new engine, which has ended afterwards.
    fn on_engine<O>(
        &self,
        lab: &Lab,
        length: Duration,
        run: impl FnOnce(O) -> Result<Sample, Error>,
    ) -> Result<Sample, Error>
    where
        S: Setup<O>,
    {
        let engine = lab.engine(self.wait.strategy())?;
        let operation = (self.setup)(&engine, lab, length)?;
        let sample = run(operation)?;
        lab.end(engine)?;
        Ok(sample)
    }

    fn saturate<R, A, O: Operation<R, A>>(
        &self,
        lab: &Lab,
        length: Duration,
    ) -> Result<Sample, Error>
    where
        S: Setup<O>,
    {
        self.on_engine(lab, length, |operation| {
            let mut send = sender(operation);
            // More than can be answered, so what is answered is the most; a plan beyond all reason would
            // have its backlog measured.
            let rate = open_loop::flood(length / 4, &mut send)?;
            let too_much = Load { arrivals: Arrivals::Fixed, rate, burst: 1 };
            let loaded = open_loop::drive(too_much, length / 2, send, waiter(lab))?;
            self.rate_max.set(loaded.achieved().max(1.0));
            Ok(Sample::per_operation(loaded.received, loaded.time))
        })
    }

    /// The most requests a second, measured now if nobody has (`--only` may have left that out).
    fn rate_max<R, A, O: Operation<R, A>>(&self, lab: &Lab, length: Duration) -> Result<f64, Error>
    where
        S: Setup<O>,
    {
        if self.rate_max.get().is_nan() {
            self.saturate(lab, length)?;
        }
        Ok(self.rate_max.get())
    }

    fn load<R, A, O: Operation<R, A>>(
        &self,
        lab: &Lab,
        load: Load,
        length: Duration,
    ) -> Result<Sample, Error>
    where
        S: Setup<O>,
    {
        self.on_engine(lab, length, |operation| {
            let loaded = open_loop::drive(load, length, sender(operation), waiter(lab))?;
            Ok(Sample::Load(Box::new(loaded)))
        })
    }
}

/// Looks again at once; on a lone CPU only after the runner had it.
fn waiter(lab: &Lab) -> impl Fn() {
    let is_alone = lab.cpus.is_none();
    move || {
        if is_alone {
            std::thread::yield_now();
        }
    }
}

/// Says `None` if there is no room.
fn sender<R, A>(
    mut operation: impl Operation<R, A>,
) -> impl FnMut() -> Result<Option<Call<R>>, Error> {
    move || match operation() {
        Ok(call) => Ok(Some(call)),
        Err(SendError::Full(_)) => Ok(None),
        Err(_) => Err(Error::Stopped),
    }
}

fn one_at_a_time<R, A>(
    mut operation: impl Operation<R, A>,
    length: Duration,
) -> Result<Sample, Error> {
    closed_loop(length, || {
        let mut call = operation().map_err(|_| Error::Stopped)?;
        call.get_timeout(ANSWER_LIMIT)?;
        Ok(())
    })
}
