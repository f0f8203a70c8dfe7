//! Scenarios that belong into one chart: those whose names differ in the last part only.

use crate::results::document::Figures;

/// Scenarios of one name, but for its last part.
pub struct Group<'a> {
    pub name: &'a str,
    pub scenarios: Vec<&'a Figures>,
}

/// In the order of the document.
pub fn of(scenarios: &[Figures]) -> Vec<Group<'_>> {
    by(scenarios.iter(), |id| id.rsplit_once('/').map_or(id, |(name, _)| name))
}

/// The same by the first part of the name.
pub fn by_area<'a>(scenarios: impl Iterator<Item = &'a Figures>) -> Vec<Group<'a>> {
    by(scenarios, |id| id.split('/').next().unwrap_or(id))
}

fn by<'a>(
    scenarios: impl Iterator<Item = &'a Figures>,
    name: impl Fn(&'a str) -> &'a str,
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for figures in scenarios {
        let name = name(&figures.id);
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.scenarios.push(figures),
            None => groups.push(Group { name, scenarios: vec![figures] }),
        }
    }
    groups
}
