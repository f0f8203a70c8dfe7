//! Questions to a thread that answers: a number is added to a sum, and the sum comes back.

use super::ends::{Block, Gone, Pause, Policy, Queue, Spin, Try};
use super::thread::start;
use crate::floors::figure;
use crate::work::{Figure, Wait, Work};
use mainspring_perf::error::Error;
use mainspring_perf::lab::Lab;
use mainspring_perf::lab::loops::closed_loop;
use mainspring_perf::lab::loops::{CHUNK, timed_chunks};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::time::Duration;

/// How a library's queues are used to ask.
pub trait Asking {
    /// What the caller holds.
    type Client: Client;
    /// What the thread that answers holds.
    type Server: Server;

    /// Both sides, for up to `window` questions at once.
    fn open(capacity: usize, window: usize) -> (Self::Client, Self::Server);
}

/// The side that asks.
pub trait Client {
    /// Sends a question.
    fn ask(&mut self, by: u64) -> Result<(), Gone>;

    /// Waits for the answer to the oldest question.
    fn answer(&mut self) -> Result<u64, Gone>;
}

/// The side that answers.
pub trait Server: Send {
    /// Waits for questions, and answers each with what `serve` makes of it.
    fn serve(&mut self, serve: impl FnMut(u64) -> u64) -> Result<(), Gone>;
}

