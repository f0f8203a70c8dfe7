//! What a runner is told to do between two objects' batches: take objects in, restart or stop them.

use super::Scheduler;
use super::cooling::HOT_KEPT;
use super::objects::{Entry, HotEntry};
use crate::runner::task::{Cooling, RestartOrder, Task};

impl Scheduler {
    /// Does what was asked for. Who asked has the runner hear of it by its control link, which only
    /// [`collect`](Self::collect) takes off: where it is in the stack, others must not push it.
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

    /// Turns again to what was stopped: that doesn't wait for its delay.
    fn look_at_suspended(&mut self) {
        let Self { objects, suspended, .. } = self;
        suspended.retain(|key| {
            let found = objects.get(*key).filter(|found| found.entry.task.is_stopped());
            let Some(found) = found else { return true };
            found.heat();
            false
        });
    }

    /// Takes an object in; what waits for it already is served from the next turn on.
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
        // Where few objects live a first call need not ring; where many do, each that isn't called
        // yet would have to be polled for a while.
        let cooling = (self.objects.hot.len() >= HOT_KEPT).then(|| entry.cool());
        self.objects.insert(key, entry);
        self.had_any = true;
        match cooling {
            Some(Cooling::Cold) => {}
            Some(Cooling::Suspended) => self.set_aside(key),
            _ => self.objects.hot.push(HotEntry { key, cool_at: None }),
        }
    }

    /// Lets an object go that has ended.
    pub(super) fn remove(&mut self, key: usize) {
        if let Some(mut task) = self.objects.remove(key) {
            task.finish(&mut self.turn);
            // Its last proxy's drop, unlike a stop, has nobody look there.
            self.suspended.retain(|other| *other != key);
        }
    }

    /// Turns to an object, if it is still there.
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

    /// Ends admission of every object; what they accepted still runs.
    fn stop(&mut self) {
        // A cold one's close rings; a hot one is polled, and found closed when it is idle.
        self.objects.iter().for_each(Task::stop);
    }

    /// Has every object let go of the calls that it waits for.
    pub(super) fn give_up(&mut self) {
        for key in 0..self.objects.keys_end() {
            if let Some(found) = self.objects.get(key) {
                found.entry.task.give_up();
                found.heat();
            }
        }
    }
}
