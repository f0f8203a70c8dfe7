//! Everything that the macro generates can be written by hand.

use mainspring::mailbox::{ClonedKind, Kind, Mpsc};
use mainspring::{
    Active, Bound, Call, CallError, Context, Engine, Handle, Method, Options, Proxy, Reply, Runner,
    WaitError, reply_bytes, reply_bytes_max,
};
use std::time::{Duration, Instant};

struct Counter {
    total: u64,
}

enum CounterRequest {
    Add { by: u64, reply: Reply<u64> },
    Fail { reply: Reply<()> },
}

struct CounterProxy<K: Kind = Mpsc>(Handle<Counter, K>);

impl Active for Counter {
    type Request = CounterRequest;
    type Proxy<K: Kind> = CounterProxy<K>;
    const NAME: &'static str = "Counter";
    const METHODS: &'static [Method] = &[Method::new("add", &["by"]), Method::new("fail", &[])];
    const REPLY_BYTES: usize = reply_bytes_max(&[reply_bytes::<u64>(), reply_bytes::<()>()]);

    fn method(request: &CounterRequest) -> usize {
        match request {
            CounterRequest::Add { .. } => 0,
            CounterRequest::Fail { .. } => 1,
        }
    }

    fn dispatch(&mut self, request: CounterRequest, _: &mut Context<Self>) {
        match request {
            CounterRequest::Add { by, reply } => reply.serve(|| {
                self.total += by;
                self.total
            }),
            CounterRequest::Fail { reply } => reply.serve(|| panic!("as asked")),
        }
    }
}

impl<K: Kind> Proxy<Counter> for CounterProxy<K> {
    type Kind = K;
    type Tell<'a> = &'a Handle<Counter, K>;
    type With<'a> = Bound<'a, Counter, K>;

    fn from_handle(handle: Handle<Counter, K>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Counter, K> {
        &self.0
    }

    fn with(&self, options: Options) -> Bound<'_, Counter, K> {
        Bound::new(&self.0, options)
    }

    fn tell(&self) -> &Handle<Counter, K> {
        &self.0
    }
}

impl<K: Kind> CounterProxy<K> {
    fn add(&self, by: u64) -> Call<u64> {
        self.0.call(|reply| CounterRequest::Add { by, reply })
    }

    fn fail(&self) -> Call<()> {
        self.0.call(|reply| CounterRequest::Fail { reply })
    }
}

impl<K: ClonedKind> Clone for CounterProxy<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

fn quiet() -> mainspring::Builder {
    Engine::builder().on_event(|_| ())
}

#[test]
fn calls_tells_and_panics_work_without_the_macro() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let counter = engine.spawn("counter", || Counter { total: 40 }).start().unwrap();
    assert_eq!(counter.add(2).get(), Ok(42));
    counter.tell().tell(CounterRequest::Add { by: 8, reply: Reply::none() }).unwrap();
    assert_eq!(counter.add(0).get(), Ok(50));
    let error = counter.fail().get().unwrap_err();
    assert_eq!(error, CallError::Panicked { method: "fail", message: "as asked".into() });
    assert_eq!(counter.add(1).get(), Err(CallError::Stopped { started: false }));
    engine.join();
}

#[test]
fn an_invoker_serves_turn_by_turn_and_refuses_to_wait_for_itself() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let counter = engine.spawn("counter", || Counter { total: 0 }).start().unwrap();
    let mut first = counter.add(1);
    let limit = Duration::from_secs(60);
    assert_eq!(first.get_timeout(limit), Err(WaitError::WouldDeadlock));
    assert_eq!(counter.add(1).get(), Err(CallError::WouldDeadlock));
    assert_eq!(scheduler.turn(Instant::now()), 2);
    assert_eq!(first.try_get(), Some(Ok(1)));
    let mut cancelled = counter.add(5);
    assert!(cancelled.cancel());
    assert!(!cancelled.cancel());
    scheduler.turn(Instant::now());
    assert_eq!(cancelled.try_get(), Some(Err(CallError::Cancelled)));
    let mut last = counter.add(0);
    scheduler.turn(Instant::now());
    assert_eq!(last.try_get(), Some(Ok(2)));
}

#[test]
fn one_producer_has_a_mailbox_of_its_own_kind() {
    let engine = quiet().runner(Runner::named("a")).start().unwrap();
    let counter =
        engine.spawn("counter", || Counter { total: 0 }).single_producer().start().unwrap();
    let mut sum = 0;
    for n in 1..=100 {
        sum = counter.add(n).get().unwrap();
    }
    assert_eq!(sum, 5050);
}

#[test]
fn each_clone_of_a_proxy_of_lanes_has_a_mailbox_of_its_own() {
    let engine = quiet().start().unwrap();
    let mut scheduler = engine.invoker("loop").unwrap();
    let spawn = engine.spawn("counter", || Counter { total: 0 }).capacity(1).lanes();
    let counter = spawn.start().unwrap();
    let other = counter.clone();
    // From another thread than the runner's own.
    let calls = std::thread::spawn(move || {
        let calls = [counter.add(1), other.add(2)];
        assert_eq!(counter.add(4).get(), Err(CallError::Full));
        assert_eq!(other.add(8).get(), Err(CallError::Full));
        calls
    });
    let mut calls = calls.join().unwrap();
    assert_eq!(scheduler.turn(Instant::now()), 2);
    let sums = calls.each_mut().map(|call| call.try_get().unwrap().unwrap());
    assert_eq!(sums.into_iter().max(), Some(3));
}
