//! Who sends how much to whom, and how long serving takes: counted in builds with the feature `traffic`,
//! and nowhere else. The other half of this file costs nothing.
//!
//! The sender of a request is known where it is sent: a thread that serves an object notes which. The
//! receiver's runner has the counts, behind a lock; so a recording build is a build for recording.

#[cfg(feature = "traffic")]
pub use recording::{Edge, Served, Traffic};
#[cfg(feature = "traffic")]
pub(crate) use recording::{Log, serve};

#[cfg(not(feature = "traffic"))]
pub(crate) use nothing::{Log, serve};

/// Nothing is recorded.
#[cfg(not(feature = "traffic"))]
mod nothing {
    /// Of a runner.
    pub(crate) struct Log;

    impl Log {
        pub(crate) fn new() -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn sent(&self, _: &'static str, _: Option<&str>, _: usize) {}
    }

    /// An object's turn.
    pub(crate) struct Serving;

    #[inline(always)]
    pub(crate) fn serve(_: &'static str, _: Option<&str>) -> Serving {
        Serving
    }

    impl Serving {
        #[inline(always)]
        pub(crate) fn over(self, _: &Log, _: usize) {}
    }
}

#[cfg(feature = "traffic")]
mod recording {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::fmt;
    use std::mem;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::time::{Duration, Instant};

    thread_local! {
        /// The object that this thread serves.
        static CURRENT: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// What was sent and served, since an engine's start; see
    /// [`EngineHandle::traffic`](crate::EngineHandle::traffic).
    ///
    /// Objects are listed by name; those without one by their type's name, all of a type together.
    /// Printed, it is the graph (TOML) that `mainspring tune` reads.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Traffic {
        /// For how long it was recorded.
        pub time: Duration,
        /// What objects have served, by their names.
        pub objects: BTreeMap<String, Served>,
        /// Who has sent to whom.
        pub edges: Vec<Edge>,
    }

    /// What an object has served.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Served {
        /// How many requests.
        pub requests: u64,
        /// How long that took, timers and hooks included.
        pub time: Duration,
    }

    /// Requests from one object to another.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Edge {
        /// The sender; `None` for threads that served no object.
        pub from: Option<String>,
        /// The receiver.
        pub to: String,
        /// How many, accepted.
        pub requests: u64,
    }

    /// The edges that end at a runner's objects, and these.
    pub(crate) struct Log {
        since: Instant,
        counts: Mutex<Counts>,
    }

    #[derive(Default)]
    struct Counts {
        /// By receiver, then by sender.
        edges: BTreeMap<String, BTreeMap<Option<String>, u64>>,
        objects: BTreeMap<String, Served>,
    }

    impl Log {
        pub(crate) fn new() -> Self {
            Self { since: Instant::now(), counts: Mutex::default() }
        }

        /// Counts requests that an object has accepted from the calling thread.
        pub(crate) fn sent(&self, servant: &'static str, name: Option<&str>, requests: usize) {
            let from = CURRENT.with_borrow(Clone::clone);
            let mut counts = self.lock();
            let to = counts.edges.entry(name.unwrap_or(servant).into()).or_default();
            *to.entry(from).or_default() += requests as u64;
        }

        /// Adds what this runner knows.
        pub(crate) fn add_to(&self, all: &mut Traffic) {
            let counts = self.lock();
            all.time = all.time.max(self.since.elapsed());
            for (name, served) in &counts.objects {
                let object = all.objects.entry(name.clone()).or_default();
                object.requests += served.requests;
                object.time += served.time;
            }
            for (to, senders) in &counts.edges {
                let edge = |(from, requests): (&Option<String>, &u64)| Edge {
                    from: from.clone(),
                    to: to.clone(),
                    requests: *requests,
                };
                all.edges.extend(senders.iter().map(edge));
            }
        }

        fn lock(&self) -> MutexGuard<'_, Counts> {
            self.counts.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// An object's turn, on the thread that serves it. Turns nest: a waiting simulation serves others.
    pub(crate) struct Serving {
        outer: Option<String>,
        begun: Instant,
    }

    /// The calling thread serves that object from now on.
    pub(crate) fn serve(servant: &'static str, name: Option<&str>) -> Serving {
        let name = name.unwrap_or(servant).to_owned();
        let outer = CURRENT.with_borrow_mut(|current| current.replace(name));
        Serving { outer, begun: Instant::now() }
    }

    impl Serving {
        /// Its turn is over, in which it has served so many.
        pub(crate) fn over(self, log: &Log, requests: usize) {
            let time = self.begun.elapsed();
            let name = CURRENT.with_borrow_mut(|current| mem::replace(current, self.outer));
            let mut counts = log.lock();
            let served = counts.objects.entry(name.unwrap_or_default()).or_default();
            served.requests += requests as u64;
            served.time += time;
        }
    }

    impl Traffic {
        /// What was recorded after an earlier look: leaves the start of a program out.
        #[must_use]
        pub fn since(&self, earlier: &Self) -> Self {
            let mut later = self.clone();
            later.time = later.time.saturating_sub(earlier.time);
            for (name, served) in &mut later.objects {
                let before = earlier.objects.get(name).copied().unwrap_or_default();
                served.requests -= before.requests.min(served.requests);
                served.time = served.time.saturating_sub(before.time);
            }
            for edge in &mut later.edges {
                let is_same = |one: &&Edge| one.from == edge.from && one.to == edge.to;
                let before = earlier.edges.iter().find(is_same).map_or(0, |one| one.requests);
                edge.requests -= before.min(edge.requests);
            }
            later.edges.retain(|edge| edge.requests > 0);
            later
        }

        fn per_second(&self, requests: u64) -> f64 {
            requests as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
        }
    }

    impl fmt::Display for Traffic {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            writeln!(f, "schema = \"mainspring-graph/1\"")?;
            for (name, served) in &self.objects {
                let each = served.time.as_secs_f64() * 1e6 / served.requests.max(1) as f64;
                writeln!(f, "\n[[object]]\nname = {}\nservice_us = {each:.3}", Quoted(name))?;
                let outside =
                    self.edges.iter().find(|edge| edge.from.is_none() && edge.to == *name);
                if let Some(edge) = outside {
                    writeln!(f, "rate = {:.1}", self.per_second(edge.requests))?;
                }
            }
            for edge in &self.edges {
                // A request to oneself crosses nothing.
                let Some(from) = edge.from.as_ref().filter(|from| **from != edge.to) else {
                    continue;
                };
                let rate = self.per_second(edge.requests);
                let (from, to) = (Quoted(from), Quoted(&edge.to));
                writeln!(f, "\n[[edge]]\nfrom = {from}\nto = {to}\nrate = {rate:.1}")?;
            }
            Ok(())
        }
    }

    /// A basic string of TOML.
    struct Quoted<'a>(&'a str);

    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("\"")?;
            for letter in self.0.chars() {
                match letter {
                    '"' | '\\' => write!(f, "\\{letter}")?,
                    letter if letter.is_control() => write!(f, "\\u{:04X}", u32::from(letter))?,
                    letter => write!(f, "{letter}")?,
                }
            }
            f.write_str("\"")
        }
    }
}
