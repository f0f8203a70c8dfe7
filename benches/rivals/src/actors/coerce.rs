//! Coerce; it has no bounded mailboxes. Its actors are anonymous: nobody looks them up.

use super::framework::{Framework, Role};
use super::runtime::Tokio;
use coerce::actor::context::ActorContext;
use coerce::actor::message::{Handler, Message};
use coerce::actor::system::ActorSystem;
use coerce::actor::{Actor, ActorRefErr, LocalActorRef};
use mainspring_perf::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;

/// `coerce`.
pub struct Coerce;

impl Framework for Coerce {
    type World = Tokio;
    type Place = ActorSystem;
    type Ref<R: Role> = LocalActorRef<Host<R>>;
    type Adder = LocalActorRef<Adder>;
    type Answer = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send>>;

    const WAITS_FOR_ROOM: bool = false;

    fn place(world: &Tokio, _: usize) -> ActorSystem {
        let _may_spawn = world.enter();
        ActorSystem::new()
    }

    async fn spawn<R: Role>(system: &ActorSystem, role: R) -> Result<Self::Ref<R>, Error> {
        system.new_anon_actor(Host(role)).await.map_err(failure)
    }

    #[inline]
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        to.notify(Tell(message)).map_err(failure)
    }

    #[inline]
    async fn tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        Self::try_tell::<R>(to, message)
    }

    async fn spawn_adder(system: &ActorSystem) -> Result<Self::Adder, Error> {
        system.new_anon_actor(Adder { sum: 0 }).await.map_err(failure)
    }

    #[inline]
    async fn ask(adder: &Self::Adder, by: u64) -> Result<u64, Error> {
        adder.send(Add { by }).await.map_err(failure)
    }

    #[inline]
    async fn start_to_ask(adder: &Self::Adder, by: u64) -> Result<Self::Answer, Error> {
        let adder = adder.clone();
        let mut answer: Self::Answer = Box::pin(async move { Self::ask(&adder, by).await });
        // What it sends, it sends when it is polled for the first time.
        match poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
            Poll::Ready(answer) => Ok(Box::pin(async move { answer })),
            Poll::Pending => Ok(answer),
        }
    }
}

fn failure(error: ActorRefErr) -> Error {
    Error::System { what: "an actor".into(), error: io::Error::other(error.to_string()) }
}

/// An actor that plays a role.
pub struct Host<R>(R);

/// What it is told.
pub struct Tell<R: Role>(R::Message);

#[async_trait::async_trait]
impl<R: Role> Actor for Host<R> {}

impl<R: Role> Message for Tell<R> {
    type Result = ();
}

#[async_trait::async_trait]
impl<R: Role> Handler<Tell<R>> for Host<R> {
    async fn handle(&mut self, Tell(message): Tell<R>, _: &mut ActorContext) {
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

#[async_trait::async_trait]
impl Actor for Adder {}

impl Message for Add {
    type Result = u64;
}

#[async_trait::async_trait]
impl Handler<Add> for Adder {
    async fn handle(&mut self, Add { by }: Add, _: &mut ActorContext) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}
