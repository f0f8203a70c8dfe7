//! The diagnosis as people read it.

use crate::machine::doctor::diagnosis::{Checked, Diagnosis, Summary};
use crate::machine::doctor::finding::{Finding, Fix, Severity};
use crate::machine::doctor::quietest::QuietCpu;
use comfy_table::{CellAlignment, Table, presets};
use mainspring::list_of;
use std::fmt::Write;

/// How many CPUs the ranking shows.
const RANKED: usize = 8;

/// Worst first; a line for each note; one line for all that is ok.
pub fn diagnosis(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write_diagnosis(&mut text, diagnosis);
    text
}

fn write_diagnosis(text: &mut String, all: &Diagnosis) -> std::fmt::Result {
    let machine = &all.machine;
    let place = machine.hypervisor.as_ref().map(|name| format!("virtual ({name})"));
    let place = place.as_deref().unwrap_or("no hypervisor detected");
    writeln!(text, "{}, {place}, Linux {}", machine.cpu_model, machine.kernel)?;
    writeln!(
        text,
        "CPUs that matter: {}, of {}",
        list_of(&all.cpus),
        list_of(&machine.cpus_allowed)
    )?;
    let parts = [
        (Severity::Spoils, "Spoils a measurement"),
        (Severity::Warns, "Disturbs"),
        (Severity::Note, "Worth knowing"),
        (Severity::Unchecked, "Could not be checked"),
    ];
    for (severity, title) in parts {
        let those = || all.checks.iter().filter(|one| one.finding.severity == severity);
        if those().next().is_some() {
            writeln!(text, "\n{title}")?;
        }
        those().try_for_each(|checked| write_checked(text, checked))?;
    }
    let well = all.checks.iter().filter(|one| one.finding.severity == Severity::Ok);
    let well: Vec<_> = well.map(|checked| checked.check).collect();
    if !well.is_empty() {
        writeln!(text, "\nOK\n  {}", well.join(", "))?;
    }
    write_quietest(text, &all.quietest)?;
    let Summary { spoils, warns, notes, unchecked, ok } = all.summary;
    writeln!(
        text,
        "\n{spoils} would spoil a measurement, {warns} would disturb it, {notes} worth knowing, \
         {unchecked} not checked, {ok} ok; details: mainspring doctor --explain CHECK"
    )
}

fn write_checked(text: &mut String, checked: &Checked) -> std::fmt::Result {
    let Finding { severity, says, fix, out_of_reach, .. } = &checked.finding;
    writeln!(text, "  {:<16} {says}", checked.check)?;
    let is_bad = *severity >= Severity::Warns;
    if is_bad {
        writeln!(text, "{INDENT}{}", checked.effect)?;
    }
    if let Some(why) = out_of_reach {
        writeln!(text, "{INDENT}{why}")?;
    }
    match fix {
        Some(fix) if is_bad => writeln!(text, "{INDENT}fix:  {}{}", fix.command, rights(fix)),
        _ => Ok(()),
    }
}

/// Under the text, behind the name.
const INDENT: &str = "                   ";

fn rights(fix: &Fix) -> &'static str {
    match (fix.needs_root, fix.needs_reboot) {
        (_, true) => "  (root, reboot)",
        (true, false) => "  (root)",
        (false, false) => "",
    }
}

fn write_quietest(text: &mut String, all: &[QuietCpu]) -> std::fmt::Result {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "CPU",
        "device IRQs/s",
        "all IRQs/s",
        "busy %",
        "hiccups %",
        "longest µs",
        "siblings",
        "kept free",
    ]);
    for column in table.column_iter_mut().take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let number = |number: Option<f64>, digits: usize| {
        number.map_or_else(|| "n/a".into(), |number| format!("{number:.digits$}"))
    };
    for quiet in all.iter().take(RANKED) {
        let hiccups = quiet.hiccups.as_ref();
        table.add_row([
            quiet.cpu.to_string(),
            number(quiet.irqs_device_per_s, 0),
            number(quiet.irqs_per_s, 0),
            number(quiet.busy.map(|busy| busy * 100.0), 0),
            number(hiccups.map(|hiccups| hiccups.share * 100.0), 2),
            number(hiccups.map(|hiccups| hiccups.max_ns as f64 / 1e3), 0),
            list_of(&quiet.siblings),
            if quiet.is_isolated { "isolated" } else { "" }.into(),
        ]);
    }
    writeln!(text, "\nQuietest CPUs first\n{table}")?;
    match all.len().saturating_sub(RANKED) {
        0 => Ok(()),
        more => writeln!(text, "and {more} more, in --json"),
    }
}

/// All about one check.
pub fn explanation(checked: &Checked) -> String {
    let Finding { severity, says, evidence, fix, out_of_reach } = &checked.finding;
    let verdict = match severity {
        Severity::Ok => "ok",
        Severity::Unchecked => "could not be checked",
        Severity::Note => "worth knowing",
        Severity::Warns => "disturbs",
        Severity::Spoils => "spoils a measurement",
    };
    let mut text = format!(
        "{} ({})\nhere:     {says}: {verdict}\neffect:   {}\n",
        checked.check, checked.group, checked.effect
    );
    for evidence in evidence {
        text += &format!("evidence: {} = {}\n", evidence.path, evidence.value);
    }
    if let Some(why) = out_of_reach {
        text += &format!("limit:    {why}\n");
    }
    if let Some(fix) = fix {
        text += &format!("fix:      {}{}\nundo:     {}\n", fix.command, rights(fix), fix.undo);
    }
    text
}
