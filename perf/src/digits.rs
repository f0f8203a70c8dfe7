//! How a figure is written for people.

/// Three significant digits, or a whole number with its thousands apart.
pub fn figure(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => thousands(v.round() as u64),
    }
}

fn thousands(value: u64) -> String {
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
}
