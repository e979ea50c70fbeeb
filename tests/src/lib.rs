//! The test kit: brokers, a bad network, the proof.

mod append;
pub mod beside;
pub mod broker;
pub mod link;
pub mod mosquitto;
#[cfg(feature = "heap")]
pub mod pair;
pub mod process;
pub mod proxies;
pub mod proxy;
pub mod random;
pub mod script;
pub mod server;
#[cfg(feature = "wire")]
pub mod wire;
