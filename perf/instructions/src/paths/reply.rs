//! From the request to the method, and back to the caller.

use super::stage::{Meter, MeterRequest, Stage, elsewhere};
use super::{ALL_REPETITIONS, leave};
use mainspring::mailbox::{Kind, Mpsc};
use mainspring::{Active, Call, Handle, Method, Proxy, Reply, reply_bytes};
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

/// The generated dispatch.
pub fn dispatch(count: usize) -> ! {
    let mut meter = Meter::default();
    let requests = (0..count as u64).map(|number| black_box(MeterRequest::Add { number }));
    #[cfg(feature = "context")]
    mainspring::Context::detached(std::time::Instant::now(), |context| {
        requests.for_each(|request| meter.dispatch(request, context));
    });
    #[cfg(not(feature = "context"))]
    requests.for_each(|request| meter.dispatch(request));
    black_box(&meter);
    leave()
}

/// What the servant does with a call.
pub fn serve(count: usize) -> ! {
    let (_calls, replies) = pending();
    let mut replies = replies.into_iter();
    for (reply, number) in replies.by_ref().take(count).zip(0_u64..) {
        reply.serve(|| black_box(number));
    }
    leave()
}

/// What the caller does with a call that has ended.
pub fn get(count: usize) -> ! {
    let (calls, replies) = pending();
    replies.into_iter().zip(0_u64..).for_each(|(reply, number)| reply.serve(|| number));
    elsewhere(move || {
        let mut calls = calls.into_iter();
        for (call, number) in calls.by_ref().take(count).zip(0_u64..) {
            assert_eq!(call.get(), Ok(number));
        }
        leave()
    })
}

/// A call for each repetition, and its other end.
fn pending() -> (Vec<Call<u64>>, Vec<Reply<u64>>) {
    let mut stage = Stage::new();
    let keeper: KeeperProxy = stage.object::<Keeper, Mpsc, false>();
    let calls = elsewhere(|| (0..ALL_REPETITIONS).map(|_| keeper.keep()).collect());
    stage.serve(ALL_REPETITIONS);
    // The object must not end.
    std::mem::forget((stage, keeper));
    (calls, std::mem::take(&mut KEPT.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Keeps replies, for others to use.
#[derive(Default)]
struct Keeper;

static KEPT: Mutex<Vec<Reply<u64>>> = Mutex::new(Vec::new());

impl Active for Keeper {
    type Request = Reply<u64>;
    type Proxy<K: Kind> = KeeperProxy<K>;
    const NAME: &'static str = "Keeper";
    const METHODS: &'static [Method] = &[Method::new("keep", &[])];
    const REPLY_BYTES: usize = reply_bytes::<u64>();

    fn method(_: &Reply<u64>) -> usize {
        0
    }

    #[cfg(feature = "context")]
    fn dispatch(&mut self, reply: Reply<u64>, _: &mut mainspring::Context<Self>) {
        keep(reply);
    }

    #[cfg(not(feature = "context"))]
    fn dispatch(&mut self, reply: Reply<u64>) {
        keep(reply);
    }
}

fn keep(reply: Reply<u64>) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(reply);
}

struct KeeperProxy<K: Kind = Mpsc>(Handle<Keeper, K>);

impl<K: Kind> Proxy<Keeper> for KeeperProxy<K> {
    type Kind = K;
    type Tell<'a> = &'a Handle<Keeper, K>;
    #[cfg(feature = "options")]
    type With<'a> = mainspring::Bound<'a, Keeper, K>;

    fn from_handle(handle: Handle<Keeper, K>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Keeper, K> {
        &self.0
    }

    #[cfg(feature = "options")]
    fn with(&self, options: mainspring::Options) -> mainspring::Bound<'_, Keeper, K> {
        mainspring::Bound::new(&self.0, options)
    }

    fn tell(&self) -> &Handle<Keeper, K> {
        &self.0
    }
}

impl KeeperProxy {
    fn keep(&self) -> Call<u64> {
        self.0.call(|reply| reply)
    }
}
