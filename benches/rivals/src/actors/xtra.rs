//! Xtra, with mailboxes that are bounded. They are heaps: messages don't come in the order sent.

use super::framework::{CAPACITY, Framework, Role, refused};
use super::runtime::Tokio;
use futures::FutureExt;
use mainspring_perf::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use xtra::{Actor, Address, Context, Handler, Mailbox, Receiver};

/// `xtra`.
pub struct Xtra;

impl Framework for Xtra {
    type World = Tokio;
    type Place = ();
    type Ref<R: Role> = Address<Host<R>>;
    type Adder = Address<Adder>;
    type Answer = Answer;

    const WAITS_FOR_ROOM: bool = true;

    fn place(_: &Tokio, _: usize) {}

    async fn spawn<R: Role>(_: &(), role: R) -> Result<Self::Ref<R>, Error> {
        Ok(xtra::spawn_tokio(Host(role), Mailbox::bounded(CAPACITY)))
    }

    #[inline]
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        match to.send(Tell::<R>(message)).detach().now_or_never() {
            Some(sent) => sent.map(drop).map_err(failure),
            None => Err(refused()),
        }
    }

    #[inline]
    async fn tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        to.send(Tell::<R>(message)).detach().await.map(drop).map_err(failure)
    }

    async fn spawn_adder(_: &()) -> Result<Self::Adder, Error> {
        Ok(xtra::spawn_tokio(Adder { sum: 0 }, Mailbox::bounded(CAPACITY)))
    }

    #[inline]
    async fn ask(adder: &Self::Adder, by: u64) -> Result<u64, Error> {
        adder.send(Add { by }).await.map_err(failure)
    }

    #[inline]
    async fn start_to_ask(adder: &Self::Adder, by: u64) -> Result<Answer, Error> {
        adder.send(Add { by }).detach().await.map(Answer).map_err(failure)
    }
}

fn failure(_: xtra::Error) -> Error {
    Error::Stopped
}

/// An actor that plays a role.
pub struct Host<R>(R);

/// What it is told.
pub struct Tell<R: Role>(R::Message);

impl<R: Role> Actor for Host<R> {
    type Stop = ();

    async fn stopped(self) {}
}

impl<R: Role> Handler<Tell<R>> for Host<R> {
    type Return = ();

    #[inline]
    async fn handle(&mut self, Tell(message): Tell<R>, _: &mut Context<Self>) {
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
    type Stop = ();

    async fn stopped(self) {}
}

impl Handler<Add> for Adder {
    type Return = u64;

    #[inline]
    async fn handle(&mut self, Add { by }: Add, _: &mut Context<Self>) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}

/// An answer to come.
pub struct Answer(Receiver<u64>);

impl Future for Answer {
    type Output = Result<u64, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(failure)
    }
}
