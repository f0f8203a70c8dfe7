//! How numbers are printed for people.

/// Three significant digits, or a whole number with its thousands apart.
pub fn figure(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => whole(v.round() as u64),
    }
}

/// A time with its unit: `310 ns`, `4.12 µs`, `12.1 ms`, `1.50 s`; whole numbers stay whole.
pub fn time(ns: u64) -> String {
    let (size, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (1e3, "µs"),
        1_000_000..1_000_000_000 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    let value = ns as f64 / size;
    if value.fract() == 0.0 {
        format!("{value} {unit}")
    } else {
        format!("{} {unit}", figure(value))
    }
}

/// A whole number with its thousands apart.
pub fn whole(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_three_digits_or_more() {
        assert_eq!(figure(1.876), "1.88");
        assert_eq!(figure(9.996), "10.0");
        assert_eq!(figure(46.14), "46.1");
        assert_eq!(figure(99.96), "100");
        assert_eq!(figure(999.6), "1,000");
        assert_eq!(figure(1_234_567.0), "1,234,567");
    }

    #[test]
    fn a_time_has_the_unit_that_fits() {
        let times = [0, 999, 1_000, 4_123, 12_100_000, 1_500_000_000, 60_000_000_000].map(time);
        assert_eq!(times, ["0 ns", "999 ns", "1 µs", "4.12 µs", "12.1 ms", "1.50 s", "60 s"]);
    }
}
