//! The surface of the client, told from outside as stories: written once, run on every runtime.
//!
//! A target that runs the list has a module `runtime` with all that names a runtime. Without the
//! feature `heap` the list needs no heap from the client: its memory is lent, its messages come in
//! buffers of the program's.

mod acknowledging;
mod adopting;
mod answers;
mod authenticating;
mod bad_input;
mod bursts;
pub(crate) mod callbacks;
mod closing;
mod connecting;
mod consuming;
#[cfg(feature = "heap")]
mod dispatching;
mod drivers;
mod dropping;
mod expiring;
mod farewell;
mod fates;
mod flood;
mod given_up;
#[cfg(feature = "heap")]
pub(crate) mod heap;
#[cfg(feature = "heap")]
mod inherited;
mod links;
mod ordering;
mod overrun;
#[cfg(feature = "heap")]
pub(crate) mod owning;
mod peers;
pub(crate) mod publishing;
mod receipts;
#[cfg(feature = "heap")]
mod receivers;
mod reconfiguring;
mod reconnecting;
mod recorded;
mod replacing;
#[cfg(feature = "heap")]
mod requesting;
mod restarting;
#[cfg(feature = "heap")]
mod restoring;
mod retired;
mod room;
pub(crate) mod story;
mod streaming;
mod streaming_in;
mod subscribing;
mod timing;
#[cfg(feature = "heap")]
mod together;
mod too_large;
#[cfg(feature = "heap")]
mod unanswered;
#[cfg(feature = "heap")]
mod unclaimed;
mod waiters;
mod words;
