//! The trait of the calls: its names, its forms, and who implements it.

use mainspring::mailbox::{Kind, Lanes};
use mainspring::{Call, Inline, prelude::*};

#[derive(Debug)]
struct Secret(u8);

/// Its methods have the names of what the generated code uses itself.
struct Words {
    total: u8,
}

#[active]
impl Words {
    pub fn proxy(&self, proxy: u8) -> u8 {
        proxy
    }

    pub fn turn(&mut self) -> u8 {
        self.total += 1;
        self.total
    }

    pub fn inline(&self, object: u8, sent: u8) -> u8 {
        object + sent
    }

    pub fn clone(&self) -> u8 {
        3
    }

    pub fn tell(&self) -> u8 {
        4
    }

    #[active(rename = r#loop)]
    pub fn repeat(&self, r#match: u8) -> u8 {
        r#match
    }

    pub fn ignore(&self, mut _first: u8, _: u8) {
        _first += 1;
        let _ = _first;
    }

    pub fn with_context(&self, cx: &mut Context<Self>, seconds: u8) -> usize {
        cx.timers() + usize::from(seconds)
    }

    #[active(oneway)]
    pub fn reset(&mut self) {
        self.total = 0;
    }

    #[active(oneway, boxed)]
    pub fn set(&mut self, total: u8, _note: [u8; 1000]) {
        self.total = total;
    }

    #[allow(private_interfaces)]
    pub fn keep(&self, secret: Secret) -> Secret {
        secret
    }

    /// By its old name.
    #[deprecated = "use `tell`"]
    pub fn say(&self) -> u8 {
        5
    }

    #[cfg(any())]
    pub fn never(&self, missing: NoSuchType) -> NoSuchType {
        missing
    }
}

/// All that generic code can do with any of them.
fn all(words: &impl WordsCalls) -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(words.proxy(1).get()?, 1);
    assert_eq!(words.turn().get()?, 1);
    assert_eq!(words.inline(1, 2).get()?, 3);
    assert_eq!(words.clone().get()?, 3);
    assert_eq!(words.tell().get()?, 4);
    assert_eq!(words.r#loop(5).get()?, 5);
    words.ignore(1, 2).get()?;
    assert_eq!(words.with_context(7).get()?, 7);
    words.reset()?;
    assert_eq!(words.turn().get()?, 1);
    words.set(8, [0; 1000])?;
    assert_eq!(words.turn().get()?, 9);
    assert_eq!(words.keep(Secret(1)).get()?.0, 1);
    Ok(())
}

struct Stack<T, const N: usize> {
    items: Vec<[T; N]>,
}

#[active]
impl<T: Copy + Send + 'static, const N: usize> Stack<T, N>
where
    Self: Sized,
{
    pub fn push(&mut self, item: [T; N]) -> usize {
        self.items.push(item);
        self.items.len()
    }

    #[active(oneway)]
    pub fn merge(&mut self, other: Self) {
        self.items.extend(other.items);
    }
}

fn twice<T: Copy + Send + 'static, const N: usize>(
    stack: &dyn StackCalls<T, N>,
    item: [T; N],
) -> Result<usize, CallError> {
    stack.push(item).get()?;
    stack.push(item).get()
}

/// A mock of a generic servant.
struct Full;

impl StackCalls<u8, 2> for Full {
    fn push(&self, _: [u8; 2]) -> Call<usize> {
        Call::ready(Err(CallError::Full))
    }

    fn merge(&self, other: Stack<u8, 2>) -> Result<(), SendError<Stack<u8, 2>>> {
        Err(SendError::Full(other))
    }
}

mod elsewhere {
    pub(crate) struct Deep(pub u8);
}

#[active]
impl elsewhere::Deep {
    pub fn depth(&self) -> u8 {
        self.0
    }
}

fn of_any_kind<K: Kind>(deep: DeepProxy<K>) -> Result<u8, CallError> {
    DeepCalls::depth(&deep).get()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    all(&mainspring::spawn(Words { total: 0 })?)?;
    let inline = Inline::new(Words { total: 0 });
    all(&inline)?;
    // Its own methods, and the servant's of the same names.
    assert_eq!(inline.turn(), 0);
    assert_eq!(WordsCalls::turn(&inline).get()?, 10);

    let stack = mainspring::spawn(Stack::<u8, 2> { items: Vec::new() })?;
    assert_eq!(twice(&stack, [1, 2])?, 2);
    let inline = Inline::new(Stack::<char, 1> { items: Vec::new() });
    inline.merge(Stack { items: vec![['a']] })?;
    assert_eq!(twice(&inline, ['b'])?, 3);
    assert_eq!(twice(&Full, [1, 2]), Err(CallError::Full));

    let engine = Engine::builder().on_event(|_| ()).runner(Runner::named("a")).start()?;
    let deep = engine.spawn("deep", || elsewhere::Deep(1)).lanes().start()?;
    assert_eq!(of_any_kind::<Lanes>(deep)?, 1);
    Ok(())
}
