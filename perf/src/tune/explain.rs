//! Why each object is where it is: what it exchanges with whom, what holds it, where else it could be.

use crate::format::figure;
use crate::tune::graph::{Constraint, Graph, Object};
use crate::tune::problem::{Cost, Machine, Problem};
use crate::tune::search::Placement;
use crate::tune::state::State;
use std::fmt::Write;

/// A text with a paragraph for each object.
pub fn text(graph: &Graph, machine: Machine<'_>, placement: &Placement) -> String {
    let problem = Problem::new(graph, machine);
    let messages = graph.all_arrivals().max(f64::MIN_POSITIVE);
    let cpus = problem.units.iter().map(|unit| placement.cpu_of[unit.objects[0]]);
    let place = |id: usize| problem.cpus.binary_search_by_key(&id, |cpu| cpu.id).unwrap_or(0);
    let units: Vec<_> = cpus.map(place).collect();
    let mut state = State::of(&problem, &units);
    let mut text = String::new();
    for object in 0..graph.objects.len() {
        let unit = problem.units.iter().position(|unit| unit.objects.contains(&object));
        let unit = unit.expect("each object is in a unit");
        // Writing to a string can't fail.
        let _ = paragraph(&mut text, graph, machine, &problem, &placement.cpu_of, object);
        let _ = writeln!(text, "  {}", elsewhere(&mut state, unit, &problem, messages));
    }
    text
}

fn paragraph(
    text: &mut String,
    graph: &Graph,
    machine: Machine<'_>,
    problem: &Problem,
    cpu_of: &[usize],
    object: usize,
) -> std::fmt::Result {
    let Object { name, service_us, .. } = &graph.objects[object];
    let here = cpu_of[object];
    let arrivals = graph.arrivals(object);
    let busy = arrivals * service_us * 1e-4;
    let requests = if arrivals > 0.0 {
        format!("{} requests/s of {service_us} µs, {busy:.1} % of a CPU", figure(arrivals))
    } else {
        "it receives no requests".into()
    };
    writeln!(text, "{name} on CPU {here}: {requests}")?;
    let place = |id: usize| problem.cpus.binary_search_by_key(&id, |cpu| cpu.id).unwrap_or(0);
    for edge in graph.edges.iter().filter(|edge| edge.from == object || edge.to == object) {
        let (arrow, other) =
            if edge.from == object { ("→", edge.to) } else { ("←", edge.from) };
        let there = cpu_of[other];
        let nanos = figure(problem.one_way_ns(place(here), place(there)));
        let distance = match machine.topology.distance(here, there) {
            Some(distance) if here != there => format!("{distance}, CPU {there}"),
            _ => "same CPU".into(),
        };
        let (rate, name) = (figure(edge.rate), &graph.objects[other].name);
        writeln!(text, "  {arrow} {name}: {rate}/s, {nanos} ns away ({distance})")?;
    }
    for held in graph.constraints().iter().filter(|one| holds(graph, one, object)) {
        writeln!(text, "  held by {}", graph.said(held))?;
    }
    Ok(())
}

/// Whether a constraint is about this object more than about others.
fn holds(graph: &Graph, constraint: &Constraint, object: usize) -> bool {
    match constraint {
        Constraint::Pin(place) => *place == object,
        Constraint::Runner(name) => graph.objects[object].runner.as_ref() == Some(name),
        Constraint::KeepApart(set) => graph.keep_apart[*set].contains(&object),
        Constraint::ShareL3(set) => graph.share_l3[*set].contains(&object),
        Constraint::LeaveForOs | Constraint::AvoidSmt | Constraint::ObjectsPerRunner => false,
    }
}

/// The next best CPU, if everything else stays.
fn elsewhere(state: &mut State<'_>, unit: usize, problem: &Problem, messages: f64) -> String {
    let here = state.cpu_of[unit].expect("it is placed");
    let with = if problem.units[unit].objects.len() > 1 { " with its runner" } else { "" };
    let cost = state.cost();
    state.take(unit);
    let others: Vec<_> =
        (0..problem.cpus.len()).filter(|cpu| *cpu != here && state.fits(unit, *cpu)).collect();
    let mut best: Option<(f64, Cost, usize)> = None;
    for cpu in others {
        state.put(unit, cpu);
        let other = state.cost();
        state.take(unit);
        if best.is_none_or(|(least, ..)| other.total() < least) {
            best = Some((other.total(), other, cpu));
        }
    }
    state.put(unit, here);
    let Some((_, other, cpu)) = best else {
        return format!("no other CPU is possible{with} while everything else stays");
    };
    let (id, more) = (problem.cpus[cpu].id, (other.delay() - cost.delay()) / messages);
    let overload = other.overload - cost.overload;
    if overload > 0.0 {
        return format!("on CPU {id}{with}: overloads it by {:.0} %", overload * 100.0);
    }
    if more < 0.0 {
        let relief = -100.0 * overload;
        return format!("on CPU {id}{with}: overloads others by {relief:.0} % less");
    }
    format!("on CPU {id}{with}: the mean message takes {more:.2} ns longer")
}
