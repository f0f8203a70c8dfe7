use mainspring::prelude::*;

struct Clock;

#[active]
impl Clock {
    pub fn tick(&self) {}

    #[active(on_start)]
    fn begin(&mut self, number: u64) -> bool {
        number > 0
    }

    #[active(on_start)]
    fn begin_again(&mut self) {}

    #[active(on_batch_end, oneway)]
    fn flush(&mut self, batch: Batch, another: Batch) {}

    #[active(on_stop, skip)]
    pub fn end() {}
}

fn main() {}
