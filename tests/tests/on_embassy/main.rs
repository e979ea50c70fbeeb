//! The list on embassy, with a heap; a real broker through small buffers; TLS.

mod mosquitto;
mod runtime;
mod tls;

#[path = "../list/mod.rs"]
mod list;
