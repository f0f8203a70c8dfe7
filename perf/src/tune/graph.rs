//! What is to be placed: objects, who sends to whom how often, and what must hold of the placement.

mod file;

use crate::error::Error;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// The schema's name and version, as a file begins with it.
pub const SCHEMA: &str = "mainspring-graph/1";
/// How much of a CPU's time its objects may take, unless the file says otherwise: beyond it requests
/// wait for each other more than they are served.
pub const UTILISATION_DEFAULT: f64 = 0.7;

/// A graph, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// In the order of the file.
    pub objects: Vec<Object>,
    /// Places in `objects`; no two of the same ends.
    pub edges: Vec<Edge>,
    /// Sets of objects, no two of which share a CPU.
    pub keep_apart: Vec<Vec<usize>>,
    /// Sets of objects that share a last-level cache.
    pub share_l3: Vec<Vec<usize>>,
    /// CPUs that aren't used.
    pub leave_for_os: Vec<usize>,
    /// What is done with the second CPU of a core.
    pub smt: Smt,
    /// How many objects a runner may have.
    pub objects_per_runner: Option<usize>,
    /// How much of a CPU's time its objects should take at most, 0 to 1.
    pub utilisation: f64,
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Objects with the same one stay together; it is their runner's name.
    pub runner: Option<String>,
    /// The CPU that it must be on.
    pub cpu: Option<usize>,
    /// How long it takes for one request.
    pub service_us: f64,
    /// Requests a second that come from outside the graph.
    pub rate: f64,
}

/// Messages from one object to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The sender's place.
    pub from: usize,
    /// The receiver's place.
    pub to: usize,
    /// Messages a second.
    pub rate: f64,
}

/// What is done with the second CPU of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Smt {
    /// It isn't used.
    Avoid,
    /// It is used where it pays although both CPUs are slower then.
    #[default]
    Any,
    /// It is used as if it cost nothing: neighbours in the graph become siblings.
    Pair,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// `cpu` of this object.
    Pin(usize),
    /// Objects of the runner of that name stay together.
    Runner(String),
    /// The set of objects at this place in [`Graph::keep_apart`].
    KeepApart(usize),
    /// The set of objects at this place in [`Graph::share_l3`].
    ShareL3(usize),
    /// [`Graph::leave_for_os`].
    LeaveForOs,
    /// [`Smt::Avoid`].
    AvoidSmt,
    /// [`Graph::objects_per_runner`].
    ObjectsPerRunner,
}

