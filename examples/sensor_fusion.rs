//! Three sensors publish readings on a topic, each by a timer of its own; a fusion object subscribes and
//! makes one value of the three. One sensor leaves readings out: after a while it does without.
//!
//! Run with `cargo run --release --example sensor_fusion`.

use mainspring::prelude::*;
use mainspring::{Later, Publisher, Reply, StartError, Topic};
use std::collections::HashMap;
use std::time::Duration;

const SENSORS: u32 = 3;
const READINGS: u32 = 60;
const PERIOD: Duration = Duration::from_millis(1);
/// How long a reading waits for those of the other sensors.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy)]
struct Reading {
    number: u32,
    celsius: f64,
}

/// Publishes one reading a millisecond.
struct Sensor {
    number: u32,
    taken: u32,
    publisher: Publisher<Reading>,
    timer: Option<TimerId>,
}

#[active]
impl Sensor {
    /// Begins to measure.
    pub fn begin(&mut self, cx: &mut Context<Self>) {
        self.timer = Some(cx.every(PERIOD, Missed::Skip, Self::measure));
    }
}

impl Sensor {
    fn measure(&mut self, cx: &mut Context<Self>) {
        let number = self.taken;
        // The last one is not quite sound.
        let is_left_out = self.number == SENSORS - 1 && number.is_multiple_of(10);
        if !is_left_out {
            // Each errs by another amount; together they are right.
            let celsius = 19.0 + f64::from(self.number);
            self.publisher.publish(&Reading { number, celsius });
        }
        self.taken += 1;
        if self.taken == READINGS
            && let Some(timer) = self.timer
        {
            cx.cancel_timer(timer);
        }
    }
}

/// What came of all readings.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    complete: u32,
    partial: u32,
    sum: f64,
}

#[derive(Default)]
struct Fusion {
    /// By number: the readings that there are, and the timer that ends the waiting for others.
    waiting: HashMap<u32, (Vec<f64>, Option<TimerId>)>,
    summary: Summary,
    asked: Option<Reply<Summary>>,
}

#[active]
impl Fusion {
    #[active(oneway)]
    pub fn on_reading(&mut self, cx: &mut Context<Self>, reading: Reading) {
        let Reading { number, celsius } = reading;
        let (values, timer) = self.waiting.entry(number).or_default();
        values.push(celsius);
        if values.len() == SENSORS as usize {
            if let Some(timer) = *timer {
                cx.cancel_timer(timer);
            }
            self.fuse(number);
        } else if timer.is_none() {
            *timer = Some(cx.after(PATIENCE, move |fusion, _| fusion.fuse(number)));
        }
    }

    /// Ends when there is a value for each reading.
    pub fn summary(&mut self, cx: &mut Context<Self>) -> Later<Summary> {
        let (later, asked) = cx.later();
        self.asked = Some(asked);
        self.answer();
        later
    }
}

impl Fusion {
    fn fuse(&mut self, number: u32) {
        let Some((values, _)) = self.waiting.remove(&number) else { return };
        self.summary.sum += values.iter().sum::<f64>() / values.len() as f64;
        match values.len() == SENSORS as usize {
            true => self.summary.complete += 1,
            false => self.summary.partial += 1,
        }
        self.answer();
    }

    fn answer(&mut self) {
        if self.summary.complete + self.summary.partial == READINGS
            && let Some(asked) = self.asked.take()
        {
            asked.send(self.summary);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runners = ["field", "lab"].map(Runner::named);
    let engine = runners.into_iter().fold(Engine::builder(), |b, r| b.runner(r)).start()?;
    let readings = Topic::<Reading>::new();
    let fusion = engine.spawn("fusion", Fusion::default).on("lab").start()?;
    let subscription = readings.subscribe(&fusion, |fusion, reading| fusion.on_reading(*reading));
    let sensors = (0..SENSORS)
        .map(|number| {
            let publisher = readings.publisher();
            let install = move || Sensor { number, taken: 0, publisher, timer: None };
            engine.spawn(format!("sensor {number}"), install).on("field").start()
        })
        .collect::<Result<Vec<_>, StartError>>()?;
    for sensor in &sensors {
        sensor.tell().begin()?;
    }
    let Summary { complete, partial, sum } = fusion.summary().get()?;
    assert_eq!(subscription.missed(), 0, "its mailbox had room");
    let mean = sum / f64::from(complete + partial);
    println!("{complete} values of {SENSORS} sensors and {partial} of fewer; {mean:.2} °C");
    Ok(())
}
