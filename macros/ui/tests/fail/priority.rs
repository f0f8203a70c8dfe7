//! A priority is one of three names, and only requests have one.

use mainspring::active;

struct Orders;

#[active]
impl Orders {
    #[active(priority = high)]
    pub fn misnamed(&mut self) {}

    #[active(priority)]
    pub fn unnamed(&mut self) {}

    #[active(priority = "urgent")]
    pub fn quoted(&mut self) {}

    #[active(priority = urgent, priority = bulk)]
    pub fn both(&mut self) {}

    #[active(priority = bulk)]
    fn private(&self) {}

    #[active(skip, priority = bulk)]
    pub fn skipped(&self) {}

    #[active(on_start, priority = urgent)]
    fn begin(&mut self) {}
}

fn main() {}
