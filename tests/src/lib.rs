//! The test kit: brokers, a bad network, the proof.

#[cfg(feature = "broker")]
pub mod broker;
#[cfg(feature = "broker")]
pub mod link;
pub mod mosquitto;
#[cfg(feature = "broker")]
pub mod pair;
pub mod proxy;
pub mod random;
#[cfg(feature = "broker")]
pub mod script;
#[cfg(feature = "broker")]
pub mod server;
#[cfg(feature = "wire")]
pub mod wire;
