//! Whether B is slower than A, and whether the figures are able to show it.
//!
//! Machines drift: on a shared one, floors move by tens of percent within minutes. Yet a change of
//! 5 % must be found, and at most one in 20 comparisons of a build with itself may report a change.
//!
//! - **Basis.** Where a scenario has a bare floor (`floor/…`), each round's ratio to the floor of
//!   the same round is compared: what slowed both cancels. A floor that is itself the library's
//!   work would cancel a regression, too, so there the figures are compared as they are. Between
//!   separate runs the figure must say the same as the ratio: a floor's own level differs from
//!   process to process (where its lines come to lie) and is the same in all rounds of one.
//! - **Change.** The median of all differences between logarithms (Hodges and Lehmann): as sturdy as
//!   a median against a round that was preempted, and nearly as sharp as a mean. Its interval is a
//!   bootstrap's, 95 %.
//! - **Chance.** All scenarios' rounds are relabelled together (`permutation.rs`), and a change counts only
//!   if hardly any relabelling has one so large *anywhere*: 20 scenarios raise no more false alarms
//!   than one (Westfall and Young).
//! - **Noise.** What is said to have changed must have changed by more than the same build differs
//!   from itself (`contrast.rs`).
//!
//! Two documents are two visits to a machine, and what differs between visits isn't in either's
//! rounds. So their noise is the spread of single rounds, which more rounds don't reduce. Only alternating
//! fresh processes ([`pairs`]) can detect a few percent.

mod comparison;
mod contrast;
mod documents;
mod environment;
mod judge;
pub mod pairs;
mod permutation;
mod samples;
pub mod text;

pub use comparison::{
    Basis, CHANCE_MAX, Change, Comparison, How, Metric, Named, Overall, Question, Row, SCHEMA,
    Side, THRESHOLD, Unmatched, Verdict,
};
pub use documents::documents;
