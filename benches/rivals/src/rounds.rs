//! The rounds of one row: everybody by turns, again and again, on a machine that is watched.

use crate::one::{Answer, Measured, Order, have_measured};
use crate::quiet::{Look, Probes, is_taken};
use crate::table::{Against, Row, is_reference};
use crate::work::{Stream, Work};
use indicatif::ProgressBar;
use mainspring_perf::error::Error;
use std::time::{Duration, Instant};

/// How many messages a mailbox or a queue is for.
pub const CAPACITY: usize = 1024;
/// A measurement on a machine that was not quiet is repeated so often.
const TRIES: u32 = 3;
/// What passes before that.
const NAP: Duration = Duration::from_millis(100);
/// Ticks that a measurement's account of the CPUs may be wrong by; in a round's they are fewer, as
/// they even out.
const SLACK: (f64, f64) = (3.0, 1.0);
/// A contender that failed so often in a row of the table is not asked again.
const FAILURES_MAX: u32 = 2;

/// What all rows of a run share.
pub struct Bench {
    /// The CPUs of the senders and of the receiver, if there are two.
    pub cpus: Option<(usize, usize)>,
    /// How many good rounds are wanted.
    pub rounds: usize,
    /// How long a measurement is, as a rule.
    pub length: Duration,
    /// The probes so far.
    pub probes: Probes,
    /// Draws between measurements, never during one.
    pub progress: ProgressBar,
}

/// Whose figures one column of a row's rounds holds.
pub struct Entry {
    /// The contender's name.
    pub contender: &'static str,
    /// The row's work, or another one to compare with.
    pub work: Work,
    /// What it is there for.
    pub role: Role,
    failures: u32,
    /// Why it isn't asked any more.
    pub is_out: bool,
}

/// What a contender is in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Judged.
    Ours,
    /// Ours a second time: how far two measurements of the same differ.
    Again,
    /// Ours with another mailbox, or at another work.
    Other,
    /// What one would take instead.
    Rival,
    /// The floor, or what is shown beside the rivals.
    Reference,
}

/// One round: a figure of each entry, where there is one.
pub struct Round {
    /// In the order of the entries.
    pub figures: Vec<Option<Measured>>,
    /// The share of the CPUs that others took.
    pub taken: f64,
    /// Whether the machine was quiet, and the CPUs near each other.
    pub is_good: bool,
}

/// What one row came to.
pub struct Outcome {
    /// Which.
    pub row: Row,
    /// Who was measured.
    pub entries: Vec<Entry>,
    /// All rounds, the bad ones as well.
    pub rounds: Vec<Round>,
    /// How many measurements were repeated at once.
    pub repeated: u32,
    /// What went wrong, and what engines had to say.
    pub notes: Vec<String>,
}

/// Who is measured in a row: of `names`, those that are not ours, then ours.
pub fn entries(row: &Row, names: &[&'static str], all_ours: &[&'static str]) -> Vec<Entry> {
    let entry = |contender, role| {
        let work = row.work;
        Entry { contender, work, role, failures: 0, is_out: false }
    };
    let role = |name| match is_reference(row.work, name) {
        true => Role::Reference,
        false => Role::Rival,
    };
    let mut entries: Vec<_> = names.iter().map(|name| entry(*name, role(*name))).collect();
    let others = all_ours.iter().filter(|name| **name != row.ours);
    entries.extend(others.map(|name| entry(*name, Role::Other)));
    for gate in &row.gates {
        if let Against::OursAt(work) = gate.against {
            entries.push(Entry { work, ..entry(row.ours, Role::Other) });
        }
    }
    entries.extend([entry(row.ours, Role::Ours), entry(row.ours, Role::Again)]);
    entries
}

/// Measures a row until it has its good rounds, or `until` is past and it has had a fair try.
pub fn measure(
    bench: &Bench,
    row: Row,
    entries: Vec<Entry>,
    until: Option<Instant>,
) -> Result<Outcome, Error> {
    let mut outcome = Outcome { row, entries, rounds: vec![], repeated: 0, notes: vec![] };
    let rounds = outcome.row.rounds(bench.rounds);
    while outcome.good_rounds() < rounds {
        let is_late = until.is_some_and(|until| Instant::now() >= until);
        let most = if is_late { rounds } else { rounds * 3 / 2 };
        if outcome.rounds.len() >= most {
            break;
        }
        let round = outcome.round(bench)?;
        outcome.rounds.push(round);
    }
    Ok(outcome)
}

