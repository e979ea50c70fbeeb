//! The list on smol.

mod runtime;

#[path = "../list/mod.rs"]
mod list;
#[path = "../reach/mod.rs"]
mod reach;
#[path = "../with_std/mod.rs"]
mod with_std;
