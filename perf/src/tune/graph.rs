//! What is to be placed: objects, who sends to whom how often, and what must hold of the placement.

use crate::trouble::Trouble;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// The schema's name and version, as a file begins with it.
pub const SCHEMA: &str = "mainspring-graph/1";
/// How much of a CPU's time its objects may take, unless the file says otherwise: beyond it requests
/// wait for each other more than they are served.
pub const UTILISATION_DEFAULT: f64 = 0.7;
/// Rates beyond it are nonsense, and would make sums of them inexact.
const RATE_MAX: f64 = 1e10;
const SERVICE_MAX_US: f64 = 1e7;
const OBJECTS_MAX: usize = 10_000;

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
    /// [`Trouble::Usage`] with path, line and column.
    pub fn load(path: &Path) -> Result<Self, Trouble> {
        let refuse = |why: String| Trouble::Usage(format!("{}: {why}", path.display()));
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| refuse(format!("{error}; give a graph as TOML")))?;
        Self::parse(&text).map_err(refuse)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Line, column, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let at = |(span, message): Wrong| {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!("line {line}, column {column}: {message}")
        };
        let no_toml =
            |error: toml::de::Error| at((error.span().unwrap_or_default(), error.message().into()));
        let Head { schema } = toml::from_str(text).map_err(no_toml)?;
        if schema.as_ref() != SCHEMA {
            let found = schema.as_ref();
            let why = format!("schema {found:?}: this version of mainspring reads {SCHEMA:?}");
            return Err(at((schema.span(), why)));
        }
        let file: File = toml::from_str(text).map_err(no_toml)?;
        file.graph().map_err(at)
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

#[derive(Deserialize)]
struct Head {
    schema: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: String,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    object: Vec<ObjectRow>,
    #[serde(default)]
    edge: Vec<EdgeRow>,
    #[serde(default)]
    keep_apart: Vec<Set>,
    #[serde(default)]
    share_l3: Vec<Set>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    leave_for_os: Vec<usize>,
    smt: Smt,
    objects_per_runner: Option<Spanned<usize>>,
    utilisation: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectRow {
    name: Spanned<String>,
    runner: Option<Spanned<String>>,
    cpu: Option<usize>,
    service_us: Option<Spanned<f64>>,
    rate: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EdgeRow {
    from: Spanned<String>,
    to: Spanned<String>,
    rate: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    objects: Vec<Spanned<String>>,
}

/// Something wrong, and where.
type Wrong = (Range<usize>, String);

impl File {
    fn graph(self) -> Result<Graph, Wrong> {
        let places = places(&self.object)?;
        let find = |name: &Spanned<String>| place(&places, name);
        let set = |set: &Set| -> Result<Vec<usize>, Wrong> {
            let found: Vec<_> = set.objects.iter().map(find).collect::<Result<_, _>>()?;
            match twin(&set.objects) {
                None => Ok(found),
                Some(twin) => Err((twin.span(), format!("{:?} stands here twice", twin.as_ref()))),
            }
        };
        let mut ends = HashSet::new();
        let edge = |row: &EdgeRow| {
            let edge = Edge {
                from: find(&row.from)?,
                to: find(&row.to)?,
                rate: within("rate", &row.rate, RATE_MAX, "messages a second")?,
            };
            if ends.insert((edge.from, edge.to)) {
                return Ok(edge);
            }
            let (from, to) = (row.from.as_ref(), row.to.as_ref());
            let why =
                format!("a second edge from {from:?} to {to:?}: leave one out, add the rates");
            Err((row.from.span(), why))
        };
        let Limits { leave_for_os, smt, objects_per_runner, utilisation } = self.limits;
        Ok(Graph {
            objects: self.object.iter().map(object).collect::<Result<_, _>>()?,
            edges: self.edge.iter().map(edge).collect::<Result<_, _>>()?,
            keep_apart: self.keep_apart.iter().map(set).collect::<Result<_, _>>()?,
            share_l3: self.share_l3.iter().map(set).collect::<Result<_, _>>()?,
            leave_for_os,
            smt,
            objects_per_runner: objects_per_runner.map(at_least_one).transpose()?,
            utilisation: utilisation.map_or(Ok(UTILISATION_DEFAULT), share)?,
        })
    }
}

fn places(rows: &[ObjectRow]) -> Result<HashMap<&str, usize>, Wrong> {
    if !(1..=OBJECTS_MAX).contains(&rows.len()) {
        let why = format!("{} objects: give 1 to {OBJECTS_MAX} as [[object]]", rows.len());
        return Err((0..0, why));
    }
    let mut places = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        let name = row.name.as_ref();
        if name.is_empty() {
            return Err((row.name.span(), "an object needs a name of one letter or more".into()));
        }
        if places.insert(name.as_str(), place).is_some() {
            let why = format!("a second object named {name:?}: leave one out, or rename it");
            return Err((row.name.span(), why));
        }
    }
    Ok(places)
}

fn place(places: &HashMap<&str, usize>, name: &Spanned<String>) -> Result<usize, Wrong> {
    places.get(name.as_ref().as_str()).copied().ok_or_else(|| {
        let mut known: Vec<_> = places.iter().map(|(name, place)| (place, name)).collect();
        known.sort_unstable();
        let shown: Vec<_> = known.iter().take(8).map(|(_, name)| name).collect();
        let more = if known.len() > shown.len() { ", and others" } else { "" };
        let name_ = name.as_ref();
        (name.span(), format!("there is no object named {name_:?}; there are {shown:?}{more}"))
    })
}

fn twin(names: &[Spanned<String>]) -> Option<&Spanned<String>> {
    let mut seen = HashSet::new();
    names.iter().find(|name| !seen.insert((*name).as_ref()))
}

fn object(row: &ObjectRow) -> Result<Object, Wrong> {
    let number = |what, number: &Option<Spanned<f64>>, most, unit| {
        number.as_ref().map_or(Ok(0.0), |number| within(what, number, most, unit))
    };
    if let Some(runner) = row.runner.as_ref().filter(|runner| runner.as_ref().is_empty()) {
        return Err((runner.span(), "a runner needs a name of one letter or more".into()));
    }
    Ok(Object {
        name: row.name.as_ref().clone(),
        runner: row.runner.as_ref().map(|runner| runner.as_ref().clone()),
        cpu: row.cpu,
        service_us: number("service_us", &row.service_us, SERVICE_MAX_US, "microseconds")?,
        rate: number("rate", &row.rate, RATE_MAX, "requests a second")?,
    })
}

fn within(what: &str, number: &Spanned<f64>, most: f64, unit: &str) -> Result<f64, Wrong> {
    let value = *number.as_ref();
    if (0.0..=most).contains(&value) {
        return Ok(value);
    }
    Err((number.span(), format!("{what} {value}: give 0 to {most} {unit}")))
}

fn at_least_one(number: Spanned<usize>) -> Result<usize, Wrong> {
    match *number.as_ref() {
        0 => Err((number.span(), "objects_per_runner 0: give 1 or more, or leave it out".into())),
        number => Ok(number),
    }
}

fn share(number: Spanned<f64>) -> Result<f64, Wrong> {
    let value = *number.as_ref();
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err((number.span(), format!("utilisation {value}: give a share of a CPU between 0 and 1")))
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
                "line 7, column 17: \"a\" stands here twice",
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
