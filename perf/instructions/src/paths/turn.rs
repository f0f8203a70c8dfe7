//! The runner's turns.

use super::send::use_cells;
use super::stage::{Adder, AdderProxy, Meter, MeterProxy, Stage, elsewhere};
use super::{ALL_REPETITIONS, leave};
use mainspring::active;
use mainspring::mailbox::Mpsc;
use std::hint::black_box;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::thread;

const ROOM: &str = "there is room";
const OPEN: &str = "the pipe is open at both ends";

/// Turns that find nothing.
pub fn idle<const OBJECTS: usize>(count: usize) -> ! {
    let mut stage = Stage::new();
    let objects: Vec<_> = (0..OBJECTS).map(|_| stage.object::<Meter, Mpsc, false>()).collect();
    assert_eq!(stage.hot(), OBJECTS);
    for _ in 0..count {
        assert_eq!(stage.turn(), 0);
    }
    assert_eq!(stage.hot(), objects.len());
    leave()
}

/// Turns that find one request each; another thread sends it, and the two take turns.
pub fn one_each(count: usize) -> ! {
    let mut stage = Stage::new();
    with_sender(&mut stage, count, |stage| assert_eq!(stage.turn(), 1))
}

/// The same without the turns.
pub fn no_turn(count: usize) -> ! {
    with_sender(&mut Stage::new(), count, |_| {})
}

/// They take turns by pipes: a read and a write take the same instructions whoever comes first.
fn with_sender(stage: &mut Stage, count: usize, turn: impl Fn(&mut Stage)) -> ! {
    let meter: MeterProxy = stage.object::<Meter, Mpsc, false>();
    let ((asked, mut ask), (mut sent, send)) = (pipe().expect(OPEN), pipe().expect(OPEN));
    thread::spawn(move || send_when_asked(&meter, asked, send));
    let mut byte = [0];
    for _ in 0..count {
        ask.write_all(&byte).expect(OPEN);
        sent.read_exact(&mut byte).expect(OPEN);
        turn(stage);
    }
    leave()
}

fn send_when_asked(meter: &MeterProxy, mut asked: PipeReader, mut send: PipeWriter) {
    let mut byte = [0];
    while asked.read_exact(&mut byte).is_ok() {
        meter.add(black_box(1)).expect(ROOM);
        send.write_all(&byte).expect(OPEN);
    }
}

/// Turns that find more than they may serve.
pub fn full(count: usize) -> ! {
    let mut stage = Stage::new();
    let meter: MeterProxy = stage.object::<Meter, Mpsc, false>();
    elsewhere(|| (0..ALL_REPETITIONS as u64).for_each(|number| meter.add(number).expect(ROOM)));
    stage.serve(count);
    leave()
}

/// The same with calls.
pub fn full_of_calls(count: usize) -> ! {
    let mut stage = Stage::new();
    let adder: AdderProxy = stage.object::<Adder, Mpsc, false>();
    let calls: Vec<_> = elsewhere(|| (0..ALL_REPETITIONS).map(|_| adder.add(1)).collect());
    stage.serve(count);
    assert!(calls[count - 1].is_ready());
    leave()
}

/// A one-way request from the runner's own thread.
pub fn local_tell(count: usize) -> ! {
    let mut stage = Stage::new();
    let meter: MeterProxy = stage.object::<Meter, Mpsc, false>();
    for number in 0..count as u64 {
        meter.add(black_box(number)).expect(ROOM);
        assert_eq!(stage.turn(), 1);
    }
    leave()
}

/// A call from the runner's own thread.
pub fn local_call(count: usize) -> ! {
    let mut stage = Stage::new();
    let adder: AdderProxy = stage.object::<Adder, Mpsc, false>();
    let adder = use_cells(&mut stage, adder);
    for number in 1..=count as u64 {
        let mut call = adder.add(black_box(1));
        assert_eq!(stage.turn(), 1);
        assert_eq!(call.try_get(), Some(Ok(number)));
    }
    leave()
}

/// A number that two objects hand to each other.
pub fn hop(count: usize) -> ! {
    let mut stage = Stage::new();
    let [one, other] = [(); 2].map(|()| stage.object::<Hopper, Mpsc, false>());
    one.meet(other.clone()).expect(ROOM);
    other.meet(one.clone()).expect(ROOM);
    stage.serve(2);
    one.hop(count as u64).expect(ROOM);
    // The last one finds that there is no way to go.
    stage.serve(count + 1);
    leave()
}

/// Hands a number on.
#[derive(Default)]
struct Hopper {
    next: Option<HopperProxy>,
}

#[active]
impl Hopper {
    /// Learns who is next.
    #[active(oneway)]
    pub fn meet(&mut self, next: HopperProxy) {
        self.next = Some(next);
    }

    /// Takes a number, and hands on one less.
    #[active(oneway)]
    pub fn hop(&mut self, left: u64) {
        if let (Some(next), Some(left)) = (&self.next, left.checked_sub(1)) {
            next.hop(left).expect(ROOM);
        }
    }
}
