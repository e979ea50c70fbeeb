//! The shortest life that breaks the same rule.

use mqtt_as_tests::pair::{Arena, Fault, Plant};

use super::life::{Life, STEPS};

/// What is left of a life that fails: its steps, by number, and how it fails then.
pub(crate) struct Shortest {
    pub(crate) steps: Vec<u64>,
    pub(crate) fault: Fault,
}

/// How the life with that seed and those steps fails, if it does.
fn fault(seed: u64, plant: Option<Plant>, steps: &[u64]) -> Option<Fault> {
    let mut arena = Arena::default();
    Life::new(seed, plant, &mut arena).live_through(|step| steps.contains(&step)).err()
}

/// Leaves steps out, many at a time and then fewer, as long as the same rule is broken.
pub(crate) fn shrink(seed: u64, plant: Option<Plant>, first: Fault) -> Shortest {
    let mut shortest = Shortest { steps: (0..STEPS).collect(), fault: first };
    let mut size = shortest.steps.len();
    while size != 0 {
        let mut at = 0;
        while at < shortest.steps.len() {
            let mut steps = shortest.steps.clone();
            drop(steps.drain(at..(at + size).min(steps.len())));
            match fault(seed, plant, &steps) {
                Some(fault) if fault.invariant == shortest.fault.invariant => {
                    shortest = Shortest { steps, fault };
                }
                _ => at += size,
            }
        }
        size /= 2;
    }
    shortest
}
