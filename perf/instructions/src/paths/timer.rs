//! Timers, in turns that fire some and in turns that fire none.

use super::stage::Stage;
use super::{ALL_REPETITIONS, leave};
use mainspring::{Missed, TIMER_TICK, active, prelude::*};
use std::time::Duration;

/// Counts how often its timer fired.
#[derive(Default)]
struct Clock {
    fired: usize,
}

#[active]
impl Clock {
    pub fn begin(&mut self, cx: &mut Context<Self>, period: Duration) {
        cx.every(period, Missed::Skip, |clock, _| clock.fired += 1);
    }

    pub fn fired(&self) -> usize {
        self.fired
    }
}

fn clock(stage: &mut Stage, period: Duration) -> ClockProxy {
    let clock: ClockProxy = stage.object::<Clock, mainspring::mailbox::Mpsc, false>();
    let mut begun = clock.begin(period);
    stage.turn();
    assert!(matches!(begun.try_get(), Some(Ok(()))));
    clock
}

fn fired_in(stage: &mut Stage, clock: &ClockProxy) -> usize {
    let mut fired = clock.fired();
    stage.turn();
    fired.try_get().and_then(Result::ok).expect("a turn serves it")
}

/// Turns a little after each other, with a timer that is due in a day.
pub fn armed(count: usize) -> ! {
    let mut stage = Stage::new();
    let clock = clock(&mut stage, Duration::from_hours(24));
    for _ in 0..count {
        stage.turn_after(Duration::from_nanos(1));
    }
    assert_eq!(fired_in(&mut stage, &clock), 0);
    leave()
}

/// Turns that come a little more seldom than a timer is due.
pub fn fired(count: usize) -> ! {
    assert!(count <= ALL_REPETITIONS);
    let mut stage = Stage::new();
    let clock = clock(&mut stage, TIMER_TICK);
    for _ in 0..count {
        // Two ticks: one that falls between two turns is not waited for.
        stage.turn_after(2 * TIMER_TICK);
    }
    assert!(fired_in(&mut stage, &clock) + 1 >= count);
    leave()
}
