//! What `#[active]` generates, as its users see it.

use mainspring::prelude::*;
use mainspring::{Method, SendError, StartError};

struct Account {
    cents: i64,
    log: Vec<&'static str>,
}

#[active]
impl Account {
    pub fn new() -> Self {
        Self { cents: 0, log: Vec::new() }
    }

    /// Adds money.
    pub fn deposit(&mut self, cents: i64) {
        self.cents += cents;
        self.log.push("deposit");
    }

    pub fn balance(&self) -> i64 {
        self.cents
    }

    pub fn transfer(&mut self, from: String, to: String, reply: i64) -> Result<String, String> {
        if reply < 0 { Err(from) } else { Ok(format!("{from} to {to}: {reply}")) }
    }

    #[active(oneway)]
    pub fn reset(&mut self) {
        self.cents = 0;
    }

    /// A method of the servant's that is called as one of the proxy's trait.
    pub fn stop(&mut self) -> &'static str {
        "mine"
    }

    #[active(rename = entries)]
    pub fn log_len(&self) -> usize {
        self.log.len()
    }

    #[active(boxed)]
    pub fn load(&mut self, table: [u8; 4096], index: usize) -> u8 {
        table[index]
    }

    #[active(skip)]
    pub fn borrowed(&self) -> &i64 {
        &self.cents
    }

    #[cfg(any())]
    pub fn absent(&self, missing: Missing) -> Missing {
        missing
    }

    pub fn r#type(&self, _: u8) -> u64 {
        7
    }
}

struct Stack<T> {
    items: Vec<T>,
}

#[active]
impl<T: Send + 'static> Stack<T> {
    pub fn push(&mut self, item: T) -> usize {
        self.items.push(item);
        self.items.len()
    }

    pub fn pop(&mut self) -> Option<T> {
        self.items.pop()
    }
}

fn account() -> Result<AccountProxy, StartError> {
    mainspring::spawn(Account::new())
}

#[test]
fn methods_become_calls_with_the_same_arguments_and_results() {
    let account = account().unwrap();
    account.deposit(700).get().unwrap();
    assert_eq!(account.balance().get(), Ok(700));
    let told = account.transfer("a".into(), "b".into(), 5).get().unwrap();
    assert_eq!(told, Ok("a to b: 5".into()));
    let refused = account.transfer("a".into(), "b".into(), -5).get().unwrap();
    assert_eq!(refused, Err("a".into()), "the servant's errors are values");
    assert_eq!(account.entries().get(), Ok(1));
    assert_eq!(account.load([9; 4096], 3).get(), Ok(9));
    assert_eq!(account.r#type(0).get(), Ok(7));
}

#[test]
fn oneway_methods_and_told_ones_have_no_reply() {
    let account = account().unwrap();
    account.tell().deposit(5).unwrap();
    assert_eq!(account.balance().get(), Ok(5));
    account.reset().unwrap();
    account.tell().reset().unwrap();
    assert_eq!(account.balance().get(), Ok(0));
}

#[test]
fn a_servant_may_have_methods_named_like_the_proxy_s() {
    let account = account().unwrap();
    assert_eq!(account.stop().get(), Ok("mine"));
    assert!(!account.is_stopped());
    Proxy::stop(&account);
    assert!(account.is_stopped());
}

#[test]
fn refused_calls_give_their_arguments_back() {
    let engine = Engine::builder().start().unwrap();
    let _scheduler = engine.invoker("nobody turns it").unwrap();
    let account = engine.spawn("account", Account::new).capacity(1).start().unwrap();
    let _queued = account.balance();
    assert!(matches!(account.tell().deposit(3), Err(SendError::Full(3))));
    let transfer = account.try_transfer("a".into(), "b".into(), 4).unwrap_err().into_inner();
    assert_eq!(transfer, ("a".into(), "b".into(), 4));
    let (table, index) = account.try_load([1; 4096], 2).unwrap_err().into_inner();
    assert_eq!((table[0], index), (1, 2));
    assert_eq!(account.balance().get(), Err(CallError::Full));
    account.abort();
    assert!(matches!(account.try_balance(), Err(SendError::Stopped(()))));
}

#[test]
fn generic_servants_have_generic_proxies() {
    let stack: StackProxy<String> = mainspring::spawn(Stack { items: Vec::new() }).unwrap();
    assert_eq!(stack.push("a".into()).get(), Ok(1));
    assert_eq!(stack.clone().pop().get(), Ok(Some("a".into())));
    stack.tell().push("b".into()).unwrap();
    assert_eq!(stack.pop().get(), Ok(Some("b".into())));
}

#[test]
fn the_methods_are_known_before_any_call() {
    let names: Vec<_> = Account::METHODS.iter().map(|method| method.name).collect();
    let expected = ["deposit", "balance", "transfer", "reset", "stop", "entries", "load", "type"];
    assert_eq!(names, expected);
    assert_eq!(Account::METHODS[2], Method::new("transfer", &["from", "to", "reply"]));
    assert!(Account::METHODS[3].is_oneway);
    assert_eq!(Account { cents: 1, log: vec![] }.borrowed(), &1);
}

struct Ping;
struct Pong;

#[active]
impl Ping {
    pub fn start(&mut self, me: PingProxy, other: PongProxy, done: std::sync::mpsc::Sender<()>) {
        other.hit(me, done).detach();
    }

    pub fn back(&mut self, done: std::sync::mpsc::Sender<()>) {
        done.send(()).unwrap();
    }
}

#[active]
impl Pong {
    pub fn hit(&mut self, from: PingProxy, done: std::sync::mpsc::Sender<()>) {
        from.back(done).detach();
    }
}

#[test]
fn requests_may_carry_proxies_of_each_other() {
    let (ping, pong) = (mainspring::spawn(Ping).unwrap(), mainspring::spawn(Pong).unwrap());
    let (done, is_done) = std::sync::mpsc::channel();
    ping.start(ping.clone(), pong, done).get().unwrap();
    is_done.recv().unwrap();
}
