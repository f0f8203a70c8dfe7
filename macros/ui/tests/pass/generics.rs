//! Generic servants: types, bounds, constants, parameters that no method mentions.

use mainspring::prelude::*;
use std::fmt::Debug;
use std::marker::PhantomData;

/// The names of its parameters are those that the generated items would like.
struct Map<K, S: Debug>
where
    K: Ord,
{
    entries: Vec<(K, S)>,
}

#[active]
impl<K: Ord + Send + 'static, S> Map<K, S>
where
    S: Debug + Clone + Send + 'static,
    Self: Sized,
{
    pub fn insert(&mut self, key: K, value: S) -> usize {
        self.entries.push((key, value));
        self.entries.sort_by(|a, b| a.0.cmp(&b.0));
        self.entries.len()
    }

    pub fn first(&self) -> Option<S> {
        self.entries.first().map(|entry| entry.1.clone())
    }

    pub fn merge(&mut self, mut other: Self) {
        self.entries.append(&mut other.entries);
    }
}

struct Window<T, const N: usize, Unmentioned> {
    last: [T; N],
    unmentioned: PhantomData<fn() -> Unmentioned>,
}

#[active]
impl<T: Copy + Send + 'static, const N: usize, Unmentioned: 'static> Window<T, N, Unmentioned> {
    pub fn replace(&mut self, values: [T; N]) -> [T; N] {
        std::mem::replace(&mut self.last, values)
    }

    #[active(boxed)]
    pub fn replace_boxed(&mut self, values: [T; N]) {
        self.last = values;
    }
}

/// One instance of a generic struct is not generic itself.
struct Cell<T>(T);

#[active]
impl Cell<u8> {
    pub fn get(&self) -> u8 {
        self.0
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let map = mainspring::spawn(Map { entries: Vec::new() })?;
    assert_eq!(map.insert(2, "two").get()?, 1);
    map.merge(Map { entries: vec![(1, "one")] }).get()?;
    assert_eq!(map.first().get()?, Some("two"));
    let map: MapProxy<i32, &'static str> = map.clone();
    let refused = {
        map.stop();
        map.try_insert(3, "three").map(drop).map_err(SendError::into_inner)
    };
    assert_eq!(refused, Err((3, "three")));

    let window = Window::<u8, 2, std::rc::Rc<u8>> { last: [1, 2], unmentioned: PhantomData };
    let window = mainspring::spawn(window)?;
    assert_eq!(window.replace([3, 4]).get()?, [1, 2]);
    window.tell().replace_boxed([5, 6])?;
    assert_eq!(window.replace([0, 0]).get()?, [5, 6]);

    let cell: CellProxy = mainspring::spawn(Cell(7))?;
    assert_eq!(cell.get().get()?, 7);
    Ok(())
}
