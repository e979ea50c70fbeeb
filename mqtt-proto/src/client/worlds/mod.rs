//! Small worlds, searched whole: a client, an honest server, two messages, two connections, and
//! every order in which things can happen to them.
//!
//! A breadth-first search over all that may come next, from the beginning on. Each state is reached
//! by the shortest list of steps, which a failure prints. Whether a state was seen before is told by
//! all that the client and the world around it hold, see `print`. At every state the rules of
//! `world` hold, and from every state the world comes to rest when time goes on over a healthy link,
//! with nothing lost, nothing doubled, one fate for each message, and no memory held.
//!
//! A debug build searches the beginning of each world, `MQTT_AS_WORLD_STATES` says how much of it. The
//! whole: `cargo test --release -p mqtt-as-proto --features bytes --lib worlds -- --nocapture`.

mod ledger;
mod print;
mod rest;
mod rules;
mod search;
mod server;
mod settings;
mod wire;
mod world;

use std::println;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::vec::Vec;

use search::{Found, search};
use settings::{Settings, all};

/// States of a world that a debug build looks at.
const FEW: usize = 300;

/// Searches the worlds on all processors.
///
/// # Panics
/// At the first rule that is broken, with the shortest list of steps that breaks it in its world.
fn search_all(worlds: &[Settings], most: usize) -> Vec<Found> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Ok(Vec::new())));
    let work = || {
        while let Some(settings) = worlds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let done = search(settings, most);
            if let Ok(done) = &done {
                println!("{settings}: {} states, {} steps", done.states, done.steps);
            }
            let mut found = found.lock().unwrap();
            match (found.as_mut(), done) {
                (Ok(found), Ok(done)) => found.push(done),
                (Ok(_), Err(fault)) => *found = Err(fault),
                (Err(_), _) => return,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, core::num::NonZero::get) {
            scope.spawn(work);
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_ok(), "{}", found.unwrap_err());
    found.unwrap_or_default()
}

#[test]
fn small_worlds_keep_all_promises_in_every_state() {
    let worlds = all();
    let set = std::env::var("MQTT_AS_WORLD_STATES").ok().and_then(|most| most.parse().ok());
    let most = set.unwrap_or(if cfg!(debug_assertions) { FEW } else { usize::MAX });
    let found = search_all(&worlds, most);
    let states: usize = found.iter().map(|found| found.states).sum();
    let steps: usize = found.iter().map(|found| found.steps).sum();
    let deepest = found.iter().map(|found| found.depth).max().unwrap_or_default();
    let cut = found.iter().filter(|found| !found.is_whole).count();
    println!("{} worlds, {cut} of them cut short", worlds.len());
    println!("{states} states, {steps} steps, at most {deepest} in a row");
    if most == usize::MAX {
        assert_eq!(cut, 0, "every world is searched to its end");
        assert!(states > 1_000_000);
    }
}
