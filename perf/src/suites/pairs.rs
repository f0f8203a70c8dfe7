//! More runners than CPUs: pairs of objects that talk to each other, four pairs on two CPUs.

use crate::error::Error;
use crate::lab::Lab;
use crate::lab::loops::WINDOW;
use crate::lab::sample::Sample;
use crate::lab::time::ANSWER_LIMIT;
use crate::suites::adder::{Adder, AdderProxy};
use mainspring::mailbox::{Kind, Mpsc};
use mainspring::{
    Active, Bound, Builder, Call, Context, Engine, Handle, Method, Options, Proxy, Reply, Runner,
    reply_bytes,
};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Room for every call that is on its way, and the one that begins it all.
const CAPACITY: usize = 2 * WINDOW as usize;

/// Asks a server on another runner, and asks again on each answer.
///
/// It may not wait for one, being on a runner's thread itself: an observer tells it.
struct Client {
    server: AdderProxy,
    me: Me,
    /// Calls not yet sent.
    left: u64,
    /// Calls not yet answered.
    unanswered: u64,
    /// Calls answered well.
    answered: u64,
    begun: Option<Reply<u64>>,
}

/// What a client's observers tell it through: its own proxy, set when it has one.
type Me = Arc<OnceLock<ClientProxy>>;

enum ClientRequest {
    /// Makes that many calls, up to `window` on their way at once; answers when all are answered.
    Begin { calls: u64, window: u64, reply: Reply<u64> },
    /// An answer came.
    Answered { is_ok: bool },
}

impl Client {
    fn new(server: AdderProxy, me: Me) -> Self {
        Self { server, me, left: 0, unanswered: 0, answered: 0, begun: None }
    }

    fn begin(&mut self, calls: u64, window: u64, reply: Reply<u64>) {
        (self.left, self.unanswered, self.answered) = (calls, calls, 0);
        self.begun = Some(reply);
        for _ in 0..window.min(calls) {
            self.ask();
        }
    }

    fn ask(&mut self) {
        self.left -= 1;
        let me = self.me.clone();
        self.server.add(1).on_complete(move |outcome| {
            let answered = ClientRequest::Answered { is_ok: outcome.is_ok() };
            // There is room for all of them; if the client has stopped, nobody waits for it.
            let _ = me.get().map(|me| me.0.tell(answered));
        });
    }

    fn go_on(&mut self, is_ok: bool) {
        self.unanswered -= 1;
        self.answered += u64::from(is_ok);
        if self.left > 0 {
            self.ask();
        } else if self.unanswered == 0
            && let Some(reply) = self.begun.take()
        {
            reply.send(self.answered);
        }
    }
}

impl Active for Client {
    type Request = ClientRequest;
    type Proxy<K: Kind> = ClientProxy<K>;
    const NAME: &'static str = "Client";
    const METHODS: &'static [Method] =
        &[Method::new("begin", &["calls", "window"]), Method::oneway("answered", &["is_ok"])];
    const REPLY_BYTES: usize = reply_bytes::<u64>();

    fn method(request: &ClientRequest) -> usize {
        match request {
            ClientRequest::Begin { .. } => 0,
            ClientRequest::Answered { .. } => 1,
        }
    }

    fn dispatch(&mut self, request: ClientRequest, _: &mut Context<Self>) {
        match request {
            ClientRequest::Begin { calls, window, reply } => self.begin(calls, window, reply),
            ClientRequest::Answered { is_ok } => self.go_on(is_ok),
        }
    }
}

struct ClientProxy<K: Kind = Mpsc>(Handle<Client, K>);

impl<K: Kind> Proxy<Client> for ClientProxy<K> {
    type Kind = K;
    type Tell<'a> = &'a Handle<Client, K>;
    type With<'a> = Bound<'a, Client, K>;

    fn from_handle(handle: Handle<Client, K>) -> Self {
        Self(handle)
    }

    fn handle(&self) -> &Handle<Client, K> {
        &self.0
    }

    fn with(&self, options: Options) -> Bound<'_, Client, K> {
        Bound::new(&self.0, options)
    }

    fn tell(&self) -> &Handle<Client, K> {
        &self.0
    }
}

impl ClientProxy {
    fn begin(&self, calls: u64, window: u64) -> Call<u64> {
        self.0.call(|reply| ClientRequest::Begin { calls, window, reply })
    }
}

/// `pairs` pairs of a client and a server, each on a runner of its own; runners alternate between CPUs.
/// All pairs together make `calls` calls, and each keeps `window` on their way.
pub fn run(lab: &Lab, pairs: usize, window: u64, calls: u64) -> Result<Sample, Error> {
    let engine = runners(lab, pairs).start()?;
    let clients: Result<Vec<_>, _> = (0..pairs).map(|pair| client(&engine, pair)).collect();
    let clients = clients?;
    let each = calls / pairs as u64;
    let warm = each / 10;
    call_all(&clients, warm, window)?;
    let begun = Instant::now();
    call_all(&clients, each - warm, window)?;
    let time = begun.elapsed();
    lab.end(engine)?;
    Ok(Sample::per_operation((each - warm) * pairs as u64, time))
}

/// Makes the objects of one pair.
fn client(engine: &Engine, pair: usize) -> Result<Me, Error> {
    let server = engine.spawn_unnamed(Adder::default).capacity(CAPACITY);
    let server = server.on(format!("server-{pair}")).start()?;
    let me = Me::default();
    let own = me.clone();
    let client = engine.spawn_unnamed(move || Client::new(server, own)).capacity(CAPACITY);
    let client = client.on(format!("client-{pair}")).start()?;
    // Set here and nowhere else.
    let _ = me.set(client);
    Ok(me)
}

/// With four pairs, runners share their CPUs, so none of them spins: that is the point.
fn runners(lab: &Lab, pairs: usize) -> Builder {
    let mut engine = Engine::builder().on_event(lab.reporter(pairs == 1));
    for pair in 0..pairs {
        let client = Runner::named(format!("client-{pair}"));
        let server = Runner::named(format!("server-{pair}"));
        engine = match lab.cpus {
            Some((a, b)) => engine.runner(client.cpu(a)).runner(server.cpu(b)),
            None => engine.runner(client).runner(server),
        };
    }
    engine
}

fn call_all(clients: &[Me], calls: u64, window: u64) -> Result<(), Error> {
    let clients = clients.iter().filter_map(|client| client.get());
    let begun: Vec<_> = clients.map(|client| client.begin(calls, window)).collect();
    for mut call in begun {
        Error::check("answered calls", call.get_timeout(ANSWER_LIMIT)?, calls)?;
    }
    Ok(())
}
