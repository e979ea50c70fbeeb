//! The lives of the random run, with steps that bytes choose: a server that keeps to the standard, and a
//! ledger of all that was promised.

#[path = "../../random/end.rs"]
mod end;
#[path = "../../random/kinds.rs"]
#[allow(dead_code)] // The random run asks that all are met.
mod kinds;
#[path = "../../random/ledger.rs"]
mod ledger;
#[path = "../../random/life.rs"]
#[allow(dead_code)] // The random run leaves steps out, and prints them.
mod life;
#[path = "../../random/operations.rs"]
mod operations;
#[path = "../../random/settings.rs"]
mod settings;

use mqtt_as_tests::pair::Arena;
use mqtt_as_tests::random::Random;

use super::steps::steps;
use life::Life;

/// More steps take longer than they find.
const STEPS: usize = 200;

pub(crate) fn run(mut settings: Random, bytes: &[u8]) -> u64 {
    let mut arena = Arena::default();
    let life = Life::new(settings.next_u64(), None, &mut arena);
    match life.live_by(steps(bytes).take(STEPS), settings.next_u64()) {
        Ok(met) => met.values().sum(),
        Err(fault) => panic!("{fault}"),
    }
}
