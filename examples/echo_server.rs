//! A TCP echo server with one active object per connection.
//!
//! The servant's one method blocks for a second, which is the point: it blocks its own thread and
//! nobody else. Each read of up to 1024 bytes is one message; it is answered `Echo - <message>`.
//! Per connection three ways to take an answer go round: a wait of 2 s, a wait of 500 ms (the
//! client is told `Request Timeout`; the method runs on), and an observer that sends the answer.
//!
//! ```sh
//! cargo run --example echo_server -- --port 8080 --work-ms 1000
//! ```

use mainspring::prelude::*;
use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
usage: echo_server [--port N] [--work-ms N]

  --port N     the port to listen on; 0 takes any free one (default 8080)
  --work-ms N  how long the method works, in milliseconds (default 1000)

The first line on stdout is the address. A line `quit` on stdin stops the server.";

/// How long a stop lets queued messages be served before their calls are ended.
const STOP_WITHIN: Duration = Duration::from_secs(2);

struct Echo {
    work: Duration,
}

#[active]
impl Echo {
    /// Works for a while, then answers.
    pub fn answer(&mut self, message: Vec<u8>) -> Vec<u8> {
        std::thread::sleep(self.work);
        [b"Echo - ", message.as_slice()].concat()
    }
}

struct Options {
    port: u16,
    work: Duration,
}

fn main() -> ExitCode {
    match run(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("echo_server: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let Some(Options { port, work }) = options(arguments)? else {
        println!("{HELP}");
        return Ok(());
    };
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).map_err(|error| {
        format!("port {port} can't be listened on: {error}; choose another with --port")
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let engine = Engine::builder().start().map_err(|error| error.to_string())?;
    println!("{address}");
    io::stdout().flush().map_err(|error| error.to_string())?;

    let handle = engine.handle();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            // A client that is gone before it was served, or no thread for it: only its own loss.
            if let Err(error) = client.map_err(Into::into).and_then(|c| serve(&handle, c, work)) {
                eprintln!("echo_server: a connection was not served: {error}");
            }
        }
    });

    if wait_for_quit() {
        engine.stop_within(STOP_WITHIN);
    }
    Ok(())
}

/// Returns when somebody wants the server to stop; never just because there is no stdin.
fn wait_for_quit() -> bool {
    if io::stdin().lock().lines().map_while(Result::ok).any(|line| line.trim() == "quit") {
        return true;
    }
    loop {
        std::thread::park();
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Gives the connection an object and a thread of its own; a second thread reads and waits.
fn serve(
    engine: &mainspring::EngineHandle,
    client: TcpStream,
    work: Duration,
) -> Result<(), Failure> {
    let echo = engine.spawn_unnamed(move || Echo { work }).on_own_runner().start()?;
    std::thread::Builder::new().name("connection".into()).spawn(move || {
        // An error here is the client's going: its object drains and ends with the last proxy.
        let _ = converse(client, &echo);
    })?;
    Ok(())
}

fn converse(mut client: TcpStream, echo: &EchoProxy) -> io::Result<()> {
    let mut buffer = [0; 1024];
    for case in (0..3).cycle() {
        let length = client.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut call = echo.answer(buffer[..length].to_vec());
        match case {
            0 => client.write_all(&reply(call.get_timeout(Duration::from_secs(2))))?,
            1 => client.write_all(&reply(call.get_timeout(Duration::from_millis(500))))?,
            _ => {
                let mut client = client.try_clone()?;
                call.on_complete(move |outcome| {
                    // Runs on the object's thread. The client may have gone meanwhile.
                    let _ = client.write_all(&reply(outcome.map_err(WaitError::Ended)));
                });
            }
        }
    }
    Ok(())
}

/// What the client is told.
fn reply(outcome: Result<Vec<u8>, WaitError>) -> Vec<u8> {
    match outcome {
        Ok(answer) => answer,
        Err(WaitError::TimedOut) => b"Request Timeout".to_vec(),
        Err(error) => format!("Request Failed: {error}").into_bytes(),
    }
}

/// `None` when help was asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { port: 8080, work: Duration::from_millis(1000) };
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--help" | "-h" => return Ok(None),
            "--port" => options.port = number(&flag, arguments.next(), "0 to 65535")?,
            "--work-ms" => {
                let rule = "a number of milliseconds";
                options.work = Duration::from_millis(number(&flag, arguments.next(), rule)?);
            }
            _ => return Err(format!("unknown argument {flag:?}: see --help")),
        }
    }
    Ok(Some(options))
}

fn number<N: std::str::FromStr>(
    flag: &str,
    value: Option<String>,
    rule: &str,
) -> Result<N, String> {
    let value = value.ok_or_else(|| format!("{flag} needs a value: {rule}"))?;
    value.parse().map_err(|_| format!("{flag} {value:?} is not possible: give {rule}"))
}
