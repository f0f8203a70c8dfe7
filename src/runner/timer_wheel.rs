//! The timers of one runner: a hierarchical timing wheel.
//!
//! Time is cut into ticks. A timer lies in the level of the highest group of six bits in which its
//! tick differs from the present one, in that group's slot. So what lies in level 0 is due within 64
//! ticks, each slot its own tick; a slot of a higher level is spread over the lower ones when its
//! time begins. Arming and cancelling touch one list each. A bit for each slot says which are in use,
//! so finding the next slot takes one look at each level, however much time has passed.
//!
//! # Source
//! G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels" (1987), scheme 6; levels by the
//! highest differing group as in tokio's wheel.

use std::time::{Duration, Instant};

/// One tick of a runner's timers: 2^16 ns, 65.5 µs. A timer fires at the first tick that isn't before
/// its time; see [`Context::after`](crate::Context::after).
pub const TICK: Duration = Duration::from_nanos(1 << TICK_BITS);
const TICK_BITS: u32 = 16;

const GROUP_BITS: u32 = 6;
const SLOTS: usize = 1 << GROUP_BITS;
/// 48 bits of ticks: five centuries.
const LEVELS: usize = 8;
const TICK_MAX: u64 = (1 << (GROUP_BITS * LEVELS as u32)) - 1;

/// No node.
const NONE: u32 = u32::MAX;
/// The list of nodes that are due.
const DUE: usize = LEVELS * SLOTS;
/// The list of nodes that are not armed.
const UNARMED: usize = DUE + 1;

/// What a timer fires for: an object of the runner, and the number that the object gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerTarget {
    pub(crate) object: u32,
    pub(crate) timer: u32,
}

/// An armed timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    node: u32,
    generation: u32,
}

/// See the module.
pub(crate) struct TimerWheel {
    start: Instant,
    /// Everything before this tick has fired.
    now: u64,
    armed: usize,
    /// Each slot's list, level by level, and behind them the one of what is due.
    lists: Box<[List]>,
    in_use: [u64; LEVELS],
    nodes: Vec<Node>,
    /// The first of the nodes that are not armed, linked by `next`.
    free: u32,
}

#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

#[derive(Clone, Copy)]
struct Node {
    tick: u64,
    target: TimerTarget,
    next: u32,
    previous: u32,
    generation: u32,
    /// Which list it is in.
    place: u32,
}

