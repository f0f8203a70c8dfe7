//! The seeded bugs: what is broken, and the model that must notice.
//!
//! Left out is what no model of ours can notice, because loom is stronger there than the language:
//!
//! - What a fence covers already. The light fence of a mailbox that is always hot orders nothing by
//!   itself, but it is a full one in the model, like the one that stands there otherwise; it comes
//!   after each publication. So nobody misses the `Release` of a lane's end (`Lane::settle`) or of a
//!   lane given up, nor the `AcqRel` of the count of producers.
//! - What another access acquires as well: the tail in `Lane::seal` and `Producing::on`, the lane's
//!   end in `Lane::published`, the word in `Tail::warm`, which its caller has read before.
//! - What orders a load before another's store (`Tail::cool`, for the link that was read before):
//!   loom has no load buffering.
//! - What lies in plain memory: the `Release` that shows what monitors lie in (`Exits::state`), where
//!   all that is read behind the pointer is the checker's own mutex.
//! - What is there twice: a lane made for a mailbox that has ended (`Lane::ended`) would be refused
//!   at the gate.

use crate::seeding::Place;

mod calls;
mod lanes;
mod lives;
mod priority;
mod rings;
mod waits;
mod weak;

/// One place of the shipped source, broken.
pub struct Mutant {
    /// What is wrong.
    pub name: &'static str,
    /// The file, from the project's root.
    pub file: &'static str,
    /// A text that occurs once.
    pub find: &'static str,
    /// What stands there instead.
    pub replace: &'static str,
    /// The file of models.
    pub file_of_model: &'static str,
    /// The model in it that must fail.
    pub model: &'static str,
}

impl Mutant {
    /// Where the bug is.
    pub fn place(&self) -> Place {
        let Self { name, file, find, replace, .. } = *self;
        Place { name, file, find, replace }
    }
}

const fn mutant(
    name: &'static str,
    file: &'static str,
    find: &'static str,
    replace: &'static str,
    file_of_model: &'static str,
    model: &'static str,
) -> Mutant {
    Mutant { name, file, find, replace, file_of_model, model }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    let protocols = [rings::MUTANTS, lanes::MUTANTS, calls::MUTANTS, priority::MUTANTS];
    let others = [lives::MUTANTS, waits::MUTANTS, weak::MUTANTS];
    protocols.into_iter().chain(others).flatten()
}
