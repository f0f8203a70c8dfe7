//! Several runners, with their real schedulers, and objects that call each other in a ring; some fail
//! and are replaced, and in the end somebody stops or aborts them in one of the ways there are.

use super::{choose, one_in, planned_panic};
use crate::books::{Books, Job, Told};
use crate::mailboxes::Token;
use crate::{Scenario, marks};
use mainspring::mailbox::Mpsc;
use mainspring::model;
use mainspring::{
    Call, CallError, Context, Engine, EngineHandle, Later, Options, Priority, Proxy, Restart,
    SendError, StartError, Supervisor, WaitStrategy, active,
};
use shuttle::sync::mpsc;
use shuttle::thread;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub const RING: Scenario = Scenario {
    name: "ring",
    run: ring,
    marks: &["went round", "slept", "refused on the way", "stopped"],
    weight: 2,
};

pub const SHUTDOWN: Scenario = Scenario {
    name: "shutdown",
    run: || Plan { fails: false, supervision: Supervision::None }.run(),
    marks: &[
        "engine stopped",
        "engine aborted",
        "objects stopped",
        "objects aborted",
        "runners stopped",
        "served",
        "went round",
        "refused on the way",
        "slept",
        "full",
        "made another",
        "stopped before the start",
    ],
    weight: 1,
};

pub const FAILURES: Scenario = Scenario {
    name: "failures",
    run: || Plan { fails: true, supervision: Supervision::Own }.run(),
    marks: &["panicked", "restarted", "served", "went round", "slept"],
    weight: 1,
};

pub const SUPERVISED: Scenario = Scenario {
    name: "supervised",
    run: || Plan { fails: true, supervision: Supervision::Common }.run(),
    marks: &["panicked", "restarted", "restarted together", "served", "went round", "slept"],
    weight: 1,
};

/// All proxies, known to all once they are there.
type Table = Arc<OnceLock<Vec<NodeProxy>>>;

/// Does jobs, or has its neighbour do them.
struct Node {
    place: usize,
    table: Table,
    failures: Arc<AtomicUsize>,
    engine: EngineHandle,
    runner: String,
    _token: Token,
}

/// An object that another one has made on its own runner, and let go of.
struct Leaf;

#[active]
impl Leaf {
    #[active(oneway)]
    pub fn nothing(&mut self) {}
}

#[active]
impl Node {
    pub fn work(&mut self, job: Job) -> Job {
        job.be_done();
        if one_in(4) {
            let leaf = self.engine.spawn_unnamed(|| Leaf).on(&self.runner).start();
            marks::hit_if("made another", leaf.is_ok());
        }
        job
    }

    /// Some places further it is done.
    #[active(oneway)]
    pub fn pass(&mut self, job: Job, hops: usize) {
        if hops == 0 {
            return job.be_done();
        }
        marks::hit("went round");
        let (books, number) = (job.books().clone(), job.number);
        if self.next().pass(job, hops - 1).is_err() {
            marks::hit("refused on the way");
            books.tell(number, Told::NotDone);
        }
    }

    /// Some places further it is done, and the answer comes back all the way.
    pub fn ask(&mut self, job: Job, hops: usize, cx: &mut Context<Self>) -> Later<Job> {
        let (later, reply) = cx.later();
        if hops == 0 {
            job.be_done();
            reply.send(job);
            return later;
        }
        let call = self.next().ask(job, hops - 1);
        cx.then(call, |_, _, outcome| match outcome {
            Ok(job) => reply.send(job),
            Err(_) => marks::hit("refused on the way"),
        });
        later
    }

    /// Does it later.
    pub fn put_off(&mut self, job: Job, cx: &mut Context<Self>) {
        cx.after(Duration::from_millis(choose(3)), move |_, _| job.be_done());
    }

    pub fn fail(&mut self, job: Job) -> Job {
        job.be_done();
        self.failures.fetch_add(1, Relaxed);
        planned_panic()
    }
}

impl Node {
    fn next(&self) -> &NodeProxy {
        let nodes = self.table.get().expect("nobody sends before it is there");
        &nodes[(self.place + 1) % nodes.len()]
    }
}

/// Who gives a servant that has failed its successor.
#[derive(Clone, Copy, PartialEq)]
enum Supervision {
    None,
    Own,
    Common,
}

/// What kind of a run it is.
#[derive(Clone, Copy)]
struct Plan {
    fails: bool,
    supervision: Supervision,
}

