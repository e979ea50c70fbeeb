//! The test kit: brokers, a bad network, the proof.

pub mod broker;
pub mod link;
pub mod mosquitto;
pub mod pair;
pub mod proxy;
pub mod random;
pub mod script;
pub mod server;
