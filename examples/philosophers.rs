//! Philosophers at a round table: each of them, and each fork between two, is an active object. Who
//! takes a fork waits for it by a guard, and no thread waits meanwhile.
//!
//! Run with `cargo run --release --example philosophers`.

use mainspring::prelude::*;
use mainspring::{Later, Reply, StartError, join_all};

const SEATS: usize = 5;
const MEALS: u32 = 2_000;

#[derive(Default)]
struct Fork {
    held_by: Option<usize>,
}

#[active]
impl Fork {
    /// Ends when the fork was free: from then on it is this seat's.
    #[active(guard = is_free)]
    pub fn take(&mut self, seat: usize) {
        self.held_by = Some(seat);
    }

    /// Lays it back.
    #[active(oneway)]
    pub fn lay(&mut self, seat: usize) {
        assert_eq!(self.held_by.take(), Some(seat), "nobody lays down what another holds");
    }

    fn is_free(&self, _: &usize) -> bool {
        self.held_by.is_none()
    }
}

/// Takes the fork with the lower number first, as everybody does: so there is no circle in which each
/// holds one and waits for the next.
struct Philosopher {
    seat: usize,
    forks: [ForkProxy; 2],
    eaten: u32,
}

#[active]
impl Philosopher {
    /// Ends with the number of meals, when they are eaten.
    pub fn dine(&mut self, cx: &mut Context<Self>) -> Later<u32> {
        let (later, full) = cx.later();
        self.take_first(cx, full);
        later
    }
}

impl Philosopher {
    fn take_first(&mut self, cx: &mut Context<Self>, full: Reply<u32>) {
        let taken = self.forks[0].take(self.seat);
        cx.then(taken, move |me, cx, taken| match taken {
            Ok(()) => me.take_second(cx, full),
            // `full` is dropped, which the caller learns.
            Err(error) => eprintln!("seat {} goes hungry: {error}", me.seat),
        });
    }

    fn take_second(&mut self, cx: &mut Context<Self>, full: Reply<u32>) {
        let taken = self.forks[1].take(self.seat);
        cx.then(taken, move |me, cx, taken| match taken {
            Ok(()) => me.eat(cx, full),
            Err(error) => eprintln!("seat {} goes hungry: {error}", me.seat),
        });
    }

    fn eat(&mut self, cx: &mut Context<Self>, full: Reply<u32>) {
        self.eaten += 1;
        for fork in &self.forks {
            if let Err(error) = fork.lay(self.seat) {
                eprintln!("seat {} keeps a fork: {error}", self.seat);
            }
        }
        if self.eaten < MEALS { self.take_first(cx, full) } else { full.send(self.eaten) }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runners = ["one", "two"].map(Runner::named);
    let engine = runners.into_iter().fold(Engine::builder(), |b, r| b.runner(r)).start()?;
    let forks = (0..SEATS)
        .map(|number| engine.spawn(format!("fork {number}"), Fork::default).start())
        .collect::<Result<Vec<_>, StartError>>()?;
    let philosophers = (0..SEATS)
        .map(|seat| {
            let mut at_hand = [seat, (seat + 1) % SEATS];
            at_hand.sort_unstable();
            let forks = at_hand.map(|fork| forks[fork].clone());
            let sit = move || Philosopher { seat, forks, eaten: 0 };
            engine.spawn(format!("philosopher {seat}"), sit).start()
        })
        .collect::<Result<Vec<_>, StartError>>()?;
    let dinners = join_all(philosophers.iter().map(|philosopher| philosopher.dine()));
    let eaten = dinners.get().into_iter().collect::<Result<Vec<_>, CallError>>()?;
    println!("{SEATS} philosophers ate {} meals, {MEALS} each", eaten.iter().sum::<u32>());
    Ok(())
}
