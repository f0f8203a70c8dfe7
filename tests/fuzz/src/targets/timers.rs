//! Timers against a sorted map: set, cancelled and moved by methods and by each other, while time jumps
//! forward, stands still, goes back, and comes to the ends of what the clock and the wheel know.

use super::life::{MEANT, fail};
use super::program::Program;
use super::trace;
use mainspring::prelude::*;
use mainspring::{Event, TIMER_TICK};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// As far as the wheel looks: 2^48 ticks.
const FAR: Duration = Duration::from_secs(500 * 365 * 24 * 3600);
/// Turns that may follow one another without an end.
const TURNS_MAX: usize = 20_000;
/// Timers that a program sets at most.
const TIMERS_MAX: usize = 64;

/// See the module.
pub fn target(bytes: &[u8]) {
    let program = Program::new(bytes);
    let world = Rc::new(World::new(program.clone()));
    let engine = Engine::builder().on_event(|event| {
        if let Event::Panicked { message, .. } = event {
            assert_eq!(&**message, MEANT);
        }
    });
    let engine = engine.start().expect("an engine without runners");
    let mut scheduler = engine.invoker("loop").expect("the name is free");
    let clock = engine.spawn("clock", || Clock).on("loop").resume_on_panic();
    let clock = clock.start().expect("it starts");
    WORLD.set(Some(world.clone()));
    world.turn(&mut scheduler, world.start);
    while program.more() {
        let mut deed = clock.deed();
        let now = world.start + world.now.get();
        world.turn(&mut scheduler, now);
        assert!(matches!(deed.try_get(), Some(Ok(()) | Err(CallError::Panicked { .. }))));
        let mut count = clock.timers();
        world.turn(&mut scheduler, now);
        assert_eq!(count.try_get(), Some(Ok(world.planned.borrow().len())), "how many are armed");
        world.check_next(&scheduler);
        world.pass();
        world.turn(&mut scheduler, world.start + world.now.get());
        world.check_due();
    }
    drop(clock);
    drop(scheduler);
    assert!(engine.is_empty());
    WORLD.set(None);
    assert_eq!(Rc::strong_count(&world), 1, "what timers capture is dropped with them");
}

thread_local!(static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) });

fn world() -> Rc<World> {
    WORLD.with_borrow(|world| world.clone()).expect("set by the target")
}

/// A timer, as the model has it.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Since the start.
    at: Duration,
    every: Option<(Duration, Missed)>,
}

struct World {
    start: Instant,
    /// Since the start; what the next turn is given.
    now: Cell<Duration>,
    /// The latest time of any turn.
    latest: Cell<Duration>,
    planned: RefCell<BTreeMap<usize, Plan>>,
    ids: RefCell<Vec<TimerId>>,
    program: Program,
}

impl World {
    fn new(program: Program) -> Self {
        Self {
            start: Instant::now() + Duration::from_secs(1),
            now: Cell::default(),
            latest: Cell::default(),
            planned: RefCell::default(),
            ids: RefCell::default(),
            program,
        }
    }

    fn turn(&self, scheduler: &mut Scheduler, now: Instant) {
        self.latest.set(self.latest.get().max(now - self.start));
        for _ in 0..TURNS_MAX {
            if scheduler.turn(now) == 0 {
                return;
            }
        }
        panic!("it never rests");
    }

    /// Lets time pass, or not.
    fn pass(&self) {
        let now = self.now.get();
        let step = Duration::from_nanos(self.program.number());
        let next = match self.program.below(8) {
            0 => now,
            1 => now.saturating_sub(step),
            2 => self.planned.borrow().values().map(|plan| plan.at).min().unwrap_or(now).max(now),
            3 => step.max(now),
            _ => now.saturating_add(step),
        };
        // Catching up with each tick of a century is nothing to wait for.
        let planned = self.planned.borrow();
        let shortest = planned.values().filter_map(|plan| match plan.every {
            Some((period, Missed::CatchUp)) => {
                Some(plan.at.min(now).saturating_add(period.saturating_mul(50)))
            }
            _ => None,
        });
        let limit = shortest.chain([FAR]).min().unwrap_or(FAR);
        self.now.set(next.min(limit.max(now)).min(FAR));
        trace!("at {:?}", self.now.get());
    }

    /// Nothing that should have fired is left.
    fn check_due(&self) {
        // While the clock is behind what it was, timers wait until it has caught up with that.
        if self.now.get() < self.latest.get() {
            return;
        }
        for (number, plan) in &*self.planned.borrow() {
            // Where ticks begin is the wheel's affair.
            let is_due = plan.at + TIMER_TICK <= self.now.get();
            assert!(!is_due, "{number} should have fired at {:?}", plan.at);
        }
    }

    fn check_next(&self, scheduler: &Scheduler) {
        let planned = self.planned.borrow();
        let next = scheduler.next_timer();
        assert_eq!(next.is_some(), !planned.is_empty());
        if let (Some(next), Some(first)) = (next, planned.values().map(|plan| plan.at).min()) {
            // Before it there may be other things to do. What lies behind the wheel's end is looked at then.
            let latest = self.start + first.max(self.latest.get()).min(FAR) + TIMER_TICK;
            assert!(next <= latest || first > FAR, "it is to turn too late");
        }
    }

