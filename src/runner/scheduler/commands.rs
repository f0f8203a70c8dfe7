//! What a runner is told to do between two objects' batches: take objects in, restart or stop them.

use super::Scheduler;
use super::cooling::HOT_KEPT;
use super::objects::{Entry, HotEntry};
use crate::runner::task::{Cooling, RestartOrder, Task};

impl Scheduler {
    /// Runs what was sent, and looks at the flags. Only [`collect`](Self::collect) takes the control link
    /// off: as long as it is in the stack, others must not push it.
    #[cold]
    pub(super) fn run_commands(&mut self) {
        let remote = self.remote.clone();
        for task in remote.take_newcomers() {
            self.adopt(task);
        }
        while let Some(command) = remote.next_command() {
            command(self);
        }
        if remote.is_stopping() {
            self.stop();
        }
        self.look_at_suspended();
    }

    /// Makes suspended objects hot that were stopped: they don't wait for their delay.
    fn look_at_suspended(&mut self) {
        let Self { objects, suspended, .. } = self;
        suspended.retain(|key| {
            let found = objects.get(*key).filter(|found| found.entry.task.is_stopped());
            let Some(found) = found else { return true };
            found.heat();
            false
        });
    }

    /// Takes an object in; requests that already wait for it are served from the next turn on.
    pub(crate) fn adopt(&mut self, task: Box<dyn Task>) {
        let mut task = match &self.watch {
            None => task,
            Some(watch) => watch(task),
        };
        let key = self.objects.next_key();
        task.set_key(key);
        task.start(&mut self.turn);
        if self.remote.is_stopping() {
            task.stop();
        }
        let mut entry = Entry { task, is_hot: true, is_noted: false };
        // With few objects, the first request finds the object hot, and wakes nobody. With many, each
        // that isn't called yet would have to be polled for a while.
        let cooling = (self.objects.hot.len() >= HOT_KEPT).then(|| entry.cool());
        self.objects.insert(key, entry);
        self.had_any = true;
        match cooling {
            Some(Cooling::Cold) => {}
            Some(Cooling::Suspended) => self.set_aside(key),
            _ => self.objects.hot.push(HotEntry { key, cool_at: None }),
        }
    }

    /// Drops an object that has ended.
    pub(super) fn remove(&mut self, key: usize) {
        if let Some(mut task) = self.objects.remove(key) {
            task.finish(&mut self.turn);
            // A stop would have taken it off that list; the drop of its last proxy doesn't.
            self.suspended.retain(|other| *other != key);
        }
    }

    /// Has an object polled, if it is still there.
    pub(crate) fn make_hot(&mut self, key: usize) {
        if let Some(found) = self.objects.get(key) {
            found.heat();
        }
    }

    /// Gives an object a new servant, if it still lives; `shared` is its address.
    pub(crate) fn restart(&mut self, key: usize, shared: usize, order: RestartOrder) {
        // A command before this one may have made it.
        for task in self.remote.take_newcomers() {
            self.adopt(task);
        }
        if let Some(found) = self.objects.get(key)
            && found.entry.task.restart(shared, order, &mut self.turn)
        {
            found.heat();
        }
    }

    /// Has every object refuse requests; what they have accepted still runs.
    fn stop(&mut self) {
        // A cold one is woken by its close; a hot one is found closed when it is polled and idle.
        self.objects.iter().for_each(Task::stop);
    }

    /// Has every object give up the calls that it waits for.
    pub(super) fn give_up(&mut self) {
        for key in 0..self.objects.keys_end() {
            if let Some(found) = self.objects.get(key) {
                found.entry.task.give_up();
                found.heat();
            }
        }
    }
}
