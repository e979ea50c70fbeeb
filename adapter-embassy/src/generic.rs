//! The types that [`Client`](crate::Client) and its like are names of, with all their methods.
//!
//! This module is a part of the documentation, not of the crate: a program says
//! `mqtt_as_embassy::Client`, which is `Client<Embassy>` here.

#[cfg(feature = "alloc")]
#[doc(inline)]
pub use mqtt_as_client::Receiver;
#[doc(inline)]
pub use mqtt_as_client::{Client, MessageStream, PublishStream, Queue, Receipt, WeakClient};
