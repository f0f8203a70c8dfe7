use mainspring::prelude::*;

struct Clock;

#[active]
impl Clock {
    pub fn tick(&self, cx: &mut Context<Self>, another: &mut Context<Self>) {}
}

fn main() {}
