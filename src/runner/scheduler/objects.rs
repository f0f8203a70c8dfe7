//! Where a runner keeps its objects, and which of them it polls.

use crate::runner::task::Task;
use std::time::Instant;

/// The objects of one runner, each by its key.
#[derive(Default)]
pub(super) struct Objects {
    /// By key; `None` where one has gone.
    entries: Vec<Option<Entry>>,
    /// The keys of those places.
    vacant: Vec<usize>,
    pub(super) hot: Vec<HotEntry>,
    live: usize,
}

/// One object.
pub(super) struct Entry {
    pub(super) task: Box<dyn Task>,
    pub(super) is_hot: bool,
    /// Noted as one that calls have ended for: it has continuations to run.
    pub(super) is_noted: bool,
}

/// An object that is polled each turn.
pub(super) struct HotEntry {
    pub(super) key: usize,
    /// When it is to be cooled, if the last turn found nothing.
    pub(super) cool_at: Option<Instant>,
}

/// An object that is there, with the list that it enters when it gets hot.
pub(super) struct Found<'a> {
    pub(super) entry: &'a mut Entry,
    key: usize,
    hot: &'a mut Vec<HotEntry>,
}

impl Found<'_> {
    /// Has the object polled from now on.
    #[inline(always)]
    pub(super) fn heat(self) {
        if !self.entry.is_hot {
            self.entry.is_hot = true;
            self.hot.push(HotEntry { key: self.key, cool_at: None });
        }
    }
}

impl Objects {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Task> {
        self.entries.iter().flatten().map(|entry| &*entry.task)
    }

    /// Every key in use is below this number.
    pub(super) fn keys_end(&self) -> usize {
        self.entries.len()
    }

    #[inline(always)]
    pub(super) fn get(&mut self, key: usize) -> Option<Found<'_>> {
        let entry = self.entries.get_mut(key).and_then(Option::as_mut)?;
        Some(Found { entry, key, hot: &mut self.hot })
    }

    /// The hot object at that place of the list.
    #[inline(always)]
    pub(super) fn hot(&mut self, place: usize) -> Option<(&mut HotEntry, &mut Entry)> {
        let hot = &mut self.hot[place];
        let entry = self.entries.get_mut(hot.key).and_then(Option::as_mut)?;
        Some((hot, entry))
    }

    /// The key that the next object gets.
    pub(super) fn next_key(&mut self) -> usize {
        self.vacant.pop().unwrap_or(self.entries.len())
    }

    /// Keeps an object by its key.
    pub(super) fn insert(&mut self, key: usize, entry: Entry) {
        match self.entries.get_mut(key) {
            Some(place) => *place = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        self.live += 1;
    }

    /// Takes an object out; its key may be given to another.
    pub(super) fn remove(&mut self, key: usize) -> Option<Box<dyn Task>> {
        let entry = self.entries.get_mut(key)?.take()?;
        self.vacant.push(key);
        self.live -= 1;
        Some(entry.task)
    }
}
