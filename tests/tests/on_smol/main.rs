//! The list on smol.

mod runtime;
#[path = "../threads/mod.rs"]
mod threads;

#[path = "../list/mod.rs"]
mod list;
