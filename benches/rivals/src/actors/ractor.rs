//! Ractor, without its tracing of spans; it has no bounded mailboxes.

use super::by_hand::Answer;
use super::framework::{Framework, Role};
use super::runtime::Tokio;
use mainspring_perf::error::Error;
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr};
use std::io;
use std::marker::PhantomData;
use tokio::sync::oneshot;

/// `ractor`.
pub struct Ractor;

impl Framework for Ractor {
    type World = Tokio;
    type Place = ();
    type Ref<R: Role> = ActorRef<R::Message>;
    type Adder = ActorRef<Add>;
    type Answer = Answer;

    const WAITS_FOR_ROOM: bool = false;

    fn place(_: &Tokio, _: usize) {}

    async fn spawn<R: Role>(_: &(), role: R) -> Result<Self::Ref<R>, Error> {
        let (host, _) = Host::spawn(None, Host(PhantomData), role).await.map_err(not_started)?;
        Ok(host)
    }

    #[inline]
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        to.cast(message).map_err(|_| Error::Stopped)
    }

    #[inline]
    async fn tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        Self::try_tell::<R>(to, message)
    }

    async fn spawn_adder(_: &()) -> Result<Self::Adder, Error> {
        let (adder, _) = Adder::spawn(None, Adder, ()).await.map_err(not_started)?;
        Ok(adder)
    }

    #[inline]
    async fn ask(adder: &Self::Adder, by: u64) -> Result<u64, Error> {
        match adder.call(|reply| Add { by, reply }, None).await {
            Ok(CallResult::Success(sum)) => Ok(sum),
            _ => Err(Error::Stopped),
        }
    }

    #[inline]
    async fn start_to_ask(adder: &Self::Adder, by: u64) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        adder.cast(Add { by, reply: reply.into() }).map_err(|_| Error::Stopped)?;
        Ok(answer.into())
    }
}

fn not_started(error: SpawnErr) -> Error {
    Error::System { what: "an actor".into(), error: io::Error::other(error.to_string()) }
}

/// An actor that plays a role, which is its state.
struct Host<R>(PhantomData<R>);

impl<R: Role> Actor for Host<R> {
    type Msg = R::Message;
    type State = R;
    type Arguments = R;

    async fn pre_start(&self, _: ActorRef<R::Message>, role: R) -> Result<R, ActorProcessingErr> {
        Ok(role)
    }

    #[inline]
    async fn handle(
        &self,
        _: ActorRef<R::Message>,
        message: R::Message,
        role: &mut R,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(labour) = role.serve(message) {
            labour.await;
        }
        Ok(())
    }
}

/// The actor that adds up.
struct Adder;

/// What it is asked to add, and where the sum goes.
pub struct Add {
    by: u64,
    reply: RpcReplyPort<u64>,
}

impl Actor for Adder {
    type Msg = Add;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Add>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    #[inline]
    async fn handle(
        &self,
        _: ActorRef<Add>,
        Add { by, reply }: Add,
        sum: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        *sum = sum.wrapping_add(by);
        // Whoever asked may have given up.
        let _ = reply.send(*sum);
        Ok(())
    }
}
