//! The list on tokio, and what only tokio has.

mod counted;
mod runtime;
#[path = "../threads/mod.rs"]
mod threads;
mod writes;

#[path = "../list/mod.rs"]
mod list;
