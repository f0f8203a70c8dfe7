//! A graph as TOML.

use super::{Edge, Graph, Object, SCHEMA, Smt, UTILISATION_DEFAULT};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use toml::Spanned;

/// Rates beyond it are nonsense, and would make sums of them inexact.
const RATE_MAX: f64 = 1e10;
const SERVICE_MAX_US: f64 = 1e7;
const OBJECTS_MAX: usize = 10_000;

/// Reads a text; what is wrong begins with line and column.
pub(super) fn read(text: &str) -> Result<Graph, String> {
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
                Some(twin) => Err((twin.span(), format!("{:?} appears twice here", twin.as_ref()))),
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
