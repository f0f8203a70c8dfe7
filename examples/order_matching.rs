//! A small exchange: orders rest in a book until they are matched, or their time is over. Cancels
//! overtake them, statistics give way to them, and when the book closes its gateway is told.
//!
//! Run with `cargo run --release --example order_matching`.

use mainspring::prelude::*;
use mainspring::{Later, Reply, join_all};
use std::time::Duration;

/// Which way an order goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Buy,
    Sell,
}

#[derive(Clone, Copy, Debug)]
struct Order {
    id: u32,
    side: Side,
    cents: u32,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Traded at that price.
    Filled(u32),
    Cancelled,
    /// Nobody wanted it in its time.
    TimedOut,
}

struct Resting {
    order: Order,
    reply: Reply<Ended>,
}

/// The resting orders of one instrument, the best of each side last.
#[derive(Default)]
struct Book {
    buys: Vec<Resting>,
    sells: Vec<Resting>,
    volume: u64,
}

#[active]
impl Book {
    /// Trades with the best order of the other side, or rests; ends when that is decided. Its deadline
    /// is the order's: in the mailbox as in the book.
    pub fn submit(&mut self, cx: &mut Context<Self>, order: Order) -> Later<Ended> {
        let (later, reply) = cx.later();
        match self.best_for(order) {
            Some(resting) => {
                let cents = resting.order.cents;
                self.volume += u64::from(cents);
                resting.reply.send(Ended::Filled(cents));
                reply.send(Ended::Filled(cents));
            }
            None => {
                if let Some(deadline) = cx.deadline() {
                    cx.at(deadline, move |book, _| {
                        book.end(order.id, Ended::TimedOut);
                    });
                }
                self.rest(Resting { order, reply });
            }
        }
        later
    }

    /// Takes an order back; whether it was still there. Overtakes the orders that wait.
    #[active(priority = urgent)]
    pub fn cancel(&mut self, id: u32) -> bool {
        self.end(id, Ended::Cancelled)
    }

    /// How many orders rest, and what was traded. Lets the orders that wait go first.
    #[active(priority = bulk)]
    pub fn depth(&self) -> (usize, u64) {
        (self.buys.len() + self.sells.len(), self.volume)
    }
}

impl Book {
    fn best_for(&mut self, order: Order) -> Option<Resting> {
        let others = match order.side {
            Side::Buy => &mut self.sells,
            Side::Sell => &mut self.buys,
        };
        others.pop_if(|best| match order.side {
            Side::Buy => best.order.cents <= order.cents,
            Side::Sell => best.order.cents >= order.cents,
        })
    }

    fn rest(&mut self, resting: Resting) {
        let cents = resting.order.cents;
        // Behind those that are better, and those that came before at the same price.
        match resting.order.side {
            Side::Buy => {
                let place = self.buys.partition_point(|other| other.order.cents < cents);
                self.buys.insert(place, resting);
            }
            Side::Sell => {
                let place = self.sells.partition_point(|other| other.order.cents > cents);
                self.sells.insert(place, resting);
            }
        }
    }

    fn end(&mut self, id: u32, ended: Ended) -> bool {
        for side in [&mut self.buys, &mut self.sells] {
            if let Some(place) = side.iter().position(|resting| resting.order.id == id) {
                side.remove(place).reply.send(ended);
                return true;
            }
        }
        false
    }
}

/// What stands between the book and its customers.
#[derive(Default)]
struct Gateway {
    asked: Option<Reply<String>>,
    book_ended: Option<String>,
}

#[active]
impl Gateway {
    #[active(oneway)]
    pub fn book_ended(&mut self, how: String) {
        self.book_ended = Some(how);
        self.answer();
    }

    /// Ends with how the book has ended, when it has.
    pub fn closing(&mut self, cx: &mut Context<Self>) -> Later<String> {
        let (later, asked) = cx.later();
        self.asked = Some(asked);
        self.answer();
        later
    }
}

impl Gateway {
    fn answer(&mut self) {
        if self.asked.is_some()
            && let Some(how) = self.book_ended.take()
            && let Some(asked) = self.asked.take()
        {
            asked.send(how);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runners = ["matching", "edge"].map(Runner::named);
    let engine = runners.into_iter().fold(Engine::builder(), |b, r| b.runner(r)).start()?;
    let book = engine.spawn("book", Book::default).on("matching").start()?;
    let gateway = engine.spawn("gateway", Gateway::default).on("edge").start()?;
    book.on_exit({
        let gateway = gateway.clone();
        move |exit| {
            // A gateway that has gone needs no news.
            let _ = gateway.book_ended(exit.to_string());
        }
    });

    // A hundred sellers from 100.00 upwards, and sixty buyers who pay the best price there is.
    let sell = |id| book.submit(Order { id, side: Side::Sell, cents: 10_000 + id });
    let sells: Vec<_> = (0..100).map(sell).collect();
    let buy = |id| book.submit(Order { id, side: Side::Buy, cents: 20_000 });
    let buys = join_all((100..160).map(buy)).get();
    let paid = buys.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert!(paid.iter().zip(10_000..).all(|(ended, cents)| *ended == Ended::Filled(cents)));

    // Of the forty that still rest, ten are taken back.
    let taken_back = join_all((60..70).map(|id| book.cancel(id))).get();
    assert!(taken_back.iter().all(|taken| *taken == Ok(true)));

    // Nobody sells at this price, so the order is over with its time.
    let good_for_a_moment = Options::new().timeout(Duration::from_millis(50));
    let bid = Order { id: 160, side: Side::Buy, cents: 9_000 };
    let ended = book.with(good_for_a_moment).submit(bid).get();
    // Expired: its time was over before the book had seen it.
    assert!(matches!(ended, Ok(Ended::TimedOut) | Err(CallError::Expired)), "{ended:?}");

    let (resting, volume) = book.depth().get()?;
    println!("60 trades of {}.{:02} together; {resting} orders rest", volume / 100, volume % 100);
    book.stop();
    println!("{}", gateway.closing().get()?);
    // What still rests ends with the book.
    let left = sells.into_iter().map(Call::get).filter(Result::is_err).count();
    println!("{left} orders were never traded");
    Ok(())
}