impl Graph {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Usage`] with path, line and column.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let refuse = |why: String| Error::Usage(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| refuse(format!("{error}; give a graph as TOML")))?;
        Self::parse(&text).map_err(refuse)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Line, column, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, String> {
        file::read(text)
    }

    /// Requests a second that reach this object.
    pub fn arrivals(&self, object: usize) -> f64 {
        let sent = self.edges.iter().filter(|edge| edge.to == object).map(|edge| edge.rate);
        self.objects[object].rate + sent.sum::<f64>()
    }

    /// Requests a second that reach any object.
    pub fn all_arrivals(&self) -> f64 {
        let outside: f64 = self.objects.iter().map(|object| object.rate).sum();
        outside + self.edges.iter().map(|edge| edge.rate).sum::<f64>()
    }

    /// Everything that must hold.
    pub fn constraints(&self) -> Vec<Constraint> {
        let pins = (0..self.objects.len()).filter(|place| self.objects[*place].cpu.is_some());
        let mut runners: Vec<_> =
            self.objects.iter().filter_map(|object| object.runner.clone()).collect();
        runners.sort();
        runners.dedup();
        let mut all: Vec<_> = pins.map(Constraint::Pin).collect();
        all.extend(runners.into_iter().map(Constraint::Runner));
        all.extend((0..self.keep_apart.len()).map(Constraint::KeepApart));
        all.extend((0..self.share_l3.len()).map(Constraint::ShareL3));
        let flags = [
            (!self.leave_for_os.is_empty(), Constraint::LeaveForOs),
            (self.smt == Smt::Avoid, Constraint::AvoidSmt),
            (self.objects_per_runner.is_some(), Constraint::ObjectsPerRunner),
        ];
        all.extend(flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, one)| one));
        all
    }

    /// The same graph, of which only these must hold.
    pub fn with_only(&self, kept: &[Constraint]) -> Self {
        let mut graph = self.clone();
        for (place, object) in graph.objects.iter_mut().enumerate() {
            object.cpu = object.cpu.filter(|_| kept.contains(&Constraint::Pin(place)));
            object.runner = object
                .runner
                .take()
                .filter(|name| kept.contains(&Constraint::Runner(name.clone())));
        }
        let sets = |sets: &[Vec<usize>], one: fn(usize) -> Constraint| {
            let kept = sets.iter().enumerate().filter(|(place, _)| kept.contains(&one(*place)));
            kept.map(|(_, set)| set.clone()).collect()
        };
        graph.keep_apart = sets(&self.keep_apart, Constraint::KeepApart);
        graph.share_l3 = sets(&self.share_l3, Constraint::ShareL3);
        if !kept.contains(&Constraint::LeaveForOs) {
            graph.leave_for_os.clear();
        }
        if !kept.contains(&Constraint::AvoidSmt) && graph.smt == Smt::Avoid {
            graph.smt = Smt::Any;
        }
        if !kept.contains(&Constraint::ObjectsPerRunner) {
            graph.objects_per_runner = None;
        }
        graph
    }

    /// A constraint in words, as the file has it.
    pub fn said(&self, constraint: &Constraint) -> String {
        let names = |set: &[usize]| {
            let names: Vec<_> = set.iter().map(|place| &self.objects[*place].name).collect();
            format!("{names:?}")
        };
        match constraint {
            Constraint::Pin(place) => {
                let Object { name, cpu, .. } = &self.objects[*place];
                format!("object {name:?} on CPU {}", cpu.unwrap_or_default())
            }
            Constraint::Runner(name) => {
                let has = |object: &Object| object.runner.as_ref() == Some(name);
                let set: Vec<_> =
                    (0..self.objects.len()).filter(|place| has(&self.objects[*place])).collect();
                format!("runner {name:?} for {}", names(&set))
            }
            Constraint::KeepApart(place) => {
                format!("keep_apart {}", names(&self.keep_apart[*place]))
            }
            Constraint::ShareL3(place) => format!("share_l3 {}", names(&self.share_l3[*place])),
            Constraint::LeaveForOs => format!("leave_for_os {:?}", self.leave_for_os),
            Constraint::AvoidSmt => "smt \"avoid\"".into(),
            Constraint::ObjectsPerRunner => {
                format!("objects_per_runner {}", self.objects_per_runner.unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(rest: &str) -> Result<Graph, String> {
        Graph::parse(&format!("schema = \"{SCHEMA}\"\n{rest}"))
    }

    const TWO: &str = "[[object]]\nname = \"a\"\n[[object]]\nname = \"b\"\n";

    #[test]
    fn what_is_wrong_is_named_with_line_column_and_rule() {
        let cases = [
            ("=", "line 2, column 1: "),
            ("", "line 1, column 1: 0 objects"),
            (
                "[[object]]\nname = \"a\"\n[[object]]\nname = \"a\"",
                "line 5, column 8: a second object",
            ),
            ("[[object]]\nname = \"\"", "line 3, column 8: an object needs a name"),
            ("[[object]]\nname = \"a\"\nrate = -1", "line 4, column 8: rate -1: give 0 to"),
            ("[[object]]\nname = \"a\"\nservice_us = nan", "line 4, column 14: service_us NaN"),
            ("[[object]]\nname = \"a\"\nspeed = 1", "line 4, column 1: unknown field"),
            (
                &format!("{TWO}[[edge]]\nfrom = \"a\"\nto = \"x\"\nrate = 1"),
                "line 8, column 6: there is no object named \"x\"; there are [\"a\", \"b\"]",
            ),
            (
                &format!("{TWO}[[keep_apart]]\nobjects = [\"a\", \"a\"]"),
                "line 7, column 17: \"a\" appears twice here",
            ),
            (&format!("{TWO}[limits]\nutilisation = 1"), "line 7, column 15: utilisation 1"),
            (
                &format!("{TWO}[limits]\nobjects_per_runner = 0"),
                "line 7, column 22: objects_per_runner 0",
            ),
            (&format!("{TWO}[limits]\nsmt = \"on\""), "line 7, column 7: "),
        ];
        for (text, wanted) in cases {
            let said = parse(text).unwrap_err();
            assert!(said.starts_with(wanted), "{text:?}: {said:?}");
        }
        let said = Graph::parse("schema = \"mainspring-graph/2\"\nx = 1").unwrap_err();
        assert!(said.starts_with("line 1, column 10: schema \"mainspring-graph/2\""), "{said}");
        let edge = "[[edge]]\nfrom = \"a\"\nto = \"b\"\nrate = 1\n";
        let said = parse(&format!("{TWO}{edge}{edge}")).unwrap_err();
        assert!(said.starts_with("line 11, column 8: a second edge"), "{said}");
    }

    #[test]
    fn what_the_library_records_is_a_graph() {
        // As `tests/traffic.rs` of the library expects it.
        let object = "[[object]]\nname = \"a\"\nservice_us = 2.500\nrate = 50.0\n\n";
        let other = "[[object]]\nname = \"b \\\"2\\\"\"\nservice_us = 2.500\n\n";
        let edge = "[[edge]]\nfrom = \"a\"\nto = \"b \\\"2\\\"\"\nrate = 25.0\n";
        let text = format!("schema = \"mainspring-graph/1\"\n\n{object}{other}{edge}");
        let graph = Graph::parse(&text).unwrap();
        assert_eq!((graph.objects[1].name.as_str(), graph.objects[0].rate), ("b \"2\"", 50.0));
        assert_eq!((graph.edges[0].from, graph.edges[0].to, graph.edges[0].rate), (0, 1, 25.0));
    }

    #[test]
    fn what_reaches_an_object_is_what_is_sent_to_it_and_what_comes_from_outside() {
        let edge = "[[edge]]\nfrom = \"a\"\nto = \"b\"\nrate = 7\n";
        let graph = parse(&format!("{TWO}rate = 5\n{edge}")).unwrap();
        assert_eq!((graph.arrivals(0), graph.arrivals(1), graph.all_arrivals()), (0.0, 12.0, 12.0));
        assert_eq!((graph.utilisation, graph.smt), (UTILISATION_DEFAULT, Smt::Any));
    }

    #[test]
    fn only_what_is_kept_must_hold() {
        let text = format!(
            "[limits]\nleave_for_os = [0]\nsmt = \"avoid\"\nobjects_per_runner = 3\n{TWO}cpu = 1\n\
             runner = \"r\"\n[[keep_apart]]\nobjects = [\"a\", \"b\"]\n[[share_l3]]\nobjects = [\"a\", \"b\"]"
        );
        let graph = parse(&text).unwrap();
        let all = graph.constraints();
        assert_eq!(all.len(), 7);
        assert_eq!(graph.with_only(&all), graph);
        assert!(graph.with_only(&[]).constraints().is_empty());
        for one in &all {
            let only = graph.with_only(std::slice::from_ref(one));
            assert_eq!(only.constraints().len(), 1, "{one:?}");
            assert!(!graph.said(one).is_empty());
        }
    }
}
