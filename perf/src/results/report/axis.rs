//! Axes: where a value lies, which values are marked, and what is written there.

use crate::format;

/// One axis of a chart.
pub struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
    /// What is written at the axis.
    pub label: &'static str,
    /// Where lines and labels stand: 0 is the axis's beginning, 1 its end.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Powers of ten around these values; values are above zero.
    pub fn log(
        label: &'static str,
        values: impl Iterator<Item = f64>,
        write: impl Fn(f64) -> String,
    ) -> Self {
        let (least, most) = bounds(values.filter(|value| *value > 0.0)).unwrap_or((1.0, 10.0));
        let low = 10_f64.powf(least.log10().floor());
        let high = 10_f64.powf(most.log10().ceil()).max(low * 10.0);
        let mut axis = Self { low, high, is_log: true, label, ticks: vec![] };
        let decades = (high / low).log10().round() as i32;
        // Few decades have room for what lies between them.
        let marks: &[f64] = if decades <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        for decade in 0..=decades {
            for mark in marks {
                let value = low * 10_f64.powi(decade) * mark;
                if value <= high * 1.001 {
                    axis.ticks.push((axis.place(value), write(value)));
                }
            }
        }
        axis
    }

    /// From zero to a round value beyond these.
    pub fn linear(
        label: &'static str,
        values: impl Iterator<Item = f64>,
        write: impl Fn(f64) -> String,
    ) -> Self {
        let most = bounds(values).map_or(1.0, |(_, most)| most).max(f64::MIN_POSITIVE);
        let step = round_step(most / 4.0);
        let count = (most / step).ceil().max(1.0) as u32;
        let high = step * f64::from(count);
        let ticks =
            (0..=count).map(|k| (f64::from(k) / f64::from(count), write(step * f64::from(k))));
        let ticks = ticks.collect();
        Self { low: 0.0, high, is_log: false, label, ticks }
    }

    /// Shares, each step ten times nearer to all: 0, 90 %, 99 %, … as far as `count` samples reach.
    pub fn nines(count: u64) -> Self {
        let high = (count.max(10) as f64).log10();
        let ticks = (0..=high as usize).map(|nines| (nines as f64 / high, percentile(nines)));
        let ticks = ticks.collect();
        Self { low: 0.0, high, is_log: false, label: "share of operations", ticks }
    }

    /// Where on a [`nines`](Self::nines) axis a share lies.
    pub fn place_share(&self, share: f64) -> f64 {
        self.place(-(1.0 - share).max(1e-18).log10())
    }

    /// Between 0 and 1.
    pub fn place(&self, value: f64) -> f64 {
        let at = if self.is_log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        at.clamp(0.0, 1.0)
    }
}

fn percentile(nines: usize) -> String {
    match nines {
        0 => "0".into(),
        1 => "90 %".into(),
        2 => "99 %".into(),
        _ => format!("99.{} %", "9".repeat(nines - 2)),
    }
}

/// The least and the largest.
pub fn bounds(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.filter(|value| value.is_finite());
    values.map(|value| (value, value)).reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
}

/// 1, 2 or 5 times a power of ten, no less than this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= least * 0.999).unwrap_or(least)
}

/// Nanoseconds in the unit that needs the fewest digits.
pub fn time(nanos: f64) -> String {
    format::time(nanos.round() as u64)
}

/// A number in thousands or millions.
pub fn amount(value: f64) -> String {
    let (value, unit) = match value {
        v if v < 1e3 => (v, ""),
        v if v < 1e6 => (v / 1e3, "k"),
        v => (v / 1e6, "M"),
    };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn axes_reach_beyond_their_values_and_mark_round_ones() {
        let log = Axis::log("", [320.0, 12e6].into_iter(), time);
        assert_eq!(words(&log), ["100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]);
        assert_eq!((log.place(100.0), log.place(1e8), log.place(0.0)), (0.0, 1.0, 0.0));
        assert_eq!(words(&Axis::linear("", [7.3].into_iter(), amount)), ["0", "2", "4", "6", "8"]);
        assert_eq!(words(&Axis::nines(20_000)), ["0", "90 %", "99 %", "99.9 %", "99.99 %"]);
        let nines = Axis::nines(10_000);
        assert!((nines.place_share(0.99) - 0.5).abs() < 1e-9);
        assert_eq!(nines.place_share(1.0), 1.0);
    }

    #[test]
    fn axes_without_values_are_axes_all_the_same() {
        assert!(Axis::log("", std::iter::empty(), time).ticks.len() > 1);
        assert!(Axis::log("", [0.0, f64::NAN].into_iter(), time).ticks.len() > 1);
        assert!(Axis::linear("", [0.0].into_iter(), amount).place(0.0).is_finite());
        assert!(Axis::nines(0).ticks.len() > 1);
    }

    #[test]
    fn times_and_amounts_are_short() {
        assert_eq!(time(335.0), "335 ns");
        assert_eq!(time(98_815.0), "98.8 µs");
        assert_eq!(time(1e9), "1 s");
        assert_eq!(amount(1_500_000.0), "1.5M");
        assert_eq!(amount(80_000.0), "80k");
        assert_eq!(amount(0.0), "0");
    }
}
