use mainspring::prelude::*;

struct Shop;

#[active]
impl Shop {
    pub fn without_context(&self) -> Later<u64> {
        loop {}
    }

    pub fn inside(&self) -> Option<Later<u64>> {
        loop {}
    }

    pub fn twice(&self, _cx: &mut Context<Self>) -> Later<Later<u64>> {
        loop {}
    }

    pub fn of_two(&self) -> mainspring::Later<u64, String> {
        loop {}
    }
}

fn main() {}
