//! Topics whose subscribers are closures.

use crate::proxy::topic::Sent;
use crate::proxy::topic::Subscription;
use crate::proxy::topic::Topic;

/// Subscribes what is no object: a model asks who was reached.
pub fn subscribe<M: ?Sized + 'static>(
    topic: &Topic<M>,
    deliver: impl Fn(&M) + Send + Sync + 'static,
) -> Subscription {
    topic.enter(move |message| {
        deliver(message);
        Sent::Delivered
    })
}
