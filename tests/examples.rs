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
fn philosophers_eat_and_none_starves() {
    assert_eq!(printed("philosophers"), "5 philosophers ate 10000 meals, 2000 each\n");
}

#[test]
fn transfers_lose_no_money() {
    let said = printed("bank_transfer");
    let (_, total) = said.split_once("refused; ").expect(&said);
    assert_eq!(total, "80000 cents as before\n");
}

#[test]
fn a_simulation_finds_the_bank_s_mistake_and_repeats_it() {
    let said = printed("simulate_bank");
    assert!(said.starts_with("as it is: 1000 seeds, no cent lost\n"), "{said}");
    assert!(said.contains("with the mistake: seed "), "{said}");
    assert!(said.contains("money was lost or made"), "{said}");
    assert!(said.ends_with("replayed: it fails with the mistake, and not without it\n"), "{said}");
}

#[test]
fn an_order_book_matches_cancels_expires_and_says_when_it_closes() {
    let expected = "60 trades of 6017.70 together; 30 orders rest\n\
                    object \"book\" has ended: it was stopped\n\
                    30 orders were never traded\n";
    assert_eq!(printed("order_matching"), expected);
}

#[test]
fn sensors_are_fused_also_where_one_is_silent() {
    let expected = "54 values of 3 sensors and 6 of fewer; 19.95 °C\n";
    assert_eq!(printed("sensor_fusion"), expected);
}

#[test]
#[cfg(target_os = "linux")]
fn an_epoll_loop_serves_sockets_calls_and_timers() {
    let expected = "300 lines from 3 clients; calls and timers served beside\n";
    assert_eq!(printed("epoll_loop"), expected);
}
