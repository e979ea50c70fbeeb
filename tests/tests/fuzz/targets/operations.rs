//! Any list of operations of the program, of time, and of what the server does: no promise is broken.

use mqtt_as_tests::random::Random;

use super::case::Case;
use super::lives;
use super::settings::settings;
use super::steps::{first, steps};

/// More steps take longer than they find.
const STEPS: usize = 300;

/// Bytes: whose steps, the settings in two, each step in two. Returns how much happened.
pub(crate) fn run(bytes: &[u8]) -> u64 {
    let Some((kind, rest)) = bytes.split_first() else { return 0 };
    let Some((mut choice, rest)) = first(rest) else { return 0 };
    if kind & 1 != 0 {
        return lives::run(choice, rest);
    }
    let config = settings(&mut choice);
    Case::with(config, choice, |mut case| {
        for step in steps(rest).take(STEPS) {
            case.random = Random::new(step);
            case.step();
            case.look();
        }
        case.end()
    })
}
