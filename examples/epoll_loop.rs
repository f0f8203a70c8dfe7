//! An engine inside a program's own epoll loop: one thread serves a TCP socket, the objects and their
//! timers, and sleeps in the kernel when there is nothing to do.
//!
//! Clients send lines; another thread calls the same object, and ends the program when all has come.
//!
//! Run with `cargo run --release --example epoll_loop`. Linux only.

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("epoll is Linux's: elsewhere drive the scheduler with `park_for`");
}

#[cfg(target_os = "linux")]
mod linux {
    use mainspring::mailbox::Mpsc;
    use mainspring::{EngineHandle, Parked, prelude::*};
    use rustix::event::Timespec;
    use rustix::event::epoll::{self, EventData, EventFlags};
    use std::collections::HashMap;
    use std::io::{ErrorKind, Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::OwnedFd;
    use std::thread;
    use std::time::{Duration, Instant};

    type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

    const CLIENTS: usize = 3;
    const LINES: usize = 100;

    /// What the loop's objects have seen. It lives on the loop's thread.
    #[derive(Clone, Copy, Default)]
    struct Tally {
        lines: usize,
        calls: usize,
        ticks: usize,
    }

    #[active]
    impl Tally {
        #[active(on_start)]
        fn begin(&mut self, cx: &mut Context<Self>) {
            let tick = |tally: &mut Self, _: &mut Context<Self>| tally.ticks += 1;
            cx.every(Duration::from_millis(1), Missed::Skip, tick);
        }

        #[active(oneway)]
        pub fn add_lines(&mut self, lines: usize) {
            self.lines += lines;
        }

        pub fn report(&mut self) -> Tally {
            self.calls += 1;
            *self
        }
    }

    /// What an event is about: these two, or a client's number.
    const WAKE: u64 = 0;
    const LISTENER: u64 = 1;
    const FIRST_CLIENT: u64 = 2;

    struct Loop {
        epoll: OwnedFd,
        scheduler: Scheduler,
        listener: TcpListener,
        clients: HashMap<u64, TcpStream>,
        accepted: u64,
        tally: TallyProxy<Mpsc>,
    }

    pub fn run() -> Result<()> {
        let engine = Engine::builder().start()?;
        let scheduler = engine.invoker("loop")?;
        let tally = engine.spawn("tally", Tally::default).on("loop").start()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;

        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        // Readable when another thread has something for the loop while it sleeps.
        epoll::add(&epoll, scheduler.wake_fd()?, EventData::new_u64(WAKE), EventFlags::IN)?;

        let (caller, handle) = (tally.clone(), engine.handle());
        let others = thread::spawn(move || elsewhere(address, &caller, &handle));
        let clients = HashMap::new();
        Loop { epoll, scheduler, listener, clients, accepted: 0, tally }.run()?;
        let seen = others.join().expect("it doesn't panic").map_err(|error| error.to_string())?;
        let is_complete = seen.lines == CLIENTS * LINES && seen.calls > 0 && seen.ticks >= 3;
        assert!(is_complete, "{} lines, {} calls, {} ticks", seen.lines, seen.calls, seen.ticks);
        println!("{} lines from {CLIENTS} clients; calls and timers served beside", seen.lines);
        Ok(())
    }

    impl Loop {
        fn run(mut self) -> Result<()> {
            let mut events = Vec::with_capacity(16);
            loop {
                self.scheduler.turn_for(Duration::from_millis(1));
                // Asked last, directly before the sleep: what this thread sends later rings nobody.
                let limit = match self.scheduler.park() {
                    Parked::No => Some(Duration::ZERO),
                    Parked::Until(None) => None,
                    Parked::Until(Some(at)) => Some(at.saturating_duration_since(Instant::now())),
                    Parked::Over => return Ok(()),
                };
                let limit = limit.map(Timespec::try_from).transpose()?;
                events.clear();
                let buffer = rustix::buffer::spare_capacity(&mut events);
                match epoll::wait(&self.epoll, buffer, limit.as_ref()) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
                for event in &events {
                    match event.data.u64() {
                        WAKE => {} // the next turn sees what it is
                        LISTENER => self.accept()?,
                        client => self.read(client)?,
                    }
                }
            }
        }

        fn accept(&mut self) -> Result<()> {
            let client = match self.listener.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            client.set_nonblocking(true)?;
            let number = FIRST_CLIENT + self.accepted;
            self.accepted += 1;
            epoll::add(&self.epoll, &client, EventData::new_u64(number), EventFlags::IN)?;
            self.clients.insert(number, client);
            Ok(())
        }

        fn read(&mut self, number: u64) -> Result<()> {
            let Some(client) = self.clients.get_mut(&number) else { return Ok(()) };
            let mut buffer = [0; 1024];
            match client.read(&mut buffer) {
                // Closing it takes it out of the epoll set.
                Ok(0) => drop(self.clients.remove(&number)),
                Ok(length) => {
                    let lines = buffer[..length].iter().filter(|byte| **byte == b'\n').count();
                    // The object lives on this thread: no atomics, and the next turn serves it.
                    self.tally.add_lines(lines)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            Ok(())
        }
    }

    /// What other threads do: clients that send, and one that calls until all has come.
    fn elsewhere(
        address: SocketAddr,
        tally: &TallyProxy,
        engine: &EngineHandle,
    ) -> Result<Tally, Box<dyn std::error::Error + Send + Sync>> {
        // The loop ends also if something fails here.
        struct Stop<'a>(&'a EngineHandle);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.stop();
            }
        }
        let _stop = Stop(engine);
        for client in 0..CLIENTS {
            let mut stream = TcpStream::connect(address)?;
            for line in 0..LINES {
                writeln!(stream, "line {line} of client {client}")?;
            }
        }
        loop {
            let seen = tally.report().get()?;
            if seen.lines == CLIENTS * LINES && seen.ticks >= 3 {
                return Ok(seen);
            }
        }
    }
}
