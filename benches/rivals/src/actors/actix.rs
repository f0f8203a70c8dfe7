//! Actix, on arbiters: threads with a runtime each, where an actor stays where it was started.

use super::framework::{Framework, Role, Setting, Topology, World, refused};
use super::runtime::{block_on, no_runtime, pin};
use super::watch::within;
use actix::dev::Request;
use actix::fut::WrapFuture;
use actix::prelude::SendError;
use actix::{
    Actor, Addr, Arbiter, ArbiterHandle, AsyncContext, Context, Handler, MailboxError, Message,
    System, SystemRunner,
};
use futures::TryFutureExt;
use futures::future::MapErr;
use mainspring_perf::error::Error;
use mainspring_perf::lab::time::ANSWER_LIMIT;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

/// `actix`.
pub struct Actix;

/// A mailbox has room for more than the drivers ever let be on its way: a task that waits for room
/// is not always woken, so nobody may have to.
const ROOM: usize = 1 << 20;

impl Framework for Actix {
    type World = Arbiters;
    type Place = ArbiterHandle;
    type Ref<R: Role> = Addr<Host<R>>;
    type Adder = Addr<Adder>;
    type Answer = MapErr<Request<Adder, Add>, fn(MailboxError) -> Error>;

    const WAITS_FOR_ROOM: bool = false;

    fn place(world: &Arbiters, half: usize) -> ArbiterHandle {
        world.arbiter(half)
    }

    async fn spawn<R: Role>(arbiter: &ArbiterHandle, role: R) -> Result<Addr<Host<R>>, Error> {
        start(arbiter, Host(role)).await
    }

    #[inline]
    fn try_tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        to.try_send(Tell::<R>(message)).map_err(|error| match error {
            SendError::Full(_) => refused(),
            SendError::Closed(_) => Error::Stopped,
        })
    }

    #[inline]
    async fn tell<R: Role>(to: &Self::Ref<R>, message: R::Message) -> Result<(), Error> {
        Self::try_tell::<R>(to, message)
    }

    async fn spawn_adder(arbiter: &ArbiterHandle) -> Result<Addr<Adder>, Error> {
        start(arbiter, Adder { sum: 0 }).await
    }

    #[inline]
    async fn ask(adder: &Addr<Adder>, by: u64) -> Result<u64, Error> {
        adder.send(Add { by }).await.map_err(gone)
    }

    #[inline]
    async fn start_to_ask(adder: &Addr<Adder>, by: u64) -> Result<Self::Answer, Error> {
        Ok(adder.send(Add { by }).map_err(gone))
    }
}

fn gone(_: MailboxError) -> Error {
    Error::Stopped
}

/// Starts an actor on an arbiter, and waits until its mailbox has its size.
async fn start<A>(arbiter: &ArbiterHandle, actor: A) -> Result<Addr<A>, Error>
where
    A: Actor<Context = Context<A>> + Send,
{
    let (reply, ready) = oneshot::channel();
    let address = A::start_in_arbiter(arbiter, move |context| {
        context.set_mailbox_capacity(ROOM);
        // Whoever asked may have given up.
        let _ = reply.send(());
        actor
    });
    ready.await.map_err(|_| Error::Stopped)?;
    Ok(address)
}

/// The caller's thread, and perhaps another.
pub struct Arbiters {
    system: SystemRunner,
    other: Option<Arbiter>,
    topology: Topology,
    limit: Duration,
}

impl Arbiters {
    fn arbiter(&self, half: usize) -> ArbiterHandle {
        match &self.other {
            Some(other) if half == 1 || self.topology == Topology::PlainClient => other.handle(),
            _ => System::current().arbiter().clone(),
        }
    }
}

impl World for Arbiters {
    fn open(setting: &Setting<'_>) -> Result<Self, Error> {
        let runtime = runtime().map_err(no_runtime)?;
        let system = System::with_tokio_rt(|| runtime);
        let cpu = setting.cpu(1);
        let open = move || pin(cpu).and_then(|()| self::runtime());
        let other = match setting.topology {
            Topology::OneThread => None,
            _ => Some(Arbiter::try_with_tokio_rt(open).map_err(no_runtime)?),
        };
        let limit = setting.length + ANSWER_LIMIT;
        Ok(Self { system, other, topology: setting.topology, limit })
    }

    fn run<T: Send + 'static>(
        &self,
        client: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let client = within(self.limit, client);
        match self.topology {
            Topology::PlainClient => block_on(client),
            _ => {
                // As a task: one that is blocked on is slower.
                let client = async { spawn_local(client).await.map_err(|_| Error::Stopped)? };
                self.system.block_on(client)
            }
        }
    }

    fn start(&self, half: usize, task: impl Future<Output = ()> + Send + 'static) {
        // In vain only if the arbiter is gone, and then nobody answers.
        self.arbiter(half).spawn(task);
    }
}

impl Drop for Arbiters {
    fn drop(&mut self) {
        if let Some(other) = self.other.take() {
            other.stop();
            // What panicked there, somebody was told by the end of a channel.
            let _ = other.join();
        }
    }
}

/// What an arbiter runs on: without drivers, as nobody needs them.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().build()
}

/// An actor that plays a role.
pub struct Host<R>(R);

/// What it is told.
pub struct Tell<R: Role>(R::Message);

impl<R: Role> Actor for Host<R> {
    type Context = Context<Self>;
}

impl<R: Role> Message for Tell<R> {
    type Result = ();
}

impl<R: Role> Handler<Tell<R>> for Host<R> {
    type Result = ();

    #[inline]
    fn handle(&mut self, Tell(message): Tell<R>, context: &mut Context<Self>) {
        if let Some(labour) = self.0.serve(message) {
            context.wait(labour.into_actor(self));
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
    type Context = Context<Self>;
}

impl Message for Add {
    type Result = u64;
}

impl Handler<Add> for Adder {
    type Result = u64;

    #[inline]
    fn handle(&mut self, Add { by }: Add, _: &mut Context<Self>) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}
