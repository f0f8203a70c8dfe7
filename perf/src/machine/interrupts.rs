//! `/proc/interrupts` and `/proc/softirqs`: how many interrupts of which source each CPU has had.

use crate::machine::root::{Root, Unreadable};
use std::collections::BTreeMap;

const PATH: &str = "proc/interrupts";

/// What was counted until a moment, or between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupts {
    cpus: BTreeMap<usize, usize>,
    sources: Vec<Source>,
}

/// One source of interrupts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its number, or the letters of one of the kernel's own: `LOC`, `RES`.
    pub name: String,
    /// What it is, as the kernel writes it.
    pub what: String,
    /// In the order of the columns.
    counts: Vec<u64>,
}

impl Source {
    /// Whether it can be moved to another CPU.
    pub fn is_device(&self) -> bool {
        self.name.bytes().all(|letter| letter.is_ascii_digit())
    }

    /// The timer's ticks.
    pub fn is_tick(&self) -> bool {
        self.name == "LOC" || self.what.contains("arch_timer")
    }
}

impl Interrupts {
    /// Reads them.
    ///
    /// # Errors
    /// [`Unreadable`] without the file, or if it names no CPU.
    pub fn read(root: &Root) -> Result<Self, Unreadable> {
        let text = root.text(PATH)?;
        Self::parse(&text).ok_or_else(|| Unreadable::new(PATH, "it names no CPU"))
    }

    /// Reads a first line that names the CPUs of the columns, then a line for each source. CPUs that
    /// are offline have no column.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let names = lines.next()?.split_whitespace();
        let columns = names.map_while(|name| name.strip_prefix("CPU")?.parse().ok());
        let cpus: BTreeMap<usize, usize> =
            columns.enumerate().map(|(column, cpu)| (cpu, column)).collect();
        let source = |line: &str| {
            let (name, rest) = line.split_once(':')?;
            let words = rest.split_whitespace().take(cpus.len());
            let counts: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            let what: Vec<_> = rest.split_whitespace().skip(counts.len()).collect();
            Some(Source { name: name.trim().into(), what: what.join(" "), counts })
        };
        // A source that counts for no CPU in particular has fewer columns: it says nothing here.
        let sources = lines.filter_map(source).filter(|one| one.counts.len() == cpus.len());
        let sources = sources.collect();
        (!cpus.is_empty()).then_some(Self { cpus, sources })
    }

    /// How many of these sources' a CPU has had.
    pub fn count(&self, cpu: usize, is_wanted: impl Fn(&Source) -> bool) -> u64 {
        let wanted = self.by_source(cpu).filter(|(one, _)| is_wanted(one));
        wanted.fold(0, |sum: u64, (_, count)| sum.saturating_add(count))
    }

    /// Every source with its count for this CPU; `None` if the CPU has no column.
    pub fn column(&self, cpu: usize) -> Option<impl Iterator<Item = (&Source, u64)>> {
        let column = *self.cpus.get(&cpu)?;
        Some(self.sources.iter().map(move |one| (one, one.counts[column])))
    }

    /// The sources that a CPU has had any of.
    pub fn by_source(&self, cpu: usize) -> impl Iterator<Item = (&Source, u64)> {
        self.column(cpu).into_iter().flatten().filter(|(_, count)| *count > 0)
    }

    /// What was counted since `earlier`. Sources and CPUs that weren't there then are left out.
    pub fn since(mut self, earlier: &Self) -> Self {
        if self.cpus != earlier.cpus {
            self.sources.clear();
        }
        let before: BTreeMap<_, _> = earlier.sources.iter().map(|one| (&one.name, one)).collect();
        self.sources.retain_mut(|one| {
            let Some(before) = before.get(&one.name) else { return false };
            for (count, before) in one.counts.iter_mut().zip(&before.counts) {
                *count = count.saturating_sub(*before);
            }
            true
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "           CPU0       CPU2
  8:        5          7   IO-APIC   8-edge   rtc0
LOC:      100        300   Local timer interrupts
ERR:          0
";

    #[test]
    fn counts_belong_to_the_cpu_of_their_column() {
        let all = Interrupts::parse(TEXT).unwrap();
        assert_eq!(all.count(0, Source::is_device), 5);
        assert_eq!(all.count(2, Source::is_device), 7);
        assert_eq!(all.count(2, Source::is_tick), 300);
        assert_eq!(all.count(1, |_| true), 0, "a CPU without a column");
        assert_eq!(all.by_source(2).next().unwrap().0.what, "IO-APIC 8-edge rtc0");
    }

    #[test]
    fn the_difference_of_two_looks_is_what_came_between_them() {
        let before = Interrupts::parse(TEXT).unwrap();
        let later = TEXT.replace("100        300", "140        299");
        let between = Interrupts::parse(&later).unwrap().since(&before);
        assert_eq!(between.count(0, |_| true), 40);
        assert_eq!(between.count(2, |_| true), 0, "a count never goes back");
        let other = Interrupts::parse("CPU0\n 9: 1\n").unwrap().since(&before);
        assert_eq!(other.count(0, |_| true), 0);
    }

    #[test]
    fn nonsense_counts_nothing() {
        for text in ["", "CPUx\n1: 2\n", "1: 2\n"] {
            assert_eq!(Interrupts::parse(text), None, "{text:?}");
        }
        let odd = Interrupts::parse("CPU0 CPU1\n 1: a b\n2\n: : :\n 3: 1\n").unwrap();
        assert_eq!(odd.count(0, |_| true) + odd.count(1, |_| true), 0);
    }
}
