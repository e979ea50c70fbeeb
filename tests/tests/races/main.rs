//! Races of handles, driver and callbacks: threads change places wherever one of them takes the lock.
//!
//! `MQTT_AS_SCHEDULES` says how many orders each test tries (200 unless set). A failing one prints its
//! schedule; `MQTT_AS_SCHEDULE` runs that one alone:
//!
//!     MQTT_AS_SCHEDULE=9101… cargo test -p mqtt-as-tests --test races NAME
//!
//! Half of the orders are by chance alone, half with few changes of threads, which finds what needs one
//! of them at a certain moment.

#![allow(missing_docs)]

mod calling;
mod ending;
mod receiving;
mod woven;

use std::env;

/// Tries many orders of the threads of a test.
fn in_any_order(test: fn()) {
    if let Ok(schedule) = env::var("MQTT_AS_SCHEDULE") {
        return shuttle::replay(test, &schedule);
    }
    let orders =
        env::var("MQTT_AS_SCHEDULES").map_or(200, |orders| orders.parse().expect("a number"));
    shuttle::check_random(test, orders / 2);
    shuttle::check_pct(test, orders / 2, 3);
}
