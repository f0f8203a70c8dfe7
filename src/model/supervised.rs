//! Supervised objects without servants, and the ends of objects.

use crate::object::control::ObjectControl;
use crate::object::exit::Exit;
use crate::object::exit::ExitNotifier;
use crate::object::exit::ExitReason;
use crate::object::failure::supervisor::Membership;
use crate::object::failure::supervisor::Supervisor;
use crate::runner::park::Parker;
use crate::runner::task::RestartOrder;
use crate::sync::Arc;
use std::any::TypeId;
use std::sync::Mutex;
use std::time::Instant;

/// A supervisor's member without an object: its servant fails, and obeys, when the model says so.
pub struct Supervised {
    member: Membership,
    orders: std::sync::Arc<Orders>,
}

/// What others have told a member. A plain list: an object's are commands of its runner's.
#[derive(Default)]
struct Orders(Mutex<Vec<RestartOrder>>);

impl ObjectControl for Orders {
    fn stop(&self) {
        unreachable!("there are restarts enough");
    }

    fn abort(&self) {}

    fn exhaust(&self) -> usize {
        0
    }

    fn restart(&self, order: RestartOrder) {
        self.0.lock().expect("nothing panics under it").push(order);
    }

    fn name(&self) -> Option<&str> {
        None
    }

    fn is_served_by(&self, _: TypeId) -> bool {
        false
    }

    fn types(&self) -> (&'static str, &'static str) {
        ("model", "model")
    }
}

impl Supervised {
    /// Joins the supervisor's members.
    pub fn by(supervisor: &Supervisor) -> Self {
        let orders = std::sync::Arc::<Orders>::default();
        Self { member: supervisor.join(orders.clone()), orders }
    }

    /// Its servant fails; whether it gets another.
    pub fn fail(&mut self) -> bool {
        self.member.failed(Instant::now()).is_some()
    }

    /// Obeys the orders that have come; returns how many servants it got.
    pub fn apply_orders(&mut self) -> usize {
        let orders = std::mem::take(&mut *self.orders.0.lock().expect("as above"));
        orders.into_iter().filter(|order| self.member.apply(*order)).count()
    }
}

/// An object's end, and who is told of it.
pub struct Ending(ExitNotifier);

impl Ending {
    /// The end of an object that lives.
    pub fn new() -> Self {
        Self(ExitNotifier::unwatched())
    }

    /// Runs `monitor` once it has come.
    pub fn watch(&self, monitor: impl FnOnce() + Send + 'static) {
        self.0.watch(Box::new(|_| monitor()));
    }

    /// It comes.
    pub fn notify(&self) {
        self.0.notify(Exit { object: "model".into(), reason: ExitReason::Stopped });
    }

    /// Whether it has come.
    pub fn has_come(&self) -> bool {
        self.0.end().is_some()
    }

    /// Sleeps until it has come.
    pub fn wait(&self) {
        // Not the thread's own: all threads of a model share one.
        let exit = self.0.wait_until(None, &Arc::new(Parker::default()));
        assert!(exit.is_some(), "there was no limit");
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self::new()
    }
}
