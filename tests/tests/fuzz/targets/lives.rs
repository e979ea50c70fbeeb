//! The lives of the random run, with steps that bytes choose: a server that keeps to the standard, and a
//! ledger of all that was promised.

#[path = "../../random/ledger.rs"]
#[allow(dead_code)] // The random run counts what it meets.
mod ledger;
#[path = "../../random/life.rs"]
#[allow(dead_code)] // The random run leaves steps out, and prints them.
mod life;
#[path = "../../random/settings.rs"]
mod settings;

use mqtt_as_tests::random::Random;

use super::steps::steps;
use life::Life;

/// More steps take longer than they find.
const STEPS: usize = 200;

pub(crate) fn run(mut settings: Random, bytes: &[u8]) -> u64 {
    let life = Life::new(settings.next_u64(), None);
    match life.live_by(steps(bytes).take(STEPS), settings.next_u64()) {
        Ok(met) => met.values().sum(),
        Err(fault) => panic!("{fault}"),
    }
}
