//! The list on embassy, with a heap; and a real broker through small buffers.

mod mosquitto;
mod runtime;

#[path = "../list/mod.rs"]
mod list;
