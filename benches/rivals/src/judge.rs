//! From rounds to verdicts: paired ratios, their confidence, and whether a limit is met.

use crate::interval::{Interval, of_median};
use crate::one::Measured;
use crate::rounds::{Entry, Outcome, Role};
use crate::table::{Against, Gate, Of};
use mainspring_perf::stats::median;
use serde::Serialize;

/// One line of the table: a row's figure against one limit.
#[derive(Serialize)]
pub struct Line {
    /// The row's label, and the figure's if it isn't the usual one.
    pub label: String,
    /// The floor's median.
    pub floor: Option<f64>,
    /// The best rival, and its median.
    pub peer: Option<(&'static str, f64)>,
    /// Our median.
    pub ours: Option<f64>,
    /// What ours is divided by.
    pub against: Option<String>,
    /// The ratio to it, round by round; or the figure itself, where that is limited.
    pub ratio: Option<Interval>,
    /// How far apart two measurements of ours are in the same round, as a share.
    pub noise: Option<f64>,
    /// The most that the upper bound may be.
    pub at_most: Option<f64>,
    /// Whether it is.
    pub verdict: Option<Verdict>,
}

/// Whether a limit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The upper bound is within the limit.
    Met,
    /// It is beyond the limit.
    Missed,
    /// Two measurements of ours differ by more than the bound is away from the limit, or there is
    /// too little to judge by.
    Inconclusive,
}

/// The lines of a row: one for each limit, or one for a row without any.
pub fn lines(outcome: &Outcome) -> Vec<Line> {
    if outcome.row.gates.is_empty() {
        return vec![outcome.line(Of::Figure)];
    }
    outcome.row.gates.iter().map(|gate| judge(outcome, gate)).collect()
}

fn judge(outcome: &Outcome, gate: &Gate) -> Line {
    let mut line = outcome.line(gate.of);
    line.at_most = Some(gate.at_most);
    line.noise = outcome.noise(gate.of);
    (line.against, line.ratio) = match gate.against {
        Against::Nothing => {
            let ours = outcome.place(|entry| entry.role == Role::Ours);
            (None, ours.and_then(|ours| of_median(outcome.figures(ours, gate.of))))
        }
        against => {
            let name = name_of(against, &line);
            let place = reference(outcome, gate, &line);
            (name, place.and_then(|place| outcome.ratio(Role::Ours, place, gate.of)))
        }
    };
    line.verdict = Some(verdict(line.ratio, line.noise, gate.at_most));
    line
}

fn name_of(against: Against, line: &Line) -> Option<String> {
    match against {
        Against::Floor => Some("floor".into()),
        Against::BestPeer => line.peer.map(|(name, _)| name.into()),
        Against::Named(name) => Some(name.into()),
        Against::OursAt(_) => Some("ours on two CPUs".into()),
        Against::Nothing => None,
    }
}

fn reference(outcome: &Outcome, gate: &Gate, line: &Line) -> Option<usize> {
    let named = |name| outcome.place(|entry| entry.contender == name);
    match gate.against {
        Against::Floor => named(crate::floors::FLOOR),
        Against::BestPeer => named(line.peer?.0),
        Against::Named(name) => named(name),
        Against::OursAt(work) => outcome.place(|entry| entry.work == work),
        Against::Nothing => None,
    }
}

/// An upper bound as near to the limit as the noise could as well be on its other side.
fn verdict(ratio: Option<Interval>, noise: Option<f64>, at_most: f64) -> Verdict {
    let (Some(ratio), Some(noise)) = (ratio, noise) else { return Verdict::Inconclusive };
    let margin = (ratio.high / at_most - 1.0).abs();
    match ratio.high <= at_most {
        _ if noise > margin => Verdict::Inconclusive,
        true => Verdict::Met,
        false => Verdict::Missed,
    }
}

impl Of {
    /// What the label says of it.
    fn suffix(self) -> &'static str {
        match self {
            Self::Figure => "",
            Self::P99 => ": p99",
            Self::P999 => ": p99.9",
        }
    }

    /// It, of one measurement.
    pub fn get(self, measured: &Measured) -> Option<f64> {
        match self {
            Self::Figure => Some(measured.value),
            Self::P99 => measured.p99,
            Self::P999 => measured.p999,
        }
    }
}

impl Outcome {
    fn line(&self, of: Of) -> Line {
        let median_of = |place| median(self.figures(place, of));
        Line {
            label: format!("{}{}", self.row.label, of.suffix()),
            floor: self.place(|one| one.contender == crate::floors::FLOOR).and_then(median_of),
            peer: self.best_peer(of),
            ours: self.place(|entry| entry.role == Role::Ours).and_then(median_of),
            against: None,
            ratio: None,
            noise: None,
            at_most: None,
            verdict: None,
        }
    }

    /// The rival with the least median, if it has a figure in most of the good rounds.
    fn best_peer(&self, of: Of) -> Option<(&'static str, f64)> {
        let rivals = self.entries.iter().enumerate().filter(|(_, one)| one.role == Role::Rival);
        let good = self.rounds.iter().filter(|round| round.is_good).count();
        let medians = rivals.filter_map(|(place, entry)| {
            let is_steady = 2 * self.figures(place, of).count() > good;
            median(self.figures(place, of)).filter(|_| is_steady).map(|m| (entry.contender, m))
        });
        medians.min_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    fn place(&self, is_it: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.entries.iter().position(is_it)
    }

    /// The figures of one entry in the good rounds.
    pub fn figures(&self, place: usize, of: Of) -> impl Iterator<Item = f64> {
        self.good_figures(place, of).flatten()
    }

    fn good_figures(&self, place: usize, of: Of) -> impl Iterator<Item = Option<f64>> {
        let good = self.rounds.iter().filter(|round| round.is_good);
        good.map(move |round| round.figures[place].as_ref().and_then(|one| of.get(one)))
    }

    /// The figures of a role divided by those of an entry, each by the one of the same round.
    fn ratio(&self, role: Role, by: usize, of: Of) -> Option<Interval> {
        let place = self.place(|entry| entry.role == role)?;
        let pairs = self.good_figures(place, of).zip(self.good_figures(by, of));
        of_median(pairs.filter_map(|(ours, by)| Some(ours? / by?)))
    }

    /// How far the interval of ours against ours reaches from 1.
    fn noise(&self, of: Of) -> Option<f64> {
        let ours = self.place(|entry| entry.role == Role::Ours)?;
        let Interval { low, high, .. } = self.ratio(Role::Again, ours, of)?;
        Some((high - 1.0).abs().max((1.0 - low).abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upper(high: f64) -> Option<Interval> {
        Some(Interval { median: high, low: high, high })
    }

    #[test]
    fn the_upper_bound_decides_unless_the_noise_could_turn_it() {
        assert_eq!(verdict(upper(0.9), Some(0.05), 1.0), Verdict::Met);
        assert_eq!(verdict(upper(1.2), Some(0.05), 1.0), Verdict::Missed);
        assert_eq!(verdict(upper(0.97), Some(0.05), 1.0), Verdict::Inconclusive);
        assert_eq!(verdict(upper(1.02), Some(0.05), 1.0), Verdict::Inconclusive);
        assert_eq!(verdict(None, Some(0.05), 1.0), Verdict::Inconclusive);
    }
}
