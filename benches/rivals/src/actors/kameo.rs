//! Kameo, without its tracing, and with mailboxes that are bounded.

use super::framework::{CAPACITY, Framework, Role, refused};
use super::runtime::Tokio;
use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::{Infallible, SendError};
use kameo::mailbox;
use kameo::message::{Context, Message};
use kameo::request::PendingReply;
use mainspring_perf::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// `kameo`.
pub struct Kameo;

impl Framework for Kameo {
    type World = Tokio;
    type Place = ();
    type Ref<R: Role> = ActorRef<Host<R>>;
    type Adder = ActorRef<Adder>;
    type Answer = Answer;

    const WAITS_FOR_ROOM: bool = true;

    fn place(_: &Tokio, _: usize) {}

    async fn spawn<R: Role>(_: &(), role: R) -> Result<Self::Ref<R>, Error> {
        let host = Host::spawn_with_mailbox(Host(role), mailbox::bounded(CAPACITY));
        host.wait_for_startup().await;
        Ok(host)
    }

    #[inline]
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        to.tell(Tell(message)).try_send().map_err(failure)
    }

    #[inline]
    async fn tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        // The short way first: it needs no place in the queue of those that wait.
        match to.tell(Tell(message)).try_send() {
            Err(SendError::MailboxFull(back)) => to.tell(back).send().await.map_err(failure),
            done => done.map_err(failure),
        }
    }

    async fn spawn_adder(_: &()) -> Result<Self::Adder, Error> {
        let adder = Adder::spawn_with_mailbox(Adder { sum: 0 }, mailbox::bounded(CAPACITY));
        adder.wait_for_startup().await;
        Ok(adder)
    }

    #[inline]
    async fn ask(adder: &Self::Adder, by: u64) -> Result<u64, Error> {
        // Not `.await` alone: that would put the request into a box.
        adder.ask(Add { by }).send().await.map_err(failure)
    }

    #[inline]
    async fn start_to_ask(adder: &Self::Adder, by: u64) -> Result<Answer, Error> {
        adder.ask(Add { by }).try_enqueue().map(Answer).map_err(failure)
    }
}

fn failure<M, E>(error: SendError<M, E>) -> Error {
    match error {
        SendError::MailboxFull(_) => refused(),
        _ => Error::Stopped,
    }
}

/// An actor that plays a role.
pub struct Host<R>(R);

/// What it is told.
pub struct Tell<R: Role>(R::Message);

impl<R: Role> Actor for Host<R> {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(host: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(host)
    }
}

impl<R: Role> Message<Tell<R>> for Host<R> {
    type Reply = ();

    #[inline]
    async fn handle(&mut self, Tell(message): Tell<R>, _: &mut Context<Self, ()>) {
        if let Some(labour) = self.0.serve(message) {
            labour.await;
        }
    }
}

/// The actor that adds up.
pub struct Adder {
    sum: u64,
}

/// What it is asked to add.
pub struct Add {
    by: u64,
}

impl Actor for Adder {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(adder: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(adder)
    }
}

impl Message<Add> for Adder {
    type Reply = u64;

    #[inline]
    async fn handle(&mut self, Add { by }: Add, _: &mut Context<Self, u64>) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}

/// An answer to come.
pub struct Answer(PendingReply<Add, u64>);

impl Future for Answer {
    type Output = Result<u64, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(failure)
    }
}
