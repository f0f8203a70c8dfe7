use mainspring::prelude::*;

struct Shop;

#[active]
impl Shop {
    pub fn price(&self, _cx: &mut Context<Self>) -> Later<u64> {
        Later {}
    }

    pub fn open(&self, _cx: &mut Context<Self>) -> Later {
        loop {}
    }
}

fn main() {}
