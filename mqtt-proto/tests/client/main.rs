//! The client's state machine from outside: connect, do, drive, assert.
//!
//! The server is played by hand, packet by packet. Each test names the decision or the rule that it
//! shows; `peers` holds one for each fault seen in other clients.

#![allow(missing_docs)]

mod adopting;
mod again;
mod aliases;
mod alive;
mod auth;
mod broken_rules;
#[cfg(feature = "bytes")]
mod by_reference;
mod changed_bytes;
mod chopped;
#[cfg(feature = "alloc")]
mod claims;
mod connect_bytes;
mod exactly_once;
mod expiring;
mod fates;
mod foreign;
#[path = "../packets/golden/mod.rs"]
mod golden;
mod handed_over;
#[cfg(feature = "alloc")]
mod heap;
#[path = "../packets/hex.rs"]
mod hex;
mod hostile;
mod idle;
mod lines;
mod listed;
mod malformed;
mod memory;
mod ordering;
mod overrun;
mod oversize;
mod peer;
mod peers;
mod received;
mod recorded;
mod refusals;
mod retired;
mod sent_bytes;
mod server_maximum;
mod sessions;
mod stream_again;
mod stream_in;
mod stream_out;
mod stream_taken;
mod taking;
mod timing;
mod unexpected;
mod wrapping;
