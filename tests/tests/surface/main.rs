//! The surface of the client, told from outside as stories over TCP on loopback, in both versions.
//!
//! `runtime` holds all that names a runtime: another one runs the same list with a file like it.

mod acknowledging;
mod bad_input;
mod callbacks;
mod cancelling;
mod closing;
mod connecting;
mod consuming;
mod counted;
mod flood;
mod hand;
mod links;
mod lives;
mod overrun;
mod peers;
mod promises;
mod publishing;
mod replacing;
mod runtime;
mod story;
mod streaming;
mod streaming_dropped;
mod streaming_in;
mod streaming_lives;
mod subscribing;
mod timing;
mod waking;
