//! The calls that one listener waits for, each in a place of a table.
//!
//! The listener's side of [`CompletionStack`]: which places are vacant, taken, or given up. When no place is
//! vacant, a further table is added, twice as large as the last. Places are numbered across all tables, and
//! keep their numbers.

use crate::reply::completions::{CompletionEntry, CompletionStack, Completions, Listener, NONE};
use crate::reply::waiter::Waiter;
use crate::sync::Arc;
use std::mem;
use std::sync::atomic::Ordering::Relaxed;

/// Places in the first table.
const PLACES_FIRST: u32 = 8;

/// Something that holds a call and can leave a waiter in it.
pub(crate) trait Awaitable {
    /// Leaves a waiter; returns it if the call has ended.
    fn leave_waiter(&mut self, waiter: Waiter) -> Result<(), Waiter>;
    /// Takes the waiter back; `false` if the call has ended and the waiter is being told.
    fn withdraw_waiter(&mut self) -> bool;
}

/// See the module.
pub(crate) struct CallTable<T> {
    /// The newest and largest last.
    tables: Vec<Table<T>>,
    /// The first of a list of vacant places.
    vacant: u32,
    /// The first of a list of places whose calls have ended, the oldest first.
    arrived: u32,
    taken: usize,
    given_up: usize,
    ended: Arc<CompletionStack>,
}

struct Table<T> {
    places: Box<[Place<T>]>,
    links: Arc<Completions>,
}

enum Place<T> {
    /// Free; the next free one.
    Vacant(u32),
    /// A call that was not taken yet; and whether it had already ended when it was added, so that its number
    /// is on the stack.
    Taken(T, bool),
    /// The call was given up as it ended: its number is, or will be, on the stack.
    GivenUp,
}

impl<T: Awaitable> CallTable<T> {
    /// Creates an empty table; the first call makes places.
    pub(crate) fn new(listener: Listener) -> Self {
        let ended = Arc::new(CompletionStack::new(listener));
        Self { tables: Vec::new(), vacant: NONE, arrived: NONE, taken: 0, given_up: 0, ended }
    }

    pub(crate) fn listener(&self) -> &Listener {
        self.ended.listener()
    }

    /// How many calls were added and neither taken nor given up.
    pub(crate) fn len(&self) -> usize {
        self.taken
    }

    /// Whether no place is in use, so that nobody will tell the listener.
    pub(crate) fn is_idle(&self) -> bool {
        self.taken == 0 && self.given_up == 0
    }

    /// Adds a call. One that has ended is treated as if it ended now.
    pub(crate) fn insert(&mut self, mut item: T) {
        if self.vacant == NONE {
            self.grow();
        }
        let place = self.vacant - 1;
        let member = CompletionEntry::new(self.tables[table_of(place)].links.clone(), place);
        let left = item.leave_waiter(Waiter::CompletionEntry(member));
        let taken = Place::Taken(item, left.is_err());
        if let Place::Vacant(next) = mem::replace(self.place(place), taken) {
            self.vacant = next;
        }
        self.taken += 1;
        if let Err(Waiter::CompletionEntry(member)) = left {
            member.complete();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let table = self.tables.len();
        let (first, end) = (first_of(table), first_of(table + 1));
        let link = |place| if place + 1 < end { place + 2 } else { NONE };
        let places = (first..end).map(|place| Place::Vacant(link(place))).collect();
        let links = Arc::new(Completions::new(self.ended.clone(), first, end - first));
        self.tables.push(Table { places, links });
        self.vacant = first + 1;
    }

    /// The next call that has ended, of those that were fetched.
    pub(crate) fn take(&mut self) -> Option<T> {
        loop {
            let place = self.arrived.checked_sub(1)?;
            // Relaxed: the listener's list by now.
            self.arrived = self.tables[table_of(place)].links.below(place).load(Relaxed);
            match self.vacate(place) {
                Place::Taken(item, _) => {
                    self.taken -= 1;
                    return Some(item);
                }
                _ => self.given_up -= 1,
            }
        }
    }

    /// Whether [`take`](Self::take) would look at a call.
    pub(crate) fn has_arrived(&self) -> bool {
        self.arrived != NONE
    }

    /// Fetches the calls that have ended; see [`CompletionStack::take`]. Those fetched before must have been
    /// taken.
    pub(crate) fn fetch(&mut self) {
        debug_assert_eq!(self.arrived, NONE, "the older ones come first");
        let mut at = self.ended.take();
        while let Some(place) = at.checked_sub(1) {
            let below = self.tables[table_of(place)].links.below(place);
            // Relaxed, both: the chain is the listener's since it was taken. It is reversed here.
            at = below.load(Relaxed);
            below.store(self.arrived, Relaxed);
            self.arrived = place + 1;
        }
    }

    fn place(&mut self, place: u32) -> &mut Place<T> {
        let table = table_of(place);
        &mut self.tables[table].places[(place - first_of(table)) as usize]
    }

    fn vacate(&mut self, place: u32) -> Place<T> {
        let vacant = Place::Vacant(mem::replace(&mut self.vacant, place + 1));
        mem::replace(self.place(place), vacant)
    }

    /// Removes a call that may not have ended, and returns what held it.
    pub(crate) fn give_up(&mut self, place: u32) -> Option<T> {
        let Place::Taken(item, had_ended) = self.place(place) else { return None };
        let given_up = match !*had_ended && item.withdraw_waiter() {
            true => self.vacate(place),
            false => {
                self.given_up += 1;
                mem::replace(self.place(place), Place::GivenUp)
            }
        };
        let Place::Taken(item, _) = given_up else { return None };
        self.taken -= 1;
        Some(item)
    }

    /// How many places there are.
    pub(crate) fn places(&self) -> u32 {
        first_of(self.tables.len())
    }

    /// The calls that were not taken, each with its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let places = self.tables.iter().flat_map(|table| &table.places);
        places.zip(0..).filter_map(|(place, number)| match place {
            Place::Taken(item, _) => Some((number, item)),
            _ => None,
        })
    }
}

/// The number of a table's first place: each is twice as large as the one before.
fn first_of(table: usize) -> u32 {
    PLACES_FIRST * ((1 << table) - 1)
}

/// The table that a place lies in.
fn table_of(place: u32) -> usize {
    (place / PLACES_FIRST + 1).ilog2() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_their_numbers_while_tables_are_added() {
        for table in 0..10 {
            let (first, end) = (first_of(table), first_of(table + 1));
            assert_eq!(end - first, PLACES_FIRST << table);
            assert!((first..end).all(|place| table_of(place) == table));
        }
    }
}