/// Measures asking through queues that can only be tried.
pub fn trying<A>(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>>
where
    A: ByPolicy,
    A::With<Try<Spin>>: Asking,
{
    match work {
        Work::Ask { window, wait: Wait::Spin } if lab.cpus.is_some() => {
            Some(run::<A::With<Try<Spin>>>(lab, window, length))
        }
        _ => None,
    }
}

/// Measures asking through queues that can be tried, and waited for.
pub fn blocking<A>(lab: &Lab, work: Work, length: Duration) -> Option<Result<Figure, Error>>
where
    A: ByPolicy,
    A::With<Try<Spin>>: Asking,
    A::With<Block>: Asking,
{
    match work {
        Work::Ask { window, wait: Wait::Block } => Some(run::<A::With<Block>>(lab, window, length)),
        _ => trying::<A>(lab, work, length),
    }
}

fn run<A: Asking>(lab: &Lab, window: usize, length: Duration) -> Result<Figure, Error> {
    let (client, mut server) = A::open(lab.capacity, window);
    std::thread::scope(|scope| {
        // Moved into here: when the measuring is over, the server is alone, and ends.
        let mut caller = Caller { client, sum: 0 };
        let cpu = lab.cpus.map(|(_, other)| other);
        start(scope, lab, cpu, move || {
            let mut sum = 0_u64;
            let mut add = |by| {
                sum = sum.wrapping_add(by);
                sum
            };
            while server.serve(&mut add).is_ok() {}
        })?;
        match window {
            1 => caller.one_by_one(length),
            _ => caller.windowed(window, length),
        }
    })
}

/// The client, and what its last answer was.
struct Caller<C> {
    client: C,
    sum: u64,
}

impl<C: Client> Caller<C> {
    fn one_by_one(&mut self, length: Duration) -> Result<Figure, Error> {
        let sample = closed_loop(length, || {
            self.ask()?;
            self.check_answer()
        })?;
        Ok(figure(sample))
    }

    /// Takes the oldest answer and asks the next question, over and over.
    fn windowed(&mut self, window: usize, length: Duration) -> Result<Figure, Error> {
        for _ in 0..window {
            self.ask()?;
        }
        let sample = timed_chunks(length, || {
            for _ in 0..CHUNK {
                self.check_answer()?;
                self.ask()?;
            }
            Ok(())
        })?;
        for _ in 0..window {
            self.check_answer()?;
        }
        Ok(figure(sample))
    }

    #[inline(always)]
    fn ask(&mut self) -> Result<(), Error> {
        self.client.ask(1).map_err(|Gone| Error::Stopped)
    }

    #[inline(always)]
    fn check_answer(&mut self) -> Result<(), Error> {
        self.sum += 1;
        let answer = self.client.answer().map_err(|Gone| Error::Stopped)?;
        Error::check("the sum", answer, self.sum)
    }
}

/// A way of asking, before it is said how both sides wait.
pub trait ByPolicy {
    /// The same, with that said.
    type With<P>;
}

/// Questions through one queue, answers through another, which is kept: for one client only, as
/// the server has no other address. As many answers fit as there are questions at once.
pub struct Kept<Q>(PhantomData<Q>);

impl<Q> ByPolicy for Kept<Q> {
    type With<P> = KeptWith<Q, P>;
}

/// [`Kept`] by a policy.
pub struct KeptWith<Q, P>(PhantomData<(Q, P)>);

impl<Q: Queue<u64>, P: Policy<u64, Q>> Asking for KeptWith<Q, P> {
    type Client = KeptClient<Q, P>;
    type Server = KeptServer<Q, P>;

    fn open(capacity: usize, window: usize) -> (Self::Client, Self::Server) {
        let (mut questions, asked) = Q::open(capacity, 1);
        let (mut answers, answered) = Q::open(window, 1);
        let client =
            KeptClient { questions: questions.remove(0), answers: answered, policy: PhantomData };
        let server =
            KeptServer { questions: asked, answers: answers.remove(0), policy: PhantomData };
        (client, server)
    }
}

/// The ends that the client has.
pub struct KeptClient<Q: Queue<u64>, P> {
    questions: Q::Producer,
    answers: Q::Consumer,
    policy: PhantomData<P>,
}

impl<Q: Queue<u64>, P: Policy<u64, Q>> Client for KeptClient<Q, P> {
    #[inline(always)]
    fn ask(&mut self, by: u64) -> Result<(), Gone> {
        P::push(&mut self.questions, by)
    }

    #[inline(always)]
    fn answer(&mut self) -> Result<u64, Gone> {
        let mut answer = 0;
        P::take(&mut self.answers, |sum| answer = sum)?;
        Ok(answer)
    }
}

/// The ends that the server has.
pub struct KeptServer<Q: Queue<u64>, P> {
    questions: Q::Consumer,
    answers: Q::Producer,
    policy: PhantomData<fn() -> P>,
}

impl<Q: Queue<u64>, P: Policy<u64, Q>> Server for KeptServer<Q, P> {
    #[inline(always)]
    fn serve(&mut self, mut serve: impl FnMut(u64) -> u64) -> Result<(), Gone> {
        let (mut end, answers) = (Ok(()), &mut self.answers);
        P::take(&mut self.questions, |by| {
            if P::push(answers, serve(by)).is_err() {
                end = Err(Gone);
            }
        })?;
        end
    }
}

/// Questions through a queue, each with a one-shot channel for its answer.
pub struct OneShot<Q>(PhantomData<Q>);

impl<Q> ByPolicy for OneShot<Q> {
    type With<P> = OneShotWith<Q, P>;
}

/// [`OneShot`] by a policy.
pub struct OneShotWith<Q, P>(PhantomData<(Q, P)>);

/// A number, and where the sum is to go.
pub struct Question {
    by: u64,
    reply: oneshot::Sender<u64>,
}

impl<Q: Queue<Question>, P: Policy<Question, Q> + AwaitOne> Asking for OneShotWith<Q, P> {
    type Client = OneShotClient<Q, P>;
    type Server = OneShotServer<Q, P>;

    fn open(capacity: usize, window: usize) -> (Self::Client, Self::Server) {
        let (mut questions, asked) = Q::open(capacity, 1);
        let answers = VecDeque::with_capacity(window);
        let client = OneShotClient { questions: questions.remove(0), answers, policy: PhantomData };
        (client, OneShotServer { questions: asked, policy: PhantomData })
    }
}

/// The end that the client has, and the answers that are due.
pub struct OneShotClient<Q: Queue<Question>, P> {
    questions: Q::Producer,
    answers: VecDeque<oneshot::Receiver<u64>>,
    policy: PhantomData<P>,
}

impl<Q: Queue<Question>, P: Policy<Question, Q> + AwaitOne> Client for OneShotClient<Q, P> {
    #[inline(always)]
    fn ask(&mut self, by: u64) -> Result<(), Gone> {
        let (reply, answer) = oneshot::channel();
        self.answers.push_back(answer);
        P::push(&mut self.questions, Question { by, reply })
    }

    #[inline(always)]
    fn answer(&mut self) -> Result<u64, Gone> {
        P::await_one(self.answers.pop_front().ok_or(Gone)?)
    }
}

/// The end that the server has.
pub struct OneShotServer<Q: Queue<Question>, P> {
    questions: Q::Consumer,
    policy: PhantomData<fn() -> P>,
}

impl<Q: Queue<Question>, P: Policy<Question, Q>> Server for OneShotServer<Q, P> {
    #[inline(always)]
    fn serve(&mut self, mut serve: impl FnMut(u64) -> u64) -> Result<(), Gone> {
        let mut end = Ok(());
        P::take(&mut self.questions, |Question { by, reply }| {
            if reply.send(serve(by)).is_err() {
                end = Err(Gone);
            }
        })?;
        end
    }
}

/// How one answer is waited for.
pub trait AwaitOne {
    /// Returns with it.
    fn await_one(answer: oneshot::Receiver<u64>) -> Result<u64, Gone>;
}

impl<P: Pause> AwaitOne for Try<P> {
    #[inline(always)]
    fn await_one(answer: oneshot::Receiver<u64>) -> Result<u64, Gone> {
        loop {
            match answer.try_recv() {
                Ok(sum) => return Ok(sum),
                Err(oneshot::TryRecvError::Empty) => P::pause(),
                Err(oneshot::TryRecvError::Disconnected) => return Err(Gone),
            }
        }
    }
}

impl AwaitOne for Block {
    #[inline(always)]
    fn await_one(answer: oneshot::Receiver<u64>) -> Result<u64, Gone> {
        answer.recv().map_err(|_| Gone)
    }
}
