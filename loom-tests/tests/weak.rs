//! Who may call an object beside those who keep it: a weak proxy that is upgraded, and a guest.

use loom::thread;
use mainspring::mailbox::{ClonedKind, Lanes, Mpsc};
use mainspring::model;
use mainspring::{Proxy, SendError, active};
use mainspring_loom_tests::{Mark, check};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A servant that counts how often its method has run.
struct Ear(Arc<AtomicUsize>);

#[active]
impl Ear {
    #[active(oneway)]
    pub fn hear(&mut self, number: Box<u64>) {
        assert_eq!(*number, 7);
        drop(number);
        self.0.fetch_add(1, Relaxed);
    }
}

/// One upgrade beside the drop of the last proxy. The runner's loop comes after both: what it does
/// meanwhile is `object`'s models to ask.
fn upgrade_meets_the_last_drop<K: ClonedKind>(name: &str) {
    let marks = ["gone", "upgraded"].map(Mark::new);
    let inside = marks.clone();
    check(name, 4, &marks.each_ref(), move || {
        let heard = Arc::new(AtomicUsize::new(0));
        let (proxy, running) = model::spawn::<_, K>(Ear(heard.clone()), 1);
        let weak = proxy.downgrade();
        let upgrading = thread::spawn(move || {
            let is_upgraded = match weak.upgrade() {
                Some(proxy) => {
                    proxy.hear(Box::new(7)).expect("it is the object's while it is there");
                    true
                }
                None => false,
            };
            (weak, is_upgraded)
        });
        drop(proxy);
        let (weak, is_upgraded) = upgrading.join().unwrap();
        assert!(weak.is_gone() && weak.upgrade().is_none(), "none comes back");
        let course = running.run();
        assert_eq!(course.requests, usize::from(is_upgraded));
        assert_eq!(heard.load(Relaxed), course.requests, "accepted is served");
        inside[usize::from(is_upgraded)].hit();
    });
}

/// Asks whether an upgrade beside the last drop gives a proxy of an object that is open, or none; and
/// whether the object ends in either case.
#[test]
fn upgrade_races_last_drop() {
    upgrade_meets_the_last_drop::<Mpsc>("mpsc_upgrade");
    upgrade_meets_the_last_drop::<Lanes>("lanes_upgrade");
}

/// One clone and its drop beside an upgrade and its drop: the count is right in the end, or the
/// object would end too early, or never.
fn upgrade_meets_a_clone<K: ClonedKind>(name: &str) {
    let upgraded = Mark::new("upgraded");
    let inside = upgraded.clone();
    check(name, 4, &[&upgraded], move || {
        let (proxy, running) = model::spawn::<_, K>(Ear(Arc::default()), 1);
        let weak = proxy.downgrade();
        let upgrading = thread::spawn({
            let weak = weak.clone();
            move || weak.upgrade().is_some()
        });
        drop(proxy.clone());
        assert!(upgrading.join().unwrap(), "the first proxy is there");
        assert!(!proxy.is_stopped() && !weak.is_gone());
        drop(proxy);
        assert!(weak.is_gone());
        assert_eq!(running.run().requests, 0);
        inside.hit();
    });
}

/// Asks whether an upgrade counts, beside others that count.
#[test]
fn upgrade_races_clone() {
    upgrade_meets_a_clone::<Mpsc>("mpsc_upgrade_clone");
    upgrade_meets_a_clone::<Lanes>("lanes_upgrade_clone");
}

/// Asks whether what a guest sends is served or refused, though nobody waits for the guest: it meets
/// the last drop, and a runner that comes to the object's end and goes.
#[test]
fn guest_races_last_drop() {
    let marks = ["refused", "served"].map(Mark::new);
    let inside = marks.clone();
    check("guest_last_drop", 10, &marks.each_ref(), move || {
        let heard = Arc::new(AtomicUsize::new(0));
        let (proxy, running) = model::spawn::<_, Mpsc>(Ear(heard.clone()), 1);
        let guest = proxy.downgrade().guest();
        let calling = thread::spawn(move || match guest.hear(Box::new(7)) {
            Ok(()) => true,
            Err(SendError::Stopped(number)) => {
                assert_eq!(*number, 7, "it comes back");
                false
            }
            Err(other) => panic!("there was room: {other}"),
        });
        drop(proxy);
        let course = running.run();
        let is_accepted = calling.join().unwrap();
        assert_eq!(course.requests, usize::from(is_accepted));
        assert_eq!(heard.load(Relaxed), course.requests);
        inside[usize::from(is_accepted)].hit();
    });
}
