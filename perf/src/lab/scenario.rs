//! One thing to measure, and what it is compared with.

use crate::error::Error;
use crate::lab::lab::Lab;
use crate::lab::sample::Sample;
use std::time::Duration;

/// Measures one round, in about the time given.
pub type Measure = Box<dyn Fn(&Lab, Duration) -> Result<Sample, Error>>;

/// One thing to measure.
pub struct Scenario {
    /// What it is called: group/scenario/parameter.
    pub id: String,
    /// The scenario whose figure of the same round this one's is divided by.
    pub floor: Option<String>,
    /// How many shares of a round's time it gets.
    pub weight: u32,
    /// Both sides spin, so that they would wait for each other's time slices on a lone CPU.
    pub needs_two_cpus: bool,
    /// It is measured in the first round only.
    pub is_once: bool,
    /// The run fails if its planned load isn't reached.
    pub must_reach: bool,
    /// Measures one round.
    pub measure: Measure,
}

/// A scenario without a floor, measured in every round.
pub fn scenario(
    id: impl Into<String>,
    measure: impl Fn(&Lab, Duration) -> Result<Sample, Error> + 'static,
) -> Scenario {
    Scenario::new(id.into(), Box::new(measure))
}

impl Scenario {
    /// The same, from a boxed function.
    pub fn new(id: String, measure: Measure) -> Self {
        Self {
            id,
            floor: None,
            weight: 1,
            needs_two_cpus: false,
            is_once: false,
            must_reach: false,
            measure,
        }
    }

    /// Divides its figure by that of another scenario, which must come before it.
    pub fn over(self, floor: impl Into<String>) -> Self {
        Self { floor: Some(floor.into()), ..self }
    }

    /// Gives it more of a round's time.
    pub fn weight(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// Leaves it out on a lone CPU.
    pub fn two_cpus(self) -> Self {
        Self { needs_two_cpus: true, ..self }
    }

    /// Fails the run if its planned load isn't reached.
    pub fn must_reach(self) -> Self {
        Self { must_reach: true, ..self }
    }

    /// Measures it in the first round only.
    pub fn once(self) -> Self {
        Self { is_once: true, ..self }
    }
}

/// The possible scenarios with `only` in their names, and the floors of those.
pub fn select(mut scenarios: Vec<Scenario>, only: &str, has_two_cpus: bool) -> Vec<Scenario> {
    scenarios.retain(|scenario| has_two_cpus || !scenario.needs_two_cpus);
    let is_wanted = |scenario: &Scenario| scenario.id.contains(only);
    let wanted = scenarios.iter().filter(|scenario| is_wanted(scenario));
    let floors: Vec<_> = wanted.filter_map(|scenario| scenario.floor.clone()).collect();
    scenarios.retain(|scenario| is_wanted(scenario) || floors.contains(&scenario.id));
    scenarios
}
