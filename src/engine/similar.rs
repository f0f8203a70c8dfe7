//! Names that are like another: what an error offers to whoever mistyped one.

/// How many names are offered.
const OFFERED_MAX: usize = 5;
/// So many names are looked at: an engine may have a million.
const LOOKED_AT_MAX: usize = 1024;

/// Up to five of the names, the most similar first.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let rank = |other: &'a str| (distance(name, other), other);
    let mut ranked: Vec<_> = names.take(LOOKED_AT_MAX).map(rank).collect();
    ranked.sort_unstable();
    ranked.into_iter().take(OFFERED_MAX).map(|(_, name)| name.into()).collect()
}

/// How many characters have to be added, left out or changed to make one of the other (V. Levenshtein,
/// 1966).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, a) in one.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, b) in other.chars().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_the_changes() {
        let distances = [("", ""), ("", "abc"), ("abc", ""), ("kitten", "sitting"), ("ab", "ba")];
        assert_eq!(distances.map(|(one, other)| distance(one, other)), [0, 3, 3, 3, 2]);
    }

    #[test]
    fn the_most_similar_names_come_first() {
        let names = ["zebra", "account-2", "acount", "account", "ledger", "audit"];
        let found = nearest("accaunt", names.into_iter());
        assert_eq!(found[..3], ["account", "acount", "account-2"]);
        assert_eq!(found.len(), OFFERED_MAX);
    }
}
