//! An object that runs where it is called: for tests of what calls it, and of itself.

use crate::engine::engine::Engine;
use crate::engine::handle::EngineHandle;
use crate::mailbox::Mpsc;
use crate::object::active::Active;
use crate::runner::scheduler::{ParkDecision, Scheduler};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::{Duration, Instant};

/// An active object without a thread: each call runs before it returns, on the thread that calls.
///
/// `#[active]` implements the trait of the servant's calls for it (`AccountCalls` for `Account`), as for
/// the proxy. Code that takes `&impl AccountCalls`, or `&dyn AccountCalls`, therefore runs with an object
/// on its runner, with one of these, or with a mock of your own that makes calls by
/// [`Call::ready`](crate::Call::ready).
///
/// It is a whole engine whose only runner is the calling thread, so guards, timers, hooks, panics and
/// stops are those of production. What is left open is when something happens: a call is served before
/// the method that made it returns, and time stands still but for [`advance`](Self::advance).
///
/// ```
/// use mainspring::{Inline, prelude::*};
/// use std::time::Duration;
///
/// struct Account { cents: i64 }
///
/// #[active]
/// impl Account {
///     pub fn deposit(&mut self, cents: i64) { self.cents += cents }
///     #[active(guard = covers)]
///     pub fn withdraw(&mut self, cents: i64) -> i64 { self.cents -= cents; self.cents }
///     pub fn freeze_in(&mut self, cx: &mut Context<Self>, delay: Duration) {
///         cx.after(delay, |account, _| account.cents = 0);
///     }
///     fn covers(&self, cents: &i64) -> bool { self.cents >= *cents }
/// }
///
/// /// What is to be tested: it knows neither engines nor threads.
/// fn pay(account: &impl AccountCalls, cents: i64) -> Call<i64> {
///     account.deposit(cents / 10).detach();
///     account.withdraw(cents)
/// }
///
/// let account = Inline::new(Account { cents: 100 });
/// let mut paid = pay(&account, 200);
/// assert!(!paid.is_ready()); // its guard doesn't hold yet
/// account.deposit(80).get()?;
/// assert_eq!(paid.try_get(), Some(Ok(0)));
///
/// account.deposit(5).get()?;
/// account.freeze_in(Duration::from_secs(60)).get()?;
/// account.advance(Duration::from_secs(61));
/// assert!(!account.withdraw(1).is_ready());
///
/// /// A bank that is never reached.
/// struct Closed;
/// impl AccountCalls for Closed {
///     fn deposit(&self, _: i64) -> Call<()> { Call::ready(Ok(())) }
///     fn withdraw(&self, _: i64) -> Call<i64> { Call::ready(Err(CallError::Full)) }
///     fn freeze_in(&self, _: Duration) -> Call<()> { Call::ready(Ok(())) }
/// }
/// assert_eq!(pay(&Closed, 200).get(), Err(CallError::Full));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A method of these names that the servant has, such as `now`, is reached through its trait:
/// `AccountCalls::now(&account)`. It stays on its thread:
///
/// ```compile_fail,E0277
/// # struct Counter(u64);
/// # #[mainspring::active]
/// # impl Counter { pub fn total(&self) -> u64 { self.0 } }
/// let counter = mainspring::Inline::new(Counter(0));
/// std::thread::spawn(move || counter.total());
/// ```
pub struct Inline<S: Active> {
    // In the order in which they are to be dropped: the object ends first.
    proxy: S::Proxy<Mpsc>,
    scheduler: RefCell<Scheduler>,
    now: Cell<Instant>,
    engine: Engine,
}

/// So many turns without coming to rest are enough: an object that calls itself for ever must not hang
/// who calls it once.
const TURNS_MAX: usize = 1000;

const RUNNER: &str = "inline";

impl<S: Active> Inline<S> {
    /// Makes the object on the calling thread. The servant need not be `Send`.
    pub fn new(servant: S) -> Self {
        // The factory must be `Send`, and runs here, before `start` returns.
        thread_local!(static SERVANT: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) });
        let engine = Engine::builder().start().expect("an engine without threads starts");
        let scheduler = engine.invoker(RUNNER).expect("its only runner has no thread");
        SERVANT.set(Some(Box::new(servant)));
        let taken = || SERVANT.take().and_then(|servant| servant.downcast::<S>().ok());
        let factory = move || taken().map(|servant| *servant).ok_or("it was put there just now");
        let proxy = engine.spawn(S::NAME, factory).on(RUNNER).start();
        let proxy = proxy.expect("an object on the calling thread starts");
        let (scheduler, now) = (RefCell::new(scheduler), Cell::new(Instant::now()));
        let inline = Self { proxy, scheduler, now, engine };
        inline.turn();
        inline
    }

    /// The object's proxy. What is sent through it, or a clone on another thread, is served at the next
    /// call of one of the methods here, or of the trait.
    pub fn proxy(&self) -> &S::Proxy<Mpsc> {
        &self.proxy
    }

    /// The engine, whose only runner is this thread: for further objects, that this one calls.
    pub fn engine(&self) -> &EngineHandle {
        &self.engine
    }

    /// The time, as the servant sees it: that at which this was made, and what it was advanced by.
    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Turns until nothing is left to do; returns how many requests were served and timers fired. An
    /// object that keeps itself busy for ever gets 1,000 turns.
    ///
    /// Calls of the trait do that themselves. Called from inside a method of the object it does
    /// nothing: what was sent is served after that method.
    pub fn turn(&self) -> usize {
        let Ok(mut scheduler) = self.scheduler.try_borrow_mut() else { return 0 };
        let mut done = 0;
        for _ in 0..TURNS_MAX {
            let work = scheduler.turn(self.now.get());
            done += work;
            // Resting lets go of what was stopped: time, which does it otherwise, stands still.
            if work == 0 && scheduler.prepare_to_park() != ParkDecision::Disturbed {
                break;
            }
        }
        done
    }

    /// Lets time pass: timers that are due meanwhile fire, each at its own time, in order.
    ///
    /// Called from inside a method of the object it moves the time, and timers fire later. It doesn't
    /// move beyond the clock's range.
    pub fn advance(&self, by: Duration) {
        let Some(target) = self.now().checked_add(by) else { return };
        while let Some(at) = self.next_timer().filter(|at| self.now() < *at && *at <= target) {
            self.now.set(at);
            self.turn();
        }
        self.now.set(target);
        self.turn();
    }

    fn next_timer(&self) -> Option<Instant> {
        self.scheduler.try_borrow().ok()?.next_timer()
    }
}

/// For generated code: has what was sent served, and passes it on.
#[doc(hidden)]
#[inline]
pub fn inline<S: Active, R>(object: &Inline<S>, sent: R) -> R {
    object.turn();
    sent
}

impl<S: Active> fmt::Debug for Inline<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline").field("servant", &S::NAME).finish_non_exhaustive()
    }
}
