//! Requests that wait for their guard, between callers and whoever ends the object.

use loom::thread;
use mainspring::mailbox::Mpsc;
use mainspring::{CallError, Proxy, active, model};
use mainspring_loom_tests::{Mark, check};

/// Lets nobody pass.
struct Gate;

#[active]
impl Gate {
    #[active(guard = is_open)]
    pub fn pass(&mut self, number: Box<u64>) -> Box<u64> {
        number
    }

    #[allow(clippy::borrowed_box)] // a guard gets the argument as it is
    fn is_open(&self, _: &Box<u64>) -> bool {
        false
    }
}

/// A caller whose request is deferred, and who then ends the object, beside its runner: the call ends
/// once, stopped and not started, whatever the runner has found of the two.
fn deferring_meets(name: &str, end: fn(&GateProxy)) {
    let deferred = Mark::new("deferred");
    let inside = deferred.clone();
    check(name, 10, &[&deferred], move || {
        let (proxy, running) = model::spawn::<_, Mpsc>(Gate, 1);
        let calling = thread::spawn(move || {
            let pass = proxy.pass(Box::new(7));
            end(&proxy);
            pass
        });
        let course = running.run();
        inside.hit_if(course.requests == 1);
        let mut pass = calling.join().unwrap();
        let ended = pass.try_get().expect("the object is over, so the call has ended");
        assert_eq!(ended, Err(CallError::Stopped { started: false }));
    });
}

#[test]
fn deferring_races_stop() {
    deferring_meets("guard_stop", Proxy::stop);
}

#[test]
fn deferring_races_abort() {
    deferring_meets("guard_abort", Proxy::abort);
}
