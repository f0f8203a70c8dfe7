//! Everything of the user's panics when it is dropped or called: arguments, results, observers,
//! continuations, timers, monitors, servants, factories, hooks, wakers.

use super::super::chance::Random;
use super::super::program::{Round, end};
use super::super::watch::{END_LIMIT, panic_as_meant};
use mainspring::Restart;
use mainspring::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::task::{Context as Polled, Wake, Waker};
use std::thread;
use std::time::Duration;

const CALLERS: usize = 2;
/// Of each caller.
const REQUESTS: usize = 50;

/// Panics when it is dropped, unless the thread is panicking already.
struct Bomb(Arc<AtomicI64>);

impl Bomb {
    fn new(alive: &Arc<AtomicI64>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self(alive.clone())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
        if !thread::panicking() {
            panic_as_meant();
        }
    }
}

struct BadWaker;

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        panic_as_meant();
    }
}

struct Store {
    bombs: Vec<Bomb>,
    alive: Arc<AtomicI64>,
}

#[active]
impl Store {
    pub fn keep(&mut self, bomb: Bomb) -> u64 {
        self.bombs.push(bomb);
        1
    }

    pub fn give(&mut self) -> Option<Bomb> {
        self.bombs.pop()
    }

    pub fn set_off(&mut self, bomb: Bomb) {
        drop(bomb);
    }

    /// Drops what it captures with the object, or panics before.
    pub fn arm(&mut self, cx: &mut Context<Self>, delay: Duration) {
        let bomb = Bomb::new(&self.alive);
        cx.after(delay, move |_, _| drop(bomb));
    }

    pub fn go_on(&mut self, cx: &mut Context<Self>, with: StoreProxy) {
        let bomb = Bomb::new(&self.alive);
        cx.then(with.give(), move |_, _, outcome| {
            drop(bomb);
            drop(outcome);
        });
    }

    #[active(on_stop)]
    fn stop(&mut self) {
        panic_as_meant();
    }
}

pub fn round(round: &mut Round) {
    let alive = Arc::<AtomicI64>::default();
    let engine = round.engine(&["a", "b"]);
    let at_once = Restart::new().times(u32::MAX).backoff(Duration::ZERO, Duration::ZERO);
    let stores: Vec<_> = (0..3)
        .map(|number| {
            let alive = alive.clone();
            let captured = Bomb::new(&alive);
            let factory = move || {
                let _ = &captured;
                Store { bombs: Vec::new(), alive: alive.clone() }
            };
            let spawn = engine.spawn(format!("store {number}"), factory).capacity(16);
            // Kept to the end, as there may be restarts; a factory that is called once drops it then.
            spawn.restart_on_panic(at_once).start().unwrap()
        })
        .collect();
    for store in &stores {
        let bomb = Bomb::new(&alive);
        store.on_exit(move |_| drop(bomb));
    }
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            let (mut random, stores, alive) = (round.random.fork(), &stores, &alive);
            scope.spawn(move || call(&mut random, stores, alive));
        }
        if round.random.once_in(2) {
            stores[0].abort();
        }
    });
    drop(stores);
    end(&mut round.random, engine);
    assert_eq!(alive.load(SeqCst), 0, "each value is dropped once");
}

/// The sender's own bombs are its own affair.
fn caught(run: impl FnOnce()) {
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)));
}

fn call(random: &mut Random, stores: &[StoreProxy], alive: &Arc<AtomicI64>) {
    for _ in 0..REQUESTS {
        let store = random.one_of(stores);
        let bomb = || Bomb::new(alive);
        caught(|| match random.below(11) {
            0 => drop(store.keep(bomb())),
            1 => drop(store.tell().keep(bomb())),
            2 => drop(store.give()),
            3 => drop(store.give().get_timeout(END_LIMIT)),
            4 => drop(store.set_off(bomb()).get_timeout(END_LIMIT)),
            5 => drop(store.tell().set_off(bomb())),
            6 => {
                let bomb = bomb();
                store.give().on_complete(move |outcome| {
                    drop(bomb);
                    drop(outcome);
                });
            }
            7 => store.arm(random.micros(2000)).detach(),
            8 => store.go_on(random.one_of(stores)).detach(),
            9 => {
                let mut call = store.keep(bomb());
                call.cancel();
            }
            _ => {
                use std::future::Future;
                let mut call = store.give();
                let waker = Waker::from(Arc::new(BadWaker));
                let polled = std::pin::Pin::new(&mut call).poll(&mut Polled::from_waker(&waker));
                drop(polled);
                drop(call.get_timeout(END_LIMIT));
            }
        });
    }
}
