//! Methods that answer later: of any type, under any path, with any keys.

use mainspring::Reply;
use mainspring::prelude::*;

struct Shelf<T: Send + 'static> {
    waiting: Vec<Reply<T>>,
}

#[active]
impl<T: Clone + Send + 'static> Shelf<T> {
    pub fn take(&mut self, cx: &mut Context<Self>) -> Later<T> {
        let (later, reply) = cx.later();
        self.waiting.push(reply);
        later
    }

    #[active(boxed, rename = take_many)]
    pub fn many(
        &mut self,
        first: T,
        cx: &mut Context<'_, Self>,
        count: usize,
    ) -> mainspring::Later<Vec<T>> {
        let (later, reply) = cx.later();
        reply.send(vec![first; count]);
        later
    }

    #[active(guard = has_any)]
    pub fn none(&mut self, cx: &mut Context<Self>) -> ::mainspring::prelude::Later<()> {
        let (later, reply) = cx.later();
        reply.send(());
        later
    }

    pub fn put(&mut self, item: T) {
        self.waiting.remove(0).send(item);
    }

    fn has_any(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// A type of one's own that has the name, without an argument, is a result like any other.
mod own {
    pub struct Later(pub u8);
}

struct Other;

#[active]
impl Other {
    pub fn own(&self) -> own::Later {
        own::Later(3)
    }
}

fn main() {
    let shelf = mainspring::spawn(Shelf { waiting: Vec::new() }).unwrap();
    let call: Call<String> = shelf.take();
    shelf.none().get().unwrap();
    shelf.tell().put("book".into()).unwrap();
    assert_eq!(call.get().unwrap(), "book");
    assert_eq!(shelf.take_many("leaf".into(), 2).get().unwrap(), ["leaf", "leaf"]);
    assert_eq!(mainspring::spawn(Other).unwrap().own().get().unwrap().0, 3);
}
