//! Options that several commands share: which CPUs, how many seconds, a bar that says how far it is.

use indicatif::{ProgressBar, ProgressStyle};
use mainspring_perf::error::Error;
use std::time::Duration;

const SECONDS_MIN: f64 = 0.001;
const SECONDS_MAX: f64 = 3600.0;

/// The CPUs of an option `--cpus`: `all` that this process may use, or a list such as `0,2-3`, in its order.
pub fn cpus(list: &str) -> Result<Vec<usize>, Error> {
    let allowed = mainspring::allowed_cpus();
    chosen(list, &allowed).map_err(|rule| {
        Error::Usage(format!("--cpus {list}: {rule}; give all, or some of {allowed:?} as in 0,2-3"))
    })
}

fn chosen(list: &str, allowed: &[usize]) -> Result<Vec<usize>, String> {
    if list == "all" {
        return Ok(allowed.to_vec());
    }
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| {
            let number = text.trim().parse::<usize>();
            number.map_err(|_| format!("{part:?} is neither a CPU number nor a range"))
        };
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(format!("the range {part} ends before it begins"));
        }
        // Stops at the first that isn't allowed, however long the range is.
        for cpu in first..=last {
            if !allowed.contains(&cpu) {
                return Err(format!("CPU {cpu} does not exist or is not allowed to this process"));
            }
            if cpus.contains(&cpu) {
                return Err(format!("CPU {cpu} is named twice"));
            }
            cpus.push(cpu);
        }
    }
    Ok(cpus)
}

/// The time of an option `--seconds`.
pub fn seconds(seconds: f64) -> Result<Duration, Error> {
    if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(Error::Usage(format!("--seconds {seconds}: give {SECONDS_MIN} to {SECONDS_MAX}")))
}

/// A bar on stderr, and only on a terminal. It draws between measurements, never during one.
pub fn progress(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_cpus_and_ranges_in_its_own_order() {
        let allowed = [0, 1, 2, 3, 8];
        assert_eq!(chosen("all", &allowed), Ok(allowed.to_vec()));
        assert_eq!(chosen("8,0-2", &allowed), Ok(vec![8, 0, 1, 2]));
        for bad in ["", "a", "1-", "-1", "3-1", "0,0", "1-8", "0-18446744073709551615", "0,,1"] {
            assert!(chosen(bad, &allowed).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_that_are_no_time_are_refused() {
        assert!(seconds(0.5).is_ok());
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 3601.0] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
