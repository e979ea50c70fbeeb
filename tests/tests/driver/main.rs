//! The driver by hand: a runtime of its own with virtual time, in which a lost wake-up, a dropped
//! call and a wrong order show. No adapter has a part in it.

mod alive;
mod calls;
mod cancelling;
mod dropped;
mod ending;
mod errors;
mod fairness;
mod hand;
mod late;
mod lives;
mod promises;
mod receiving_lives;
mod reconnecting;
mod room;
mod seeds;
mod shared_queue;
mod streaming_dropped;
mod streaming_lives;
mod taking;
mod waking;

use mqtt_as_proto::Version;

const BOTH: [Version; 2] = [Version::V311, Version::V5];
