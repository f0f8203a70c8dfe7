//! The object that most scenarios call: it adds numbers.
//!
//! Written by hand as [`Active`] describes, so that everything measured is visible here.

use mainspring::mailbox::{Kind, Mpsc};
use mainspring::{
    Active, Bound, Call, Context, Handle, Method, Options, Proxy, Reply, SendError, reply_bytes,
};

/// Adds up what it is given.
#[derive(Default)]
pub struct Adder {
    sum: u64,
}

/// A request to an [`Adder`].
pub enum AdderRequest {
    /// Adds a number, and answers with the sum.
    Add {
        /// The number.
        by: u64,
        /// The answer.
        reply: Reply<u64>,
    },
}

impl Adder {
    fn add(&mut self, by: u64) -> u64 {
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }
}

impl Active for Adder {
    type Request = AdderRequest;
    type Proxy<K: Kind> = AdderProxy<K>;
    const NAME: &'static str = "Adder";
    const METHODS: &'static [Method] = &[Method::new("add", &["by"])];
    const REPLY_BYTES: usize = reply_bytes::<u64>();

    fn method(_: &AdderRequest) -> usize {
        0
    }

    #[inline]
    fn dispatch(&mut self, request: AdderRequest, _: &mut Context<Self>) {
        let AdderRequest::Add { by, reply } = request;
        reply.serve(|| self.add(by));
    }
}

/// The proxy of an [`Adder`].
pub struct AdderProxy<K: Kind = Mpsc>(Handle<Adder, K>);

impl<K: Kind> Proxy<Adder> for AdderProxy<K> {
    type Kind = K;
    type Tell<'a> = &'a Handle<Adder, K>;
    type With<'a> = Bound<'a, Adder, K>;

    fn from_handle(handle: Handle<Adder, K>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Adder, K> {
        &self.0
    }

    fn with(&self, options: Options) -> Bound<'_, Adder, K> {
        Bound::new(&self.0, options)
    }

    fn tell(&self) -> &Handle<Adder, K> {
        &self.0
    }
}

impl<K: Kind> AdderProxy<K> {
    /// Adds a number; the call ends with the sum.
    #[inline(always)]
    pub fn add(&self, by: u64) -> Call<u64> {
        self.0.call(|reply| AdderRequest::Add { by, reply })
    }

    /// As [`add`](Self::add), but returns at once if the mailbox is full.
    #[inline(always)]
    pub fn try_add(&self, by: u64) -> Result<Call<u64>, SendError<AdderRequest>> {
        self.0.try_call(|reply| AdderRequest::Add { by, reply })
    }
}
