//! The end of a client that waits for something that never comes.

use futures::task::AtomicWaker;
use mainspring_perf::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::{Context, Poll};
use std::thread::Builder;
use std::time::Duration;

/// What the thread that keeps the time and the client share.
#[derive(Default)]
struct Alarm {
    has_rung: AtomicBool,
    client: AtomicWaker,
}

/// Awaits the client, but not longer than so long.
///
/// The time is kept by a thread, as a runtime with a clock of its own would be slower: what is
/// measured pays one branch each time the client is polled in vain.
pub async fn within<T>(
    limit: Duration,
    client: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let alarm = Arc::new(Alarm::default());
    let over = keep_time(limit, alarm.clone())?;
    let mut client = pin!(client);
    let mut is_known = false;
    let poll = |context: &mut Context<'_>| {
        if let Poll::Ready(result) = client.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if !is_known {
            // Once is enough: a client stays in its task, and what wakes it stays the same.
            alarm.client.register(context.waker());
            is_known = true;
        }
        // Acquire: pairs with the Release in `keep_time`, though nothing else is passed on.
        if alarm.has_rung.load(Acquire) {
            return Poll::Ready(Err(Error::StopTimedOut(limit)));
        }
        Poll::Pending
    };
    let result = poll_fn(poll).await;
    drop(over);
    result
}

/// Rings after so long, unless what is returned is dropped before.
fn keep_time(limit: Duration, alarm: Arc<Alarm>) -> Result<mpsc::Sender<()>, Error> {
    let (sender, over) = mpsc::channel();
    let wait = move || {
        if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // Release: pairs with the Acquire in `within`.
            alarm.has_rung.store(true, Release);
            alarm.client.wake();
        }
    };
    Builder::new().spawn(wait).map_err(Error::Thread)?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    #[test]
    fn a_client_without_end_is_broken_off() {
        let limit = Duration::from_millis(10);
        let result = futures::executor::block_on(within::<()>(limit, pending()));
        assert!(matches!(result, Err(Error::StopTimedOut(_))));
    }
}