    /// A timer fires.
    fn fire(&self, number: usize, cx: &mut Context<'_, Clock>) {
        let now = cx.now() - self.start;
        trace!("{number} fires at {now:?}");
        let mut planned = self.planned.borrow_mut();
        let plan = planned.get_mut(&number).expect("neither cancelled nor fired before");
        assert!(plan.at <= self.latest.get(), "{number} is early: {:?} at {now:?}", plan.at);
        match plan.every {
            None => drop(planned.remove(&number)),
            Some((period, missed)) => {
                let next = add(plan.at, period);
                plan.at = match missed {
                    Missed::Skip if next <= now => {
                        let into = (now.as_nanos() - plan.at.as_nanos()) % period.as_nanos();
                        now + (period - Duration::from_nanos(u64::try_from(into).unwrap()))
                    }
                    _ => next,
                };
            }
        }
        drop(planned);
        if self.program.more() {
            self.act(cx);
        }
    }

    fn act(&self, cx: &mut Context<'_, Clock>) {
        let what = self.program.below(14);
        let delay = Duration::from_nanos(self.program.number());
        match what {
            2 => self.set(cx, TIMER_TICK * self.program.byte().into(), None),
            3 => self.set(cx, delay, Some(Missed::Skip)),
            4 => self.set(cx, delay, Some(Missed::CatchUp)),
            5 => self.set_at(cx, delay),
            6 | 7 => self.cancel(cx),
            8 | 9 => self.rearm(cx, delay),
            10 => fail(),
            11 => self.set(cx, Duration::MAX, None),
            _ => self.set(cx, delay, None),
        }
    }

    fn since(&self, cx: &Context<'_, Clock>) -> Duration {
        cx.now() - self.start
    }

    fn is_full(&self) -> bool {
        self.planned.borrow().len() >= TIMERS_MAX || self.ids.borrow().len() >= 4 * TIMERS_MAX
    }

    fn set(&self, cx: &mut Context<'_, Clock>, delay: Duration, missed: Option<Missed>) {
        if self.is_full() {
            return;
        }
        let number = self.ids.borrow().len();
        let held = world();
        let id = match missed {
            None => cx.after(delay, move |_, cx| held.fire(number, cx)),
            Some(missed) => cx.every(delay, missed, move |_, cx| held.fire(number, cx)),
        };
        let every = missed.map(|missed| (delay.max(TIMER_TICK), missed));
        let delay = every.map_or(delay, |(period, _)| period);
        self.note(id, add(self.since(cx), delay), every);
    }

    fn set_at(&self, cx: &mut Context<'_, Clock>, at: Duration) {
        if self.is_full() {
            return;
        }
        let (number, held) = (self.ids.borrow().len(), world());
        // Also times that have passed, and one before the engine began.
        let is_before = self.program.once_in(8);
        let time = if is_before { self.start - Duration::from_secs(2) } else { self.start + at };
        let id = cx.at(time, move |_, cx| held.fire(number, cx));
        self.note(id, time.saturating_duration_since(self.start), None);
    }

    fn note(&self, id: TimerId, at: Duration, every: Option<(Duration, Missed)>) {
        let number = self.ids.borrow().len();
        trace!("{number} set for {at:?}, {every:?}");
        self.ids.borrow_mut().push(id);
        self.planned.borrow_mut().insert(number, Plan { at, every });
    }

    /// Any timer that there ever was.
    fn any(&self) -> Option<(usize, TimerId)> {
        let ids = self.ids.borrow();
        let number = self.program.below(ids.len());
        ids.get(number).map(|id| (number, *id))
    }

    fn cancel(&self, cx: &mut Context<'_, Clock>) {
        let Some((number, id)) = self.any() else { return };
        let was_planned = self.planned.borrow_mut().remove(&number).is_some();
        trace!("{number} cancelled: {was_planned}");
        assert_eq!(cx.cancel_timer(id), was_planned);
    }

    fn rearm(&self, cx: &mut Context<'_, Clock>, delay: Duration) {
        let Some((number, id)) = self.any() else { return };
        let at = add(self.since(cx), delay);
        let mut planned = self.planned.borrow_mut();
        let plan = planned.get_mut(&number);
        assert_eq!(cx.rearm(id, delay), plan.is_some());
        if let Some(plan) = plan {
            trace!("{number} moved to {at:?}");
            plan.at = at;
        }
    }
}

/// What the library does behind the end of the clock's range.
fn add(at: Duration, delay: Duration) -> Duration {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    at + if delay.as_secs() < 1 << 60 { delay } else { CENTURY }
}

struct Clock;

#[active]
impl Clock {
    pub fn deed(&mut self, cx: &mut Context<Self>) {
        world().act(cx);
    }

    pub fn timers(&self, cx: &mut Context<Self>) -> usize {
        cx.timers()
    }
}
