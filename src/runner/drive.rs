//! The thread that repeats turns, and waits between them.

use crate::machine::pin;
use crate::runner::coalescing::Coalescing;
use crate::runner::contention::Contention;
use crate::runner::poll::Poll;
use crate::runner::remote::Remote;
use crate::runner::scheduler::{ParkDecision, Scheduler};
use crate::runner::wait::{ParkBackoff, Pause, WaitStrategy, Waiting, give_way};
use crate::sync::Arc;
use std::time::{Duration, Instant};

/// A busy runner looks at the clock once in so many turns.
const TURNS_PER_LOOK: u32 = 64;

/// Repeats turns until the runner has ended.
pub(crate) fn run(
    scheduler: &mut Scheduler,
    strategy: WaitStrategy,
    is_private: bool,
    mut poll: Poll,
) {
    let remote: Arc<Remote> = scheduler.remote().clone();
    scheduler.set_live(true);
    let mut waiting = Waiting::new(strategy);
    let mut coalescing = Coalescing::new();
    let mut contention = Contention::of(pin::allowed_cpus().len());
    let mut obstructed = ParkBackoff::default();
    let mut now = Instant::now();
    let mut turns = 0_u32;
    loop {
        let mut served = scheduler.turn(now);
        if poll.has_hook() {
            let polled = poll.once();
            // A hook that always finds something must not keep its runner.
            if served == 0 && polled > 0 && is_at_end(scheduler, &remote, is_private) {
                return;
            }
            served += polled;
        }
        let may_spin = || remote.may_spin() && !contention.is_contended();
        coalescing.after_turn(scheduler.received(), may_spin);
        if served > 0 {
            if waiting.worked() {
                remote.count_spin_hit();
            }
            contention.worked();
            obstructed.over();
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(TURNS_PER_LOOK) {
                now = Instant::now();
            }
            continue;
        }
        match waiting.idle(may_spin(), &mut now) {
            Pause::Poll => {}
            Pause::Yield => give_way(),
            Pause::Sleep(nap) => std::thread::sleep(nap.min(until_timer(scheduler))),
            Pause::Park if contention.yield_if_due() => {}
            Pause::Park => {
                if park(scheduler, &mut obstructed, is_private, poll.has_hook()) {
                    waiting.slept();
                    remote.count_park();
                    now = Instant::now();
                }
            }
        }
        // Only an idle runner can be at its end.
        if is_at_end(scheduler, &remote, is_private) {
            return;
        }
    }
}

/// Whether the runner has ended, and refuses what is sent to it. A private one stops with its last
/// object.
pub(crate) fn is_at_end(scheduler: &mut Scheduler, remote: &Remote, is_private: bool) -> bool {
    if is_private && scheduler.is_deserted() && !remote.is_stopping() {
        remote.stop();
    }
    scheduler.end()
}

/// Sleeps if everything can be cooled; whether it did. Only naps if `polls`: nobody would wake the
/// runner for the hook.
fn park(
    scheduler: &mut Scheduler,
    obstructed: &mut ParkBackoff,
    is_private: bool,
    polls: bool,
) -> bool {
    let decision = scheduler.prepare_to_park();
    let remote = scheduler.remote();
    let is_at_end = remote.is_stopping() || is_private && scheduler.is_deserted();
    match decision {
        ParkDecision::Disturbed => false,
        // The last object may just have ended, and nobody would wake the runner so that it ends, too.
        ParkDecision::Cold if is_at_end && scheduler.is_empty() => false,
        ParkDecision::Cold if !polls => {
            obstructed.over();
            match scheduler.next_timer() {
                None => remote.ready().park(None),
                Some(_) => remote.ready().park(Some(until_timer(scheduler))),
            }
        }
        ParkDecision::Cold | ParkDecision::Polled => match obstructed.pause() {
            Pause::Sleep(nap) => remote.ready().park(Some(nap.min(until_timer(scheduler)))),
            Pause::Yield => {
                give_way();
                false
            }
            Pause::Poll | Pause::Park => false,
        },
    }
}

/// How long the runner may sleep.
fn until_timer(scheduler: &Scheduler) -> Duration {
    let left = |at: Instant| at.saturating_duration_since(Instant::now());
    scheduler.next_timer().map_or(Duration::MAX, left)
}
