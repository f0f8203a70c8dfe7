//! Compares two documents.

use super::comparison::{Comparison, How, Named, Question, Side};
use super::judge::conclude;
use super::{environment, samples};
use crate::error::Error;
use crate::results::document::{Document, Status};

/// Compares two documents; `noise`, if there is one, is a second run of A's build.
///
/// # Errors
/// [`Error::Usage`] if they can't be compared.
pub fn documents(
    a: Named,
    b: Named,
    noise: Option<Named>,
    question: &Question,
) -> Result<Comparison, Error> {
    let all = [Some(a), Some(b), noise];
    for named in all.into_iter().flatten() {
        environment::usable(named)?;
    }
    let mut warnings = environment::differences(a, b, question.allow_other_machine)?;
    if let Some(noise) = noise {
        warnings.extend(environment::differences(a, noise, question.allow_other_machine)?);
    }
    let again = noise.map(|noise| noise.document);
    let (samples, unmatched) = samples::of_documents(a.document, b.document, again, question);
    let sides = (side(a, a.document.status), side(b, b.document.status));
    conclude(How::Documents, sides, warnings, samples, unmatched, question)
}

/// One side of the comparison, by its document.
pub fn side(named: Named, status: Status) -> Side {
    let Document { started, command, build, .. } = named.document;
    let (started, command, commit) = (started.clone(), command.clone(), build.commit.clone());
    Side { name: named.name.into(), started, commit, command, status }
}
