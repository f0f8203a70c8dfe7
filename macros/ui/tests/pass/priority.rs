//! Priorities of methods, and methods with options, for a generic servant and for one whose method has
//! the name of the engine's own.

use mainspring::prelude::*;
use mainspring::{OnFull, Options, Priority, SendError};

#[derive(Default)]
struct Stack<T>(Vec<T>);

#[active]
impl<T: Clone + Send + 'static> Stack<T> {
    #[active(priority = urgent)]
    pub fn push(&mut self, item: T) -> usize {
        self.0.push(item);
        self.0.len()
    }

    #[active(priority = bulk, oneway, boxed)]
    pub fn push_all(&mut self, items: Vec<T>) {
        self.0.extend(items);
    }

    #[active(priority = normal)]
    pub fn items(&self) -> Vec<T> {
        self.0.clone()
    }
}

struct Crier;

#[active]
impl Crier {
    #[active(priority = bulk)]
    pub fn tell(&self, text: String) -> String {
        text
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stack = mainspring::spawn(Stack(vec![1]))?;
    assert_eq!(stack.push(2).get()?, 2);
    stack.push_all(vec![3])?;
    stack.tell().push_all(vec![])?;
    let bulk = stack.with(Options::new().priority(Priority::Bulk).on_full(OnFull::Fail));
    bulk.push_all(vec![4])?;
    let tell = bulk.tell();
    tell.push(5)?;
    tell.push_all(vec![6])?;
    assert_eq!(bulk.items().get()?, [1, 2, 3, 4, 5, 6]);
    assert_eq!(bulk.try_push(7).map_err(SendError::into_inner).unwrap().get()?, 7);
    let crier = mainspring::spawn(Crier)?;
    assert_eq!(crier.with(Options::new()).tell("hear".into()).get()?, "hear");
    Ok(())
}