impl Plan {
    fn run(self) {
        let (books, table) = (Books::default(), Table::default());
        let [made, exits, failures] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let engine = Engine::builder().on_event(|_| ()).caller_wait(WaitStrategy::Park).start();
        let engine = engine.expect("an engine without threads starts");
        let supervisor = self.supervisor();
        let (runners, each) = (2 + choose(2) as usize, 1 + choose(2) as usize);
        let (send, receive) = mpsc::channel();
        let running: Vec<_> = (0..runners)
            .map(|runner| {
                let (engine, supervisor, send) =
                    (engine.handle(), supervisor.clone(), send.clone());
                let (books, table, made) = (books.clone(), table.clone(), made.clone());
                let failures = failures.clone();
                thread::spawn(move || {
                    let name = format!("r{runner}");
                    let mut scheduler = engine.invoker(&name).expect("its name is its own");
                    for place in (runner * each)..(runner + 1) * each {
                        let (books, table, made) = (books.clone(), table.clone(), made.clone());
                        let failures = failures.clone();
                        let (handle, runner) = (engine.clone(), name.clone());
                        let make = move || {
                            made.fetch_add(1, Relaxed);
                            let (table, failures) = (table.clone(), failures.clone());
                            let (engine, runner) = (handle.clone(), runner.clone());
                            Node { place, table, failures, engine, runner, _token: books.token() }
                        };
                        let proxy = self.start(&engine, &name, make, &supervisor);
                        send.send((place, proxy.expect("there is nothing in its way"))).unwrap();
                    }
                    drop(send);
                    let sleeps = model::drive(&mut scheduler);
                    marks::hit_if("slept", sleeps > 0);
                })
            })
            .collect();
        drop(send);
        let mut nodes: Vec<_> = receive.iter().collect();
        nodes.sort_by_key(|(place, _)| *place);
        let nodes: Vec<_> = nodes.into_iter().map(|(_, proxy)| proxy).collect();
        for node in &nodes {
            let exits = exits.clone();
            node.on_exit(move |_| _ = exits.fetch_add(1, Relaxed));
        }
        let count = nodes.len();
        assert_eq!(count, runners * each);
        assert!(table.set(nodes).is_ok());
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (books, table) = (books.clone(), table.clone());
                thread::spawn(move || self.call_many(&books, table.get().unwrap()))
            })
            .collect();
        let handle = engine.handle();
        let ending = thread::spawn({
            let table = table.clone();
            move || {
                (0..choose(200)).for_each(|_| thread::yield_now());
                end_somehow(&handle, table.get().unwrap(), runners)
            }
        });
        let may_lose = ending.join().unwrap();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        running.into_iter().for_each(|running| running.join().unwrap());
        assert_eq!(exits.load(Relaxed), count, "each object has ended, once");
        assert!(engine.is_empty() && engine.runners().is_empty());
        engine.detach();
        let made = made.load(Relaxed);
        marks::hit_if("restarted", made > count);
        marks::hit_if("restarted together", made > count + failures.load(Relaxed));
        drop(table);
        books.check(may_lose);
    }

    fn supervisor(self) -> Supervisor {
        match choose(3) {
            0 => Supervisor::one_for_one(restart()),
            1 => Supervisor::one_for_all(restart()),
            _ => Supervisor::rest_for_one(restart()),
        }
    }

    fn start(
        self,
        engine: &EngineHandle,
        runner: &str,
        make: impl FnMut() -> Node + Send + 'static,
        supervisor: &Supervisor,
    ) -> Result<NodeProxy, StartError> {
        let spawn = engine.spawn_unnamed(make).on(runner).capacity(1 + choose(6) as usize);
        let spawn = match self.supervision {
            Supervision::None => spawn,
            Supervision::Own => spawn.restart_on_panic(restart()),
            Supervision::Common => spawn.supervised_by(supervisor),
        };
        spawn.start()
    }

    fn call_many(self, books: &Books, nodes: &[NodeProxy]) {
        let mut pending: Vec<(usize, Call<Job>)> = Vec::new();
        for _ in 0..8 {
            let node = &nodes[choose(nodes.len() as u64) as usize];
            let job = books.job();
            let number = job.number;
            let hops = choose(5) as usize;
            match choose(8) {
                0 if self.fails => pending.push((number, node.fail(job))),
                0 | 1 => {
                    let urgent = Options::new().priority(Priority::Urgent);
                    pending.push((number, node.with(urgent).work(job)));
                }
                2 | 3 => refused(books, number, node.pass(job, hops)),
                4 => {
                    // A timer goes with the servant that has set it.
                    books.tell(number, Told::Maybe);
                    drop(node.put_off(job));
                }
                5 => pending.push((number, node.work(job))),
                6 => note(books, number, node.work(job).get()),
                _ => pending.push((number, node.ask(job, hops))),
            }
        }
        for (number, call) in pending {
            note(books, number, call.get());
        }
    }
}

fn restart() -> Restart {
    let first = if one_in(2) { Duration::ZERO } else { Duration::from_millis(1 + choose(3)) };
    Restart::new().times(1000).within(Duration::MAX).backoff(first, first)
}

