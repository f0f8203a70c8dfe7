//! The object that most scenarios call: it counts, adds up, and looks at the clock when told to.
//!
//! Written by hand as [`Active`] says, so that what is measured is all there to see.

use mainspring::mailbox::{Kind, Mpsc};
use mainspring::{
    Active, Call, Handle, Method, Proxy, Reply, SendError, reply_bytes, reply_bytes_max,
};
use std::time::Instant;

/// Counts what it is given, and adds it up.
#[derive(Default)]
pub struct Adder {
    count: u64,
    sum: u64,
    /// When [`AdderRequest::Mark`] came, and how much had come before it.
    mark: Option<(Instant, u64)>,
}

/// What an [`Adder`] can be asked.
pub enum AdderRequest {
    /// Adds a number, and answers with the sum.
    Add {
        /// The number.
        by: u64,
        /// The answer.
        reply: Reply<u64>,
    },
    /// Begins the time that [`Finish`](Self::Finish) ends.
    Mark,
    /// Answers with what there was.
    Finish {
        /// The answer.
        reply: Reply<Tally>,
    },
}

/// What an [`Adder`] has seen.
pub struct Tally {
    /// How many numbers.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// How many of them since the mark.
    pub timed: u64,
    /// The time since the mark, in nanoseconds.
    pub timed_ns: u64,
}

impl Adder {
    fn add(&mut self, by: u64) -> u64 {
        self.count += 1;
        self.sum = self.sum.wrapping_add(by);
        self.sum
    }

    fn finish(&mut self) -> Tally {
        let (begun, before) = self.mark.unwrap_or_else(|| (Instant::now(), self.count));
        let timed_ns = begun.elapsed().as_nanos() as u64;
        Tally { count: self.count, sum: self.sum, timed: self.count - before, timed_ns }
    }
}

impl Active for Adder {
    type Request = AdderRequest;
    type Proxy<K: Kind> = AdderProxy<K>;
    const NAME: &'static str = "Adder";
    const METHODS: &'static [Method] =
        &[Method::new("add", &["by"]), Method::oneway("mark", &[]), Method::new("finish", &[])];
    const REPLY_BYTES: usize = reply_bytes_max(&[reply_bytes::<u64>(), reply_bytes::<Tally>()]);

    fn method(request: &AdderRequest) -> usize {
        match request {
            AdderRequest::Add { .. } => 0,
            AdderRequest::Mark => 1,
            AdderRequest::Finish { .. } => 2,
        }
    }

    #[inline]
    fn dispatch(&mut self, request: AdderRequest) {
        match request {
            AdderRequest::Add { by, reply } => reply.serve(|| self.add(by)),
            AdderRequest::Mark => self.mark = Some((Instant::now(), self.count)),
            AdderRequest::Finish { reply } => reply.serve(|| self.finish()),
        }
    }
}

/// What callers of an [`Adder`] hold.
pub struct AdderProxy<K: Kind = Mpsc>(Handle<Adder, K>);

impl<K: Kind> Proxy<Adder> for AdderProxy<K> {
    type Kind = K;
    type Tell<'a> = &'a Handle<Adder, K>;

    fn from_handle(handle: Handle<Adder, K>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Adder, K> {
        &self.0
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

    /// As [`add`](Self::add), but a full mailbox is said at once.
    #[inline(always)]
    pub fn try_add(&self, by: u64) -> Result<Call<u64>, SendError<AdderRequest>> {
        self.0.try_call(|reply| AdderRequest::Add { by, reply })
    }

    /// Asks for what there was.
    pub fn try_finish(&self) -> Result<Call<Tally>, SendError<AdderRequest>> {
        self.0.try_call(|reply| AdderRequest::Finish { reply })
    }
}

/// The one-way form of [`AdderProxy::add`].
#[inline(always)]
pub fn told(by: u64) -> AdderRequest {
    AdderRequest::Add { by, reply: Reply::none() }
}
