//! A publisher's copy of the subscribers, and those who come and go meanwhile.

use loom::thread;
use mainspring::model::subscribe;
use mainspring::{Publisher, Subscription, Topic};
use mainspring_loom_tests::{Mark, check};
use std::sync::{Arc, Mutex};

/// Who heard what. A plain list: the checker needs no part in it.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<(char, u64)>>>);

impl Heard {
    fn listen(&self, topic: &Topic<u64>, who: char) -> Subscription {
        let heard = self.0.clone();
        subscribe(topic, move |number| heard.lock().unwrap().push((who, *number)))
    }

    /// What that one has heard.
    fn by(&self, who: char) -> Vec<u64> {
        let heard = self.0.lock().unwrap();
        heard.iter().filter(|(by, _)| *by == who).map(|(_, number)| *number).collect()
    }
}

/// A thread that publishes 1, and comes back with its publisher.
fn publish_one(mut publisher: Publisher<u64>) -> thread::JoinHandle<Publisher<u64>> {
    thread::spawn(move || {
        publisher.publish(&1);
        publisher
    })
}

/// Asks whether anything reaches a subscriber that has left before: a publication beside the leaving
/// may, the next may not, though the first has copied the list meanwhile.
///
/// The other subscriber stays, and hears both. One publisher is enough: each has a list of its own.
#[test]
fn publish_races_unsubscribe() {
    let marks = ["delivered", "not delivered"].map(Mark::new);
    let inside = marks.clone();
    check("topic_unsubscribe", 10, &marks.each_ref(), move || {
        let (topic, heard) = (Topic::new(), Heard::default());
        let publisher = topic.publisher();
        let leaving = heard.listen(&topic, 'a');
        let _staying = heard.listen(&topic, 'b');
        let publishing = publish_one(publisher);
        leaving.unsubscribe();
        let mut publisher = publishing.join().unwrap();
        assert_eq!(publisher.publish(&2).delivered, 1);
        let by_a = heard.by('a');
        assert!(by_a.is_empty() || by_a == [1], "{by_a:?}");
        assert_eq!(heard.by('b'), [1, 2]);
        inside[usize::from(by_a.is_empty())].hit();
    });
}

/// Asks whether a subscriber misses a publication that begins after it has come: one beside its
/// coming it may, the next it may not.
#[test]
fn publish_races_subscribe() {
    let marks = ["delivered", "not delivered"].map(Mark::new);
    let inside = marks.clone();
    check("topic_subscribe", 10, &marks.each_ref(), move || {
        let (topic, heard) = (Topic::new(), Heard::default());
        let publisher = topic.publisher();
        let _first = heard.listen(&topic, 'a');
        let publishing = publish_one(publisher);
        let _second = heard.listen(&topic, 'b');
        let mut publisher = publishing.join().unwrap();
        assert_eq!(publisher.publish(&2).delivered, 2);
        let by_b = heard.by('b');
        assert!(by_b == [1, 2] || by_b == [2], "{by_b:?}");
        assert_eq!(heard.by('a'), [1, 2]);
        inside[usize::from(by_b.len() == 1)].hit();
    });
}

/// Asks whether two changes at once are both seen, and what one publisher knows of them is of one
/// version.
#[test]
fn publish_races_two_changes() {
    let marks = ["neither", "one", "both"].map(Mark::new);
    let inside = marks.clone();
    check("topic_two_changes", 20, &marks.each_ref(), move || {
        let (topic, heard) = (Topic::new(), Heard::default());
        let publisher = topic.publisher();
        let leaving = heard.listen(&topic, 'a');
        let publishing = publish_one(publisher);
        let coming = thread::spawn({
            let (topic, heard) = (topic.clone(), heard.clone());
            move || heard.listen(&topic, 'b')
        });
        leaving.unsubscribe();
        let _came = coming.join().unwrap();
        let mut publisher = publishing.join().unwrap();
        let met = usize::from(heard.by('a').is_empty()) + heard.by('b').len();
        inside[met].hit();
        publisher.publish(&2);
        assert!(!heard.by('a').contains(&2));
        assert_eq!(heard.by('b').last(), Some(&2));
    });
}
