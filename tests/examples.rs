//! The examples that end by themselves do what they say.

use std::process::Command;

/// What an example printed. Cargo builds the examples beside the tests.
fn printed(example: &str) -> String {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let output = Command::new(path.join("examples").join(example)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{example}: {} {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_bounded_buffer_loses_nothing() {
    let expected = "60000 items from 3 producers to 2 consumers, each once\n";
    assert_eq!(printed("bounded_buffer"), expected);
}

#[test]
#[cfg(target_os = "linux")]
fn an_epoll_loop_serves_sockets_calls_and_timers() {
    let expected = "300 lines from 3 clients; calls and timers served beside\n";
    assert_eq!(printed("epoll_loop"), expected);
}
