//! Whether a path has become longer than it was when it was recorded.

use crate::record::Figures;
use std::process::ExitCode;

/// A path may take so much more of what was recorded, and so many instructions more, as inlining
/// shifts some from one side of a call to the other.
const SHARE: f64 = 0.05;
const COUNT: f64 = 2.0;
const LONGER: u8 = 3;

/// Says which paths are longer, in one line each, and one for all.
pub fn judge(recorded: &Figures, counted: &Figures) -> ExitCode {
    if recorded.rustc != counted.rustc {
        println!("gate: not judged, as the record was made with another compiler");
        return ExitCode::SUCCESS;
    }
    let longer = longer(recorded, counted);
    for line in &longer {
        println!("gate: {line}");
    }
    println!("gate: {} paths, {} longer than recorded", counted.instructions.len(), longer.len());
    if longer.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(LONGER) }
}

fn longer(recorded: &Figures, counted: &Figures) -> Vec<String> {
    let both = counted.instructions.iter().filter_map(|(path, is)| {
        let was = recorded.instructions.get(path)?;
        let is_longer = is - was > (was * SHARE).max(COUNT);
        is_longer.then(|| format!("{path}: {was:.1} recorded, {is:.1} counted"))
    });
    both.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(instructions: &[(&str, f64)]) -> Figures {
        let instructions = instructions.iter().map(|(path, count)| ((*path).into(), *count));
        Figures { instructions: instructions.collect(), ..Figures::default() }
    }

    #[test]
    fn a_path_that_grew_by_more_than_either_limit_is_named() {
        let recorded = figures(&[("few", 6.0), ("many", 100.0), ("other", 100.0)]);
        let counted = figures(&[("few", 8.0), ("many", 105.5), ("other", 90.0), ("new", 5.0)]);
        assert_eq!(longer(&recorded, &counted), ["many: 100.0 recorded, 105.5 counted"]);
    }
}
