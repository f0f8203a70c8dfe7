//! The command `latency-map`.

use crate::options;
use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use mainspring::Topology;
use mainspring_perf::cli::print;
use mainspring_perf::error::Error;
use mainspring_perf::format::figure;
use mainspring_perf::machine::matrix::{self, ClassFigures, Plan, Report};
use mainspring_perf::results::output::Output;
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Its options.
#[derive(Args)]
pub struct Options {
    /// The CPUs: all that this process may use, or a list.
    #[arg(long, value_name = "LIST", default_value = "all")]
    cpus: String,
    /// Measures every pair, even on a machine with many CPUs.
    #[arg(long)]
    full: bool,
    /// How long it takes in total, roughly, in seconds [default: 0.1 per pair, at least 2].
    #[arg(long, value_name = "N")]
    seconds: Option<f64>,
    /// How many cache lines each pair uses; each CPU first touches half of them.
    #[arg(long, value_name = "N", default_value_t = 8)]
    lines: u32,
    /// Writes a JSON document to this file, or to standard output instead of the map.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    json: Option<Option<PathBuf>>,
    /// Draws the map to this SVG file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

const LINES_MAX: u32 = 64;
/// How many outliers are named; the document names all.
const NAMED: usize = 10;
/// Of lines, where nobody says.
const WIDTH: usize = 100;

/// Runs it.
pub fn run(options: Options) -> Result<ExitCode, Error> {
    let cpus = options::cpus(&options.cpus)?;
    if let [only] = cpus[..] {
        return Err(Error::Usage(format!(
            "--cpus {}: CPU {only} alone has no latency to another; name two, or see taskset(1) for \
             what this process may use",
            options.cpus
        )));
    }
    let lines = options.lines;
    if !(2..=LINES_MAX).contains(&lines) {
        return Err(Error::Usage(format!("--lines {lines}: give 2 to {LINES_MAX}")));
    }
    let total = options.seconds.map(options::seconds).transpose()?;
    let json = options.json.map(|path| Output::open("--json", path)).transpose()?;
    let svg = options.svg.map(|path| Output::open("--svg", Some(path))).transpose()?;
    if [&json, &svg].into_iter().flatten().filter(|output| output.is_stdout()).count() > 1 {
        let why = "--json and --svg can't both go to the standard output; give one of them a file";
        return Err(Error::Usage(why.into()));
    }
    let topology = topology()?;
    let plan = Plan::new(&topology, &cpus, options.full, total);
    let report = measure(&topology, &cpus, lines, &plan)?;
    let is_taken = [&json, &svg].into_iter().flatten().any(Output::is_stdout);
    if !is_taken {
        print(&text(&report));
    }
    svg.map_or(Ok(()), |svg| svg.write(&matrix::svg(&report)))?;
    json.map_or(Ok(()), |json| json.write_json(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn topology() -> Result<Topology, Error> {
    Topology::read().map_err(|error| Error::System {
        what: "the machine's topology".into(),
        error: std::io::Error::other(error),
    })
}

fn measure(topology: &Topology, cpus: &[usize], lines: u32, plan: &Plan) -> Result<Report, Error> {
    let progress = options::progress(plan.steps());
    let mut done = 0;
    let report = Report::measure(topology, cpus, lines, plan, |begins, answers| {
        // Draws as well, and before the pair is measured.
        progress.set_position(done);
        progress.set_message(format!("{begins} → {answers}"));
        progress.tick();
        done += 1;
    });
    progress.finish_and_clear();
    report
}

fn text(report: &Report) -> String {
    let stdout = std::io::stdout();
    let is_coloured = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let window = rustix::termios::tcgetwinsize(&stdout).map(|size| size.ws_col.into());
    // Some terminals say that they have no columns.
    let width = window.ok().filter(|columns| *columns > 0).unwrap_or(WIDTH);
    let mut text =
        "Round trips between CPUs: median, ns. Rows begin, columns answer.\n\n".to_owned();
    text += &matrix::text(&report.matrix, width, is_coloured);
    text.push('\n');
    text += &classes(&report.classes);
    // Writing to a string can't fail.
    let _ = foot(&mut text, report);
    text
}

fn classes(classes: &[ClassFigures]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "pairs", "least", "median", "largest", "p99", "one way"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for one in classes {
        table.add_row([
            one.class.clone(),
            one.pairs.to_string(),
            figure(one.p50_min_ns),
            figure(one.p50_ns),
            figure(one.p50_max_ns),
            one.p99_ns.map_or_else(|| "n/a".into(), figure),
            figure(one.p50_ns / 2.0),
        ]);
    }
    format!("{table}\n")
}

fn foot(text: &mut String, report: &Report) -> std::fmt::Result {
    let Report { matrix, repeat, outliers, .. } = report;
    writeln!(text, "\nOne way is half of the median round trip; no two clocks were compared.")?;
    let which = if report.is_full { "all pairs" } else { "some pairs of each class (--full: all)" };
    writeln!(
        text,
        "Measured: {which}, {} lines each, half of them first touched by each CPU, for {:.2} s; p99 is \
         of round trips timed one by one.",
        matrix.lines, report.seconds_each
    )?;
    writeln!(
        text,
        "Measured again: {} pairs, which moved by {:.1} % (median) and {:.1} % at most.",
        repeat.pairs,
        repeat.median_share * 100.0,
        repeat.max_share * 100.0
    )?;
    writeln!(text, "Machine: {}", report.machine.summary)?;
    for one in outliers.iter().take(NAMED) {
        let (ns, class_ns) = (figure(one.p50_ns), figure(one.class_ns));
        let (begins, answers, class) = (one.begins, one.answers, &one.class);
        writeln!(text, "unlike its class: {begins} → {answers} {ns} ns; {class}: {class_ns} ns")?;
    }
    if outliers.len() > NAMED {
        writeln!(text, "unlike their class: {} more", outliers.len() - NAMED)?;
    }
    report.warnings.iter().try_for_each(|warning| writeln!(text, "warning: {warning}"))
}
