//! How a thread waits for something that another one will do: a reply, an object's end, room in a mailbox.

use crate::runner::environment;
use crate::runner::fan_out;
use crate::runner::wait::{Pause, WaitStrategy, Waiting, give_way};
use std::time::{Duration, Instant};

/// Polls `subject` until `poll` returns something, or the deadline has passed: then `None`.
///
/// Between two polls it spins, yields or sleeps as the strategy says. When the strategy says to park, `park`
/// is called with the time that is left: it may return early, and must do so once `poll` would succeed.
///
/// Whoever `subject` waits for may still have to be woken by this thread's fan-out, so that comes first. A
/// thread that simulates lets the simulation run instead.
pub(crate) fn wait_until<S, T>(
    subject: &mut S,
    deadline: Option<Instant>,
    strategy: WaitStrategy,
    may_spin: impl Fn(&S) -> bool,
    mut poll: impl FnMut(&mut S) -> Option<T>,
    mut park: impl FnMut(&mut S, Option<Duration>),
) -> Option<T> {
    fan_out::wake_before_waiting();
    let mut polled = None;
    let is_over = || {
        polled = poll(subject);
        polled.is_some()
    };
    if environment::wait(deadline, is_over) {
        return polled;
    }
    let mut waiting = Waiting::new(strategy);
    let mut now = environment::now();
    loop {
        if let Some(polled) = poll(subject) {
            return Some(polled);
        }
        let left = |now| deadline.map(|at| at.saturating_duration_since(now));
        if left(now).is_some_and(|left| left.is_zero()) {
            return None;
        }
        match waiting.idle(may_spin(subject), &mut now) {
            Pause::Poll => {}
            Pause::Yield => give_way(),
            Pause::Sleep(nap) => std::thread::sleep(left(now).map_or(nap, |left| nap.min(left))),
            Pause::Park => {
                park(subject, left(now));
                now = environment::now();
            }
        }
    }
}
