//! An object on its way to its runner, without a servant yet.

use crate::engine::error::StartError;
use crate::engine::factory::Factory;
use crate::engine::registry::Registry;
use crate::event::Event;
use crate::mailbox::intrusive_arc::IntrusiveArc;
use crate::mailbox::sealed::{Consumer as _, SharedRing as _};
use crate::mailbox::{Heat, Kind, Pop};
use crate::object::active::Active;
use crate::object::control::{ObjectControl, close};
use crate::object::ends::{Consumer, Ring};
use crate::object::exit::{Exit, ExitReason};
use crate::object::failure::policy::{FailurePolicy, MakeServant, OnFailure, RestartBudget};
use crate::object::failure::restart::{Budget, Restart};
use crate::object::failure::supervisor::Supervisor;
use crate::object::object::Object;
use crate::object::registration::Registration;
use crate::panics::drop_caught;
use crate::panics::panic_message;
use crate::runner::environment;
use crate::runner::owner;
use crate::runner::remote::Remote;
use crate::runner::task::Task;
use crate::sync::Arc;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

/// What an object does about panics, before it has its factory.
pub(crate) enum OnPanic<S, F> {
    Stop,
    Resume,
    Restart { keep: fn(F) -> MakeServant<S>, by: RestartedBy },
}

pub(crate) enum RestartedBy {
    Itself(Restart),
    Supervisor(Supervisor),
}

impl<S: Active, F> OnPanic<S, F> {
    /// Makes the first servant, and what decides after its panics.
    fn first_servant<M>(
        self,
        factory: F,
        control: std::sync::Arc<dyn ObjectControl>,
    ) -> Result<Made<S>, String>
    where
        F: Factory<S, M>,
    {
        let (servant, on_failure) = match self {
            Self::Stop => return Ok((factory.make()?, None)),
            Self::Resume => (factory.make()?, OnFailure::Resume),
            Self::Restart { keep, by } => {
                let mut make = keep(factory);
                let servant = make()?;
                let by = match by {
                    RestartedBy::Itself(restart) => RestartBudget::Alone(Budget::new(restart)),
                    RestartedBy::Supervisor(group) => {
                        RestartBudget::Supervised(group.join(control))
                    }
                };
                (servant, OnFailure::Restart { make, by })
            }
        };
        Ok((servant, Some(Box::new(FailurePolicy::new(on_failure)))))
    }
}

pub(crate) type Made<S> = (S, Option<Box<FailurePolicy<S>>>);

/// An object whose servant has not been made.
pub(crate) struct Spawning<S: Active, K: Kind> {
    pub(crate) consumer: Option<(Consumer<S, K>, Registration)>,
    pub(crate) ring: IntrusiveArc<Ring<S, K>>,
    pub(crate) heat: Heat,
    pub(crate) control: std::sync::Arc<dyn ObjectControl>,
    /// Why there won't be one.
    pub(crate) failure: Option<Box<str>>,
}

impl<S: Active, K: Kind> Spawning<S, K> {
    fn build<M, F: Factory<S, M>>(
        mut self,
        factory: F,
        on_panic: OnPanic<S, F>,
    ) -> Result<Box<dyn Task>, StartError> {
        let object = self.name();
        let control = self.control.clone();
        let make = || on_panic.first_servant::<M>(factory, control);
        let made = catch_unwind(AssertUnwindSafe(make));
        let error = match made {
            Ok(Ok((servant, failure_policy))) => {
                let (ring, heat) = (self.ring.clone(), self.heat);
                let remote = ring.bell().remote().clone();
                let gone = || StartError::RunnerStopped { name: remote.name().into() };
                let (consumer, registration) = self.consumer.take().ok_or_else(gone)?;
                let object = Object::<S, K>::new(
                    servant,
                    consumer,
                    ring,
                    heat,
                    failure_policy,
                    registration,
                );
                return Ok(Box::new(object));
            }
            Ok(Err(message)) => StartError::Factory { object, message },
            Err(payload) => {
                let message = panic_message(&*payload).into();
                drop_caught(payload);
                StartError::FactoryPanicked { object, message }
            }
        };
        self.failure = Some(error.to_string().into());
        Err(error)
    }

    fn name(&self) -> String {
        self.ring.bell().name().unwrap_or(S::NAME).to_owned()
    }
}

/// How long a failed spawn leaves the CPU to a producer that is in the middle of a push.
const SUSPENDED_NAP: Duration = Duration::from_micros(50);

impl<S: Active, K: Kind> Drop for Spawning<S, K> {
    fn drop(&mut self) {
        if let Some((mut consumer, registration)) = self.consumer.take() {
            let shared = self.ring.bell();
            // Nobody will serve what came before the servant: it ends `Stopped`.
            shared.pool().mark_stopped();
            close(&*self.ring);
            let lanes = shared.priority_lanes().take().map(|ends| ends.consumers);
            let mut lanes = lanes.into_iter().flatten().collect::<Vec<_>>();
            loop {
                consumer.drain(usize::MAX, |request, _| drop_caught(request));
                let mut is_over = consumer.peek() == Pop::Closed;
                for lane in &mut lanes {
                    lane.drain(usize::MAX, |request, _| drop_caught(request));
                    is_over &= lane.peek() == Pop::Closed;
                }
                if is_over {
                    break;
                }
                // A producer was suspended between claim and stamp; what is behind it must end too.
                // Sleeps rather than yields: the producer may have the lower priority.
                std::thread::sleep(SUSPENDED_NAP);
            }
            // As at the end of an object that has lived.
            drop(registration);
            let failure = self.failure.take().unwrap_or_else(|| "its runner has stopped".into());
            let reason = ExitReason::NotStarted { failure };
            shared.exits().notify(Exit { object: self.name(), reason });
        }
    }
}

/// Has the runner make the servant and take the object in; waits for that, unless on a runner's thread.
pub(crate) fn send_to_runner<S: Active, K: Kind, M, F: Factory<S, M>>(
    remote: &Arc<Remote>,
    registry: &std::sync::Arc<Registry>,
    spawning: Spawning<S, K>,
    factory: F,
    on_panic: OnPanic<S, F>,
) -> Result<(), StartError> {
    if let Some(owner) = remote.owner_token() {
        remote.leave_newcomer(owner, spawning.build::<M, F>(factory, on_panic)?);
        return Ok(());
    }
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    // Two runners that wait for each other would wait for ever. Decided before the command is
    // sent: a failure that nobody waits for is reported.
    let is_done = (!owner::is_runner()).then_some(is_done);
    let reporter = registry.clone();
    remote.send(Box::new(move |scheduler| {
        let built = spawning.build::<M, F>(factory, on_panic).map(|task| scheduler.adopt(task));
        if built.is_err() {
            scheduler.note_failure();
        }
        if let Err(std::sync::mpsc::SendError(Err(error))) = done.send(built) {
            reporter.tell(&Event::FactoryFailed { reason: error.to_string() });
        }
    }));
    let gone = StartError::RunnerStopped { name: remote.name().into() };
    is_done.map_or(Ok(()), |is_done| receive(&is_done).unwrap_or(Err(gone)))
}

/// What the runner says; nothing if it has ended.
fn receive<T>(is_done: &Receiver<T>) -> Option<T> {
    let mut said = None;
    let is_over = || match is_done.try_recv() {
        Err(TryRecvError::Empty) => false,
        answer => {
            said = answer.ok();
            true
        }
    };
    if environment::wait(None, is_over) { said } else { is_done.recv().ok() }
}
