//! Plays a client of `examples/echo_server`, and what naive servers fail at.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here should take, and short enough to end a hung test.
const PATIENCE: Duration = Duration::from_secs(30);

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts the example on a free port.
    fn start(work_ms: u64) -> Self {
        let mut process = command()
            .args(["--port", "0", "--work-ms", &work_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { process, port }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, message: &str) {
        self.0.write_all(message.as_bytes()).unwrap();
    }

    /// The next reply, which is `expected`: replies have no frame, so exactly that many bytes.
    fn expect(&mut self, expected: &str) {
        let mut reply = vec![0; expected.len()];
        self.0.read_exact(&mut reply).unwrap();
        assert_eq!(String::from_utf8_lossy(&reply), expected);
    }
}

/// Cargo builds the examples beside the tests.
fn command() -> Command {
    let mut path: PathBuf = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    Command::new(path.join("examples/echo_server"))
}

#[test]
fn the_three_cases_go_round_twice() {
    let server = Server::start(1000);
    let mut client = server.connect();
    for cycle in 0..2 {
        let (one, two, three) = (format!("a{cycle}"), format!("b{cycle}"), format!("c{cycle}"));
        client.send(&one);
        client.expect(&format!("Echo - {one}"));
        client.send(&two);
        client.expect("Request Timeout");
        // While the second still runs:
        client.send(&three);
        client.expect(&format!("Echo - {three}"));
    }
}

#[test]
fn a_fourth_message_right_behind_the_third_times_out_honestly() {
    let server = Server::start(1000);
    let mut client = server.connect();
    client.send("1");
    client.expect("Echo - 1");
    client.send("2");
    client.expect("Request Timeout");
    client.send("3");
    // Let the server read "3" as a message of its own: its answer is what we wait for otherwise.
    std::thread::park_timeout(Duration::from_millis(50));
    client.send("4");
    // "4" waits 2 s behind the rest of "2", and "3", and its own second: about 2.4 s.
    client.expect("Echo - 3");
    client.expect("Request Timeout");
}

#[test]
fn clients_that_leave_during_service_delay_nobody() {
    let server = Server::start(300);
    let leaving: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    for mut client in leaving {
        client.send("never read");
        drop(client);
    }
    let mut other = server.connect();
    let began = Instant::now();
    other.send("still here");
    other.expect("Echo - still here");
    assert!(began.elapsed() < Duration::from_millis(8 * 300), "served after the others");
}

#[test]
fn sixty_four_clients_are_each_served_as_if_alone() {
    let server = Server::start(300);
    let began = Instant::now();
    let mut clients: Vec<Client> = (0..64).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("hello");
    }
    for client in &mut clients {
        client.expect("Echo - hello");
    }
    assert!(began.elapsed() < Duration::from_millis(64 * 300 / 2), "one after the other");
}

#[test]
fn a_stop_with_work_queued_ends_every_connection() {
    let mut server = Server::start(1000);
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("queued");
    }
    server.process.stdin.take().unwrap().write_all(b"quit\n").unwrap();
    for client in &mut clients {
        // An answer, or the end of the connection; never silence.
        let mut rest = Vec::new();
        let _ = client.0.read_to_end(&mut rest);
        assert!(
            rest.is_empty() || rest.starts_with(b"Echo - queued") || rest.starts_with(b"Request")
        );
    }
    assert!(server.process.wait().unwrap().success());
}

#[test]
fn bad_input_is_one_line_and_exit_code_2() {
    let server = Server::start(1);
    let cases: [&[&str]; 4] = [
        &["--port", &server.port.to_string()],
        &["--port", "70000"],
        &["--work-ms", "soon"],
        &["--colour"],
    ];
    for arguments in cases {
        let output = command().args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(arguments[arguments.len() - 1]), "names the value: {text}");
    }
}
