//! The list on embassy, with a heap; a real broker through small buffers; TLS.

mod mosquitto;
mod runtime;
mod tls;

#[path = "../faults/mod.rs"]
mod faults;
#[path = "../list/mod.rs"]
mod list;
