//! Lists of CPUs as the kernel writes them: `0-3,8,10-11`.

use std::fmt::Write;

/// A million CPUs is no machine: a file with nonsense in it must not cost memory.
const CPUS_MAX: usize = 1 << 20;

/// Reads a list, in ascending order, each CPU once. `None` if the text is none.
///
/// For the `mainspring` command, which reads more such files than the library.
pub fn cpus_in(list: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    // Copies of the kernel's files are often filled up with zeros.
    let list = list.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last >= CPUS_MAX || cpus.len() + (last - first) >= CPUS_MAX {
            return None;
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Some(cpus)
}

/// Writes a list, which must be in ascending order.
pub fn list_of(cpus: &[usize]) -> String {
    let mut list = String::new();
    for run in cpus.chunk_by(|one, next| one + 1 == *next) {
        let comma = if list.is_empty() { "" } else { "," };
        // Writing to a string can't fail.
        let _ = match run {
            [first, .., last] => write!(list, "{comma}{first}-{last}"),
            _ => write!(list, "{comma}{}", run[0]),
        };
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_the_kernel_is_read_and_nonsense_is_none() {
        assert_eq!(cpus_in("0-3,8,10-11\n"), Some(vec![0, 1, 2, 3, 8, 10, 11]));
        assert_eq!(cpus_in("\n"), Some(vec![]));
        assert_eq!(cpus_in("4,0-1,1\n\0\0"), Some(vec![0, 1, 4]));
        let many = "0-1000000,".repeat(50);
        let bad = ["a", "3-1", "1-", "-1", "0-99999999999", "0-1048576", "(null)", many.as_str()];
        for bad in bad {
            assert_eq!(cpus_in(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for list in ["", "7", "0-1", "0-3,8,10-11", "0,2,4"] {
            assert_eq!(list_of(&cpus_in(list).unwrap()), list);
        }
    }
}