impl Outcome {
    fn good_rounds(&self) -> usize {
        self.rounds.iter().filter(|round| round.is_good).count()
    }

    /// Everybody once.
    fn round(&mut self, bench: &Bench) -> Result<Round, Error> {
        let before = bench.look();
        let (mut figures, mut is_good) = (Vec::with_capacity(self.entries.len()), true);
        for place in 0..self.entries.len() {
            let (figure, was_quiet) = self.one(bench, place)?;
            figures.push(figure);
            is_good &= was_quiet;
            bench.progress.inc(1);
        }
        let taken = bench.taken_since(before, SLACK.1);
        Ok(Round { figures, taken, is_good: is_good && !is_taken(taken) })
    }

    /// One entry's figure, and whether it was measured on a quiet machine in the end.
    fn one(&mut self, bench: &Bench, place: usize) -> Result<(Option<Measured>, bool), Error> {
        let mut last = None;
        for attempt in 1..=TRIES {
            if self.entries[place].is_out {
                break;
            }
            let entry = &self.entries[place];
            bench.progress.set_message(format!("{}: {}", self.row.label, entry.contender));
            let before = bench.look();
            let answer = have_measured(&bench.order(entry))?;
            let taken = bench.taken_since(before, SLACK.0);
            let Some(measured) = self.note(place, answer) else { continue };
            let is_steady = measured.probes.is_none_or(|probes| bench.probes.add(probes));
            last = Some(measured);
            if is_steady && !is_taken(taken) {
                return Ok((last, true));
            }
            if attempt < TRIES {
                self.repeated += 1;
                std::thread::sleep(NAP);
            }
        }
        // Who has no figure spoils no one's round.
        let is_good = last.is_none();
        Ok((last, is_good))
    }

    /// Takes what there is to take of an answer.
    fn note(&mut self, place: usize, answer: Answer) -> Option<Measured> {
        let entry = &mut self.entries[place];
        let mut add = |note: String| {
            let note = format!("{}: {}: {note}", self.row.label, entry.contender);
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        };
        match answer {
            Answer::NotMadeForIt => entry.is_out = true,
            Answer::Failed(why) => {
                add(why);
                entry.failures += 1;
                entry.is_out = entry.failures >= FAILURES_MAX;
            }
            Answer::Measured(measured) => {
                measured.warnings.iter().cloned().for_each(add);
                return Some(measured);
            }
        }
        None
    }

    /// Drops rounds that turned out to be far off the median of all probes of the run.
    pub fn sift(&mut self, probes: &Probes) {
        for round in &mut self.rounds {
            let measured = round.figures.iter().flatten();
            let mut probed = measured.filter_map(|measured| measured.probes);
            round.is_good &= probed.all(|both| probes.are_steady(both));
        }
    }

    /// How many rounds were dropped.
    pub fn dropped(&self) -> usize {
        self.rounds.len() - self.good_rounds()
    }
}

impl Bench {
    /// Finds out what a bare round trip is like before anything is measured.
    pub fn probe(&self) -> Result<(), Error> {
        const TIMES: u32 = 5;
        let work = Work::Ask { window: 1, wait: crate::work::Wait::Spin };
        let entry = Entry {
            contender: crate::floors::FLOOR,
            work,
            role: Role::Reference,
            failures: 0,
            is_out: false,
        };
        for _ in 0..TIMES {
            if let Answer::Measured(measured) = have_measured(&self.order(&entry))?
                && let Some(probes) = measured.probes
            {
                self.probes.add(probes);
            }
        }
        Ok(())
    }

    fn order(&self, entry: &Entry) -> Order {
        let length = match entry.work {
            // Each takes a millisecond and more.
            Work::Wake { .. } | Work::WakeSender => self.length * 3,
            // They share a CPU, and each has it for some milliseconds.
            Work::Stream(Stream { producers: 2.., .. }) => self.length * 2,
            _ => self.length,
        };
        let contender = entry.contender.to_owned();
        Order { contender, work: entry.work, length, cpus: self.cpus, capacity: CAPACITY }
    }

    fn look(&self) -> Option<Look> {
        let (callers, other) = self.cpus?;
        Look::now(&[callers, other])
    }

    /// 0 where the system doesn't say.
    fn taken_since(&self, before: Option<Look>, slack: f64) -> f64 {
        let looks = before.zip(self.look());
        looks.map_or(0.0, |(before, after)| after.taken_since(&before, slack))
    }
}
