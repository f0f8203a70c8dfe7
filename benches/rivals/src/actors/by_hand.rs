//! An actor as one writes it by hand: a task, a channel of Tokio's, and a one-shot for each answer.

use super::framework::{CAPACITY, Framework, Labour, Role, refused};
use super::runtime::Tokio;
use mainspring_perf::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// How many messages an actor takes at once that takes many.
const MANY_MAX: usize = 64;

/// `tokio`, without a framework. An actor takes messages one by one, or as many as are there.
pub struct ByHand<const MANY: bool>;

/// A question: what to add, and where the sum goes.
pub struct Add {
    by: u64,
    reply: oneshot::Sender<u64>,
}

impl<const MANY: bool> Framework for ByHand<MANY> {
    type World = Tokio;
    type Place = ();
    type Ref<R: Role> = mpsc::Sender<R::Message>;
    type Adder = mpsc::Sender<Add>;
    type Answer = Answer;

    const WAITS_FOR_ROOM: bool = true;

    fn place(_: &Tokio, _: usize) {}

    async fn spawn<R: Role>(_: &(), role: R) -> Result<Self::Ref<R>, Error> {
        let (sender, inbox) = mpsc::channel(CAPACITY);
        if MANY {
            tokio::spawn(live_on_many(role, inbox));
        } else {
            tokio::spawn(live(role, inbox));
        }
        Ok(sender)
    }

    #[inline]
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        to.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => refused(),
            TrySendError::Closed(_) => Error::Stopped,
        })
    }

    #[inline]
    async fn tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        // The short way first: it needs no place in the queue of those that wait.
        match to.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(back)) => to.send(back).await.or(Err(Error::Stopped)),
            Err(TrySendError::Closed(_)) => Err(Error::Stopped),
        }
    }

    async fn spawn_adder(place: &()) -> Result<Self::Adder, Error> {
        Self::spawn(place, Adder { sum: 0 }).await
    }

    #[inline]
    async fn ask(adder: &Self::Adder, by: u64) -> Result<u64, Error> {
        Self::start_to_ask(adder, by).await?.await
    }

    #[inline]
    async fn start_to_ask(adder: &Self::Adder, by: u64) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        match adder.try_send(Add { by, reply }) {
            Ok(()) => Ok(Answer(answer)),
            Err(TrySendError::Full(_)) => Err(refused()),
            Err(TrySendError::Closed(_)) => Err(Error::Stopped),
        }
    }
}

/// The task that is the actor.
async fn live<R: Role>(mut role: R, mut inbox: mpsc::Receiver<R::Message>) {
    while let Some(message) = inbox.recv().await {
        if let Some(labour) = role.serve(message) {
            labour.await;
        }
    }
}

/// The same, with fewer looks into the channel.
async fn live_on_many<R: Role>(mut role: R, mut inbox: mpsc::Receiver<R::Message>) {
    let mut messages = Vec::with_capacity(MANY_MAX);
    while inbox.recv_many(&mut messages, MANY_MAX).await > 0 {
        for message in messages.drain(..) {
            if let Some(labour) = role.serve(message) {
                labour.await;
            }
        }
    }
}

/// The actor that adds up.
struct Adder {
    sum: u64,
}

impl Role for Adder {
    type Message = Add;

    #[inline(always)]
    fn serve(&mut self, Add { by, reply }: Add) -> Option<Labour> {
        self.sum = self.sum.wrapping_add(by);
        // Whoever asked may have given up.
        let _ = reply.send(self.sum);
        None
    }
}

/// An answer to come.
pub struct Answer(oneshot::Receiver<u64>);

impl From<oneshot::Receiver<u64>> for Answer {
    fn from(receiver: oneshot::Receiver<u64>) -> Self {
        Self(receiver)
    }
}

impl Future for Answer {
    type Output = Result<u64, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| Error::Stopped)
    }
}
