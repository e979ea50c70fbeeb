//! The client's state machine from outside: connect, do, drive, assert.
//!
//! The server is played by hand, packet by packet. Each test names the decision or the rule that it
//! shows; `peers` holds one for each fault seen in other clients.

#![allow(missing_docs)]

mod aliases;
mod auth;
mod chopped;
mod exactly_once;
mod fates;
mod lines;
mod malformed;
mod memory;
mod oversize;
mod peer;
mod peers;
mod refusals;
mod sessions;
mod stream_in;
mod stream_out;
mod taking;
mod timing;
mod unexpected;
