//! The list on embassy, with a heap.

mod runtime;

#[path = "../list/mod.rs"]
mod list;
