//! Breadth-first search over every order of events.

use std::collections::HashSet;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::settings::Settings;
use super::world::{LENT, Op, World};

/// What a search has seen.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) states: usize,
    /// Ways from one state to another.
    pub(super) steps: usize,
    pub(super) depth: usize,
    pub(super) is_whole: bool,
}

/// A state, by the step that led to it first.
struct Node {
    parent: u32,
    op: Op,
}

/// Searches a world, but for no more than so many states.
///
/// # Errors
/// A rule is broken: how, and the shortest list of steps that breaks it.
pub(super) fn search(settings: &Settings, most: usize) -> Result<Found, String> {
    let mut seen = HashSet::new();
    let mut nodes: Vec<Node> = Vec::new();
    let mut level = Vec::from([(u32::MAX, visit(settings, &[], &mut seen)?.unwrap_or_default())]);
    let mut found = Found { states: 1, steps: 0, depth: 0, is_whole: true };
    while !level.is_empty() {
        let mut next = Vec::new();
        for (node, choices) in level {
            let mut path = path(&nodes, node);
            for op in choices {
                if found.states >= most {
                    found.is_whole = false;
                    return Ok(found);
                }
                path.push(op);
                found.steps += 1;
                if let Some(choices) = visit(settings, &path, &mut seen)? {
                    found.states += 1;
                    nodes.push(Node { parent: node, op });
                    next.push((nodes.len() as u32 - 1, choices));
                }
                path.pop();
            }
        }
        found.depth += usize::from(!next.is_empty());
        level = next;
    }
    Ok(found)
}

fn path(nodes: &[Node], mut node: u32) -> Vec<Op> {
    let mut path = Vec::new();
    while let Some(Node { parent, op }) = nodes.get(node as usize) {
        path.push(*op);
        node = *parent;
    }
    path.reverse();
    path
}

/// Lives those steps. What may come next, if the state was not seen before; it was judged then.
fn visit(
    settings: &Settings,
    path: &[Op],
    seen: &mut HashSet<u128>,
) -> Result<Option<Vec<Op>>, String> {
    let (mut outgoing, mut incoming) = ([0; LENT[0]], [0; LENT[1]]);
    let mut world = World::new(*settings, &mut outgoing, &mut incoming);
    live(&mut world, path, seen)
        .map_err(|fault| format!("{settings}\n{path:?}\n{fault}\n{world:#?}"))
}

fn live(
    world: &mut World<'_>,
    path: &[Op],
    seen: &mut HashSet<u128>,
) -> Result<Option<Vec<Op>>, String> {
    for op in path {
        world.step(*op)?;
    }
    if !seen.insert(world.print()) {
        return Ok(None);
    }
    world.judge()?;
    let choices = world.choices();
    world.come_to_rest().map_err(|fault| format!("then time goes on, and {fault}"))?;
    Ok(Some(choices))
}