impl TimerWheel {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            now: 0,
            armed: 0,
            lists: Box::default(),
            in_use: [0; LEVELS],
            nodes: Vec::new(),
            free: NONE,
        }
    }

    /// How many timers are armed.
    pub(crate) fn len(&self) -> usize {
        self.armed
    }

    /// Arms a timer for the first tick that isn't before `at`.
    pub(crate) fn arm(&mut self, at: Instant, target: TimerTarget) -> TimerKey {
        if self.lists.is_empty() {
            self.lists = vec![List { first: NONE, last: NONE }; DUE + 1].into_boxed_slice();
        }
        let node = self.unarmed();
        self.nodes[node as usize].target = target;
        self.nodes[node as usize].tick = self.tick_from(at).max(self.now);
        self.armed += 1;
        self.insert(node);
        TimerKey { node, generation: self.nodes[node as usize].generation }
    }

    /// Cancels a timer; `false` if it has fired, or was cancelled before.
    pub(crate) fn cancel(&mut self, timer: TimerKey) -> bool {
        let found = self.nodes.get(timer.node as usize);
        if found.is_none_or(|node| node.generation != timer.generation) {
            return false;
        }
        self.unlink(timer.node);
        self.give_back(timer.node);
        true
    }

    /// Moves what is due at `now` to where [`next_due`](Self::next_due) finds it.
    #[inline]
    pub(crate) fn advance(&mut self, now: Instant) {
        if self.armed > 0 {
            self.advance_to(self.tick_until(now));
        }
    }

    /// Takes the next timer that is due.
    #[inline]
    pub(crate) fn next_due(&mut self) -> Option<TimerTarget> {
        let node = self.lists.last()?.first;
        if node == NONE {
            return None;
        }
        let target = self.nodes[node as usize].target;
        self.unlink(node);
        self.give_back(node);
        Some(target)
    }

    /// When to look again: the next timer's tick, or before it the time to spread a slot.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let tick = match self.next_slot() {
            _ if self.lists.last().is_some_and(|due| due.first != NONE) => self.now,
            None => return None,
            Some((level, slot)) => self.tick_of(level, slot),
        };
        self.start.checked_add(Duration::from_nanos(tick.checked_shl(TICK_BITS)?))
    }

    fn advance_to(&mut self, until: u64) {
        while let Some((level, slot)) = self.next_slot() {
            let tick = self.tick_of(level, slot);
            if tick > until {
                break;
            }
            self.now = tick;
            self.in_use[level] &= !(1 << slot);
            let list = &mut self.lists[level * SLOTS + slot];
            let mut node = std::mem::replace(list, List { first: NONE, last: NONE }).first;
            while node != NONE {
                let next = self.nodes[node as usize].next;
                if level == 0 {
                    self.append(node, DUE);
                } else {
                    self.insert(node);
                }
                node = next;
            }
        }
        // No slot's time begins before that, so each timer stays where it is found.
        self.now = self.now.max(until);
    }

    /// The slot whose time comes next: in the lowest level that has one, the first.
    fn next_slot(&self) -> Option<(usize, usize)> {
        let level = self.in_use.iter().position(|slots| *slots != 0)?;
        Some((level, self.in_use[level].trailing_zeros() as usize))
    }

    /// The tick at which a slot's time begins.
    fn tick_of(&self, level: usize, slot: usize) -> u64 {
        let shift = GROUP_BITS * level as u32;
        let above = self.now >> (shift + GROUP_BITS) << (shift + GROUP_BITS);
        above | (slot as u64) << shift
    }

    fn insert(&mut self, node: u32) {
        let tick = self.nodes[node as usize].tick;
        let differing = (tick ^ self.now) | (SLOTS as u64 - 1);
        let level = ((u64::BITS - 1 - differing.leading_zeros()) / GROUP_BITS) as usize;
        let slot = (tick >> (GROUP_BITS * level as u32)) as usize % SLOTS;
        self.in_use[level] |= 1 << slot;
        self.append(node, level * SLOTS + slot);
    }

    fn append(&mut self, node: u32, place: usize) {
        let list = &mut self.lists[place];
        let previous = std::mem::replace(&mut list.last, node);
        match previous {
            NONE => list.first = node,
            _ => self.nodes[previous as usize].next = node,
        }
        let appended = &mut self.nodes[node as usize];
        (appended.next, appended.previous, appended.place) = (NONE, previous, place as u32);
    }

    fn unlink(&mut self, node: u32) {
        let Node { next, previous, place, .. } = self.nodes[node as usize];
        let place = place as usize;
        match previous {
            NONE => self.lists[place].first = next,
            _ => self.nodes[previous as usize].next = next,
        }
        match next {
            NONE => self.lists[place].last = previous,
            _ => self.nodes[next as usize].previous = previous,
        }
        if self.lists[place].first == NONE && place < DUE {
            self.in_use[place / SLOTS] &= !(1 << (place % SLOTS));
        }
    }

    fn unarmed(&mut self) -> u32 {
        if self.free == NONE {
            let node = u32::try_from(self.nodes.len()).expect("fewer timers than 2^32");
            let target = TimerTarget { object: 0, timer: 0 };
            let place = UNARMED as u32;
            self.nodes.push(Node {
                tick: 0,
                target,
                next: NONE,
                previous: NONE,
                generation: 0,
                place,
            });
            return node;
        }
        let node = self.free;
        self.free = self.nodes[node as usize].next;
        node
    }

    fn give_back(&mut self, node: u32) {
        let given = &mut self.nodes[node as usize];
        given.generation = given.generation.wrapping_add(1);
        given.place = UNARMED as u32;
        given.next = std::mem::replace(&mut self.free, node);
        self.armed -= 1;
    }

    /// The first tick that isn't before `at`.
    fn tick_from(&self, at: Instant) -> u64 {
        let nanos = at.saturating_duration_since(self.start).as_nanos();
        u64::try_from(nanos.div_ceil(TICK.as_nanos())).unwrap_or(TICK_MAX).min(TICK_MAX)
    }

    /// The last tick that isn't after `now`.
    fn tick_until(&self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.start).as_nanos();
        u64::try_from(nanos >> TICK_BITS).unwrap_or(TICK_MAX).min(TICK_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const fn timer(timer: u32) -> TimerTarget {
        TimerTarget { object: 7, timer }
    }

    fn fired(wheel: &mut TimerWheel, now: Instant) -> Vec<u32> {
        wheel.advance(now);
        std::iter::from_fn(|| wheel.next_due()).map(|target| target.timer).collect()
    }

    #[test]
    fn a_timer_fires_at_the_first_tick_that_is_not_before_its_time() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        wheel.arm(start + TICK * 3 - Duration::from_nanos(1), timer(1));
        assert_eq!(wheel.next_look(), Some(start + TICK * 3));
        assert_eq!(fired(&mut wheel, start + TICK * 3 - Duration::from_nanos(1)), []);
        assert_eq!(fired(&mut wheel, start + TICK * 3), [1]);
        assert_eq!((wheel.next_look(), wheel.len()), (None, 0));
    }

    #[test]
    fn what_was_armed_for_the_past_is_due_at_once() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let now = start + TICK * 1000;
        wheel.arm(start, timer(1));
        assert_eq!(fired(&mut wheel, now), [1]);
        wheel.arm(start, timer(2));
        assert_eq!(fired(&mut wheel, now), [2]);
    }

    #[test]
    fn a_cancelled_timer_does_not_fire_also_once_it_is_due() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let [first, second] = [1, 2].map(|n| wheel.arm(start + TICK, timer(n)));
        wheel.advance(start + TICK * 2);
        assert!(wheel.cancel(first));
        assert!(!wheel.cancel(first), "once");
        assert_eq!(fired(&mut wheel, start + TICK * 2), [2]);
        assert!(!wheel.cancel(second), "it has fired");
        // Its place is used again, and the old key doesn't match it.
        wheel.arm(start + TICK * 9, timer(3));
        assert!(!wheel.cancel(first) && !wheel.cancel(second));
        assert_eq!(wheel.len(), 1);
    }

    #[test]
    fn the_farthest_time_is_kept() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let far = start + Duration::from_secs(1 << 33);
        let armed = wheel.arm(far, timer(1));
        assert_eq!(fired(&mut wheel, start + Duration::from_secs(1 << 32)), []);
        assert!(wheel.next_look().is_some());
        assert!(wheel.cancel(armed));
    }

    /// Against a sorted map: arms, cancels and steps of all sizes, from a generator with a fixed seed.
    #[test]
    fn it_fires_what_a_sorted_map_would() {
        let start = Instant::now();
        let mut wheel = TimerWheel::new(start);
        let mut expected = BTreeMap::new();
        let mut seed = 1_u64;
        let mut random = move |below: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut now = 0_u64;
        for n in 0..20_000_u32 {
            let range = 1 << random(40);
            let at = now + random(range);
            let armed = wheel.arm(start + Duration::from_nanos(at), timer(n));
            expected.insert((at.div_ceil(TICK.as_nanos() as u64), n), armed);
            if random(4) == 0 {
                let place = random(expected.len() as u64) as usize;
                let (key, armed) = expected.iter().nth(place).map(|(k, v)| (*k, *v)).unwrap();
                expected.remove(&key);
                assert!(wheel.cancel(armed));
            }
            if random(3) == 0 {
                let step = 1 << random(36);
                now += random(step);
                let ticks = now / TICK.as_nanos() as u64;
                let later = expected.split_off(&(ticks + 1, 0));
                let mut due: Vec<_> =
                    std::mem::replace(&mut expected, later).into_keys().map(|(_, n)| n).collect();
                let mut fired = fired(&mut wheel, start + Duration::from_nanos(now));
                due.sort_unstable();
                fired.sort_unstable();
                assert_eq!(fired, due, "at {now}");
            }
            assert_eq!(wheel.len(), expected.len());
            let first = expected.keys().next().map(|(tick, _)| *tick);
            let look = wheel.next_look().map(|at| (at - start).as_nanos() as u64 >> TICK_BITS);
            assert!(look <= first && look.is_some() == first.is_some(), "{look:?} {first:?}");
        }
    }
}
