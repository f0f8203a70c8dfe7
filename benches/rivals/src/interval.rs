//! The median of a few figures, and between which of them it lies with a confidence of 95 %.

use serde::Serialize;

/// A median and its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The median of the sample.
    pub median: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// How often the true median may lie outside.
const DOUBT: f64 = 0.05;

/// The median of these figures, with bounds that are two of them; `None` if they are too few for
/// any bounds: fewer than six.
///
/// Each figure lies below the true median with a probability of one half, whatever the
/// distribution. So the bounds that are `rank` figures from either end fail when fewer than `rank`
/// of them lie on one side, which a binomial distribution knows.
pub fn of_median(figures: impl IntoIterator<Item = f64>) -> Option<Interval> {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let rank = rank(figures.len())?;
    let median = mainspring_perf::stats::median(figures.iter().copied())?;
    Some(Interval { median, low: figures[rank - 1], high: figures[figures.len() - rank] })
}

/// The largest rank, from 1, with little enough doubt.
fn rank(count: usize) -> Option<usize> {
    let all = 0.5_f64.powi(count.try_into().ok()?);
    let (mut ways, mut below, mut rank) = (1.0, 0.0, 0);
    for place in 0..=count / 2 {
        below += ways * all;
        if 2.0 * below > DOUBT {
            break;
        }
        rank = place + 1;
        ways *= (count - place) as f64 / (place + 1) as f64;
    }
    (rank > 0).then_some(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_tables_of_the_sign_test() {
        let known = [(5, None), (6, Some(1)), (8, Some(1)), (9, Some(2)), (12, Some(3))];
        for (count, expected) in known {
            assert_eq!(rank(count), expected, "{count}");
        }
        assert_eq!(rank(20), Some(6));
        assert_eq!(rank(100), Some(40));
    }

    #[test]
    fn bounds_are_two_of_the_figures() {
        let interval = of_median((1..=9).rev().map(f64::from)).unwrap();
        assert_eq!(interval, Interval { median: 5.0, low: 2.0, high: 8.0 });
        assert_eq!(of_median([1.0, 2.0]), None);
    }
}