fn refused<T>(books: &Books, number: usize, sent: Result<(), SendError<T>>) {
    if let Err(error) = sent {
        marks::hit_if("full", matches!(error, SendError::Full(_)));
        books.tell(number, Told::NotDone);
    }
}

fn note(books: &Books, number: usize, outcome: Result<Job, CallError>) {
    match &outcome {
        Ok(_) => marks::hit("served"),
        Err(CallError::Full) => marks::hit("full"),
        Err(CallError::Panicked { .. }) => marks::hit("panicked"),
        Err(CallError::Stopped { started: false }) => marks::hit("stopped before the start"),
        Err(_) => {}
    }
    books.outcome(number, &outcome);
}

/// Returns whether accepted one-way requests may be lost by that.
fn end_somehow(engine: &EngineHandle, nodes: &[NodeProxy], runners: usize) -> bool {
    match choose(5) {
        0 => {
            marks::hit("engine aborted");
            engine.abort();
            return true;
        }
        1 => {
            marks::hit("objects stopped");
            nodes.iter().for_each(Proxy::stop);
            engine.stop();
        }
        2 => {
            marks::hit("objects aborted");
            nodes.iter().for_each(|node| {
                if one_in(2) {
                    node.abort()
                }
            });
            engine.stop();
            return true;
        }
        3 => {
            marks::hit("runners stopped");
            for runner in 0..runners {
                engine.stop_runner(&format!("r{runner}")).expect("it is there");
                thread::yield_now();
            }
            engine.stop();
        }
        _ => {
            marks::hit("engine stopped");
            engine.stop();
        }
    }
    false
}

/// Objects on loops of their own, without schedulers, whatever kind their mailboxes are: each has the
/// next one's proxy, until it is told to let go.
struct Link {
    next: Option<LinkProxy<Mpsc>>,
}

#[active]
impl Link {
    #[active(oneway)]
    pub fn join(&mut self, next: LinkProxy<Mpsc>) {
        self.next = Some(next);
    }

    #[active(oneway)]
    pub fn let_go(&mut self) {
        self.next = None;
    }

    #[active(oneway)]
    pub fn pass(&mut self, job: Job, hops: usize) {
        let (books, number) = (job.books().clone(), job.number);
        match &self.next {
            Some(next) if hops > 0 => {
                marks::hit("went round");
                if next.pass(job, hops - 1).is_err() {
                    marks::hit("refused on the way");
                    books.tell(number, Told::NotDone);
                }
            }
            _ => job.be_done(),
        }
    }

    pub fn ask(&mut self, job: Job, hops: usize, cx: &mut Context<Self>) -> Later<Job> {
        let (later, reply) = cx.later();
        match &self.next {
            Some(next) if hops > 0 => {
                let call = next.ask(job, hops - 1);
                cx.then(call, |_, _, outcome| {
                    if let Ok(job) = outcome {
                        reply.send(job);
                    }
                });
            }
            _ => {
                job.be_done();
                reply.send(job);
            }
        }
        later
    }
}

fn ring() {
    let books = Books::default();
    let count = 3 + choose(3) as usize;
    let spawn = || model::spawn::<_, Mpsc>(Link { next: None }, 2 + choose(4) as usize);
    let (proxies, running): (Vec<_>, Vec<_>) = (0..count).map(|_| spawn()).unzip();
    for (place, proxy) in proxies.iter().enumerate() {
        proxy.join(proxies[(place + 1) % count].clone()).expect("there is room");
    }
    let running: Vec<_> =
        running.into_iter().map(|running| thread::spawn(|| running.run())).collect();
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let (books, proxies) = (books.clone(), proxies.clone());
            thread::spawn(move || {
                for _ in 0..6 {
                    let (job, hops) = (books.job(), choose(8) as usize);
                    let number = job.number;
                    let proxy = &proxies[choose(proxies.len() as u64) as usize];
                    match choose(3) {
                        0 => refused(&books, number, proxy.pass(job, hops)),
                        1 => note(&books, number, proxy.ask(job, hops).get()),
                        _ => {
                            let told = books.clone();
                            proxy
                                .ask(job, hops)
                                .on_complete(move |outcome| note(&told, number, outcome));
                        }
                    }
                }
            })
        })
        .collect();
    let stops = one_in(2);
    if stops {
        marks::hit("stopped");
        (0..choose(60)).for_each(|_| thread::yield_now());
        proxies.iter().for_each(Proxy::stop);
    }
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    if !stops {
        // One that lets go ends when all callers have gone; then so does the one before it.
        while proxies[0].let_go().is_err() {
            thread::yield_now();
        }
    }
    drop(proxies);
    for running in running {
        marks::hit_if("slept", running.join().unwrap().slept);
    }
    books.check(false);
}
