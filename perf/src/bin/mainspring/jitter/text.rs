//! Jitter as people read it: a table, then for each CPU how long its hiccups were and what was about.

use comfy_table::{CellAlignment, Table, presets};
use mainspring_perf::format::{figure, time};
use mainspring_perf::machine::jitter::{Counted, CpuJitter, Report, Sources, Watched};
use mainspring_perf::stats::Latencies;
use std::fmt::Write;

const HEADER: [&str; 8] = ["CPU", "hiccups/s", "from", "lost %", "p99", "p99.9", "p99.99", "max"];
/// How many columns the longest bar takes.
const BAR: f64 = 24.0;
/// How many kinds of interrupts are named; the document names all.
const KINDS: usize = 5;

/// The whole text.
pub fn of(report: &Report) -> String {
    let mut text = table(&report.cpus);
    for watched in &report.cpus {
        // Writing to a string can't fail.
        let _ = one(&mut text, watched);
    }
    let how = if report.is_together { "all at once" } else { "one after another" };
    let _ = write!(
        text,
        "\nA hiccup is a gap between two clock readings of at least the length given. Quantiles are \
         over all gaps.\nBars are logarithmic. CPUs were watched {how}, on {}.\n",
        report.machine.summary
    );
    text
}

fn table(cpus: &[Watched]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADER);
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for Watched { jitter, .. } in cpus {
        let times = [jitter.p99_ns, jitter.p999_ns, jitter.p9999_ns, jitter.max_ns].map(time);
        let [p99, p999, p9999, max] = times;
        let rate = figure(jitter.count as f64 / jitter.seconds);
        let lost = format!("{:.3}", jitter.share * 100.0);
        let from = time(jitter.threshold_ns);
        table.add_row([jitter.cpu.to_string(), rate, from, lost, p99, p999, p9999, max]);
    }
    format!("{table}\n")
}

fn one(text: &mut String, Watched { jitter, sources }: &Watched) -> std::fmt::Result {
    let CpuJitter { cpu, count, seconds, .. } = jitter;
    writeln!(text, "\nCPU {cpu}: {count} hiccups in {seconds:.1} s")?;
    let buckets = Latencies::decoded(&jitter.hdr)
        .map(|gaps| buckets(&gaps.cumulative(), jitter.threshold_ns))
        .unwrap_or_default();
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(0);
    for Bucket { from, to, count } in buckets {
        let range = format!("{} – {}", time(from), time(to));
        writeln!(text, "{range:>18} {:<24} {count}", bar(count, most))?;
    }
    causes(text, jitter, sources)
}

struct Bucket {
    from: u64,
    to: u64,
    count: u64,
}

/// The gaps from the threshold on, in steps of 1, 3, 10, 30, …, up to the longest.
fn buckets(cumulative: &[(u64, u64)], threshold: u64) -> Vec<Bucket> {
    let below = |ns: u64| {
        let steps = cumulative.partition_point(|(value, _)| *value < ns);
        steps.checked_sub(1).map_or(0, |last| cumulative[last].1)
    };
    let mut buckets = Vec::new();
    let (mut from, mut edges) = (threshold, edges().skip_while(|edge| *edge <= threshold));
    while below(from) < below(u64::MAX) {
        let to = edges.next().unwrap_or(u64::MAX);
        buckets.push(Bucket { from, to, count: below(to) - below(from) });
        from = to;
    }
    buckets
}

fn edges() -> impl Iterator<Item = u64> {
    (2..11).map(|power| 10_u64.pow(power)).flat_map(|decade| [decade, 3 * decade])
}

/// Nothing for none, something for one.
fn bar(count: u64, most: u64) -> String {
    let log = |count: u64| (count as f64).ln_1p();
    let length = if count == 0 { 0.0 } else { (BAR * log(count) / log(most)).max(1.0) };
    "█".repeat(length as usize)
}

fn causes(text: &mut String, jitter: &CpuJitter, sources: &Sources) -> std::fmt::Result {
    if let (Some(preempted), Some(ns)) = (sources.preempted, sources.preempted_ns) {
        let lost = jitter.share * jitter.seconds * 1e9;
        let share = if lost > 0.0 { ns as f64 / lost * 100.0 } else { 0.0 };
        writeln!(
            text,
            "  another thread had the CPU in {preempted} of {} hiccups, {share:.0} % of the time lost",
            jitter.count
        )?;
    }
    if let Some(unseen) = sources.unseen_min.filter(|unseen| *unseen > 0) {
        writeln!(
            text,
            "  in at least {unseen} hiccups the kernel saw neither that nor an interrupt: the \
             hypervisor or the firmware caused them"
        )?;
    }
    let mut beside = Vec::new();
    let mut counted = |what: &str, kinds: &Option<Vec<Counted>>| {
        if let Some(kinds) = kinds {
            beside.push(format!("{what}: {}", named(kinds)));
        }
    };
    counted("interrupts", &sources.interrupts);
    counted("softirqs", &sources.softirqs);
    let mut single = |what: &str, value: Option<String>| {
        beside.extend(value.map(|value| format!("{what}: {value}")));
    };
    single("taken by the hypervisor", sources.steal_ms.map(|ms| format!("{ms} ms")));
    single("made to leave the CPU", sources.switches_involuntary.map(|n| format!("{n} times")));
    single("waited for the CPU", sources.run_delay_ns.map(time));
    single("throttled by the cgroup", sources.throttled.map(|n| format!("{n} periods")));
    if !beside.is_empty() {
        writeln!(text, "  counted meanwhile; which hiccups these caused is unknown:")?;
    }
    beside.iter().try_for_each(|line| writeln!(text, "    {line}"))
}

fn named(kinds: &[Counted]) -> String {
    let first = kinds.iter().take(KINDS).map(|one| format!("{} {}", one.count, one.name));
    let mut words: Vec<_> = first.collect();
    if kinds.len() > KINDS {
        let rest: u64 = kinds.iter().skip(KINDS).map(|one| one.count).sum();
        words.push(format!("{rest} of other kinds"));
    }
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_from_the_threshold_on_is_in_one_bucket() {
        let cumulative = [(50, 1000), (310, 1003), (900, 1004), (1000, 1005), (7_000_000, 1006)];
        let buckets = buckets(&cumulative, 310);
        let seen: Vec<_> = buckets.iter().map(|b| (b.from, b.to, b.count)).collect();
        assert_eq!(seen[..3], [(310, 1000, 4), (1000, 3000, 1), (3000, 10_000, 0)]);
        assert_eq!(seen.last(), Some(&(3_000_000, 10_000_000, 1)));
        assert!(super::buckets(&cumulative[..1], 310).is_empty(), "no hiccups");
    }

    #[test]
    fn a_single_hiccup_is_seen_beside_a_million_and_none_is_nothing() {
        assert_eq!(bar(1_000_000, 1_000_000).chars().count(), BAR as usize);
        assert_eq!(bar(1, 1_000_000), "█");
        assert_eq!((bar(0, 5), bar(0, 0)), (String::new(), String::new()));
    }

    #[test]
    fn what_the_system_does_not_say_is_not_said() {
        let jitter = CpuJitter {
            cpu: 3,
            seconds: 2.0,
            threshold_ns: 300,
            count: 0,
            share: 0.0,
            p99_ns: 20,
            p999_ns: 20,
            p9999_ns: 20,
            max_ns: 20,
            hdr: Latencies::new().encoded(),
        };
        let mut text = String::new();
        let watched = Watched { jitter, sources: Sources::default() };
        one(&mut text, &watched).unwrap();
        assert_eq!(text, "\nCPU 3: 0 hiccups in 2.0 s\n");
    }
}
