//! The list on tokio, and what only tokio has.

mod cluster;
mod counted;
mod fair;
mod outside;
mod own_transport;
mod runtime;
mod writes;

#[path = "../faults/mod.rs"]
mod faults;
#[path = "../faults_with_std/mod.rs"]
mod faults_with_std;
#[path = "../list/mod.rs"]
mod list;
#[path = "../reach/mod.rs"]
mod reach;
#[path = "../with_std/mod.rs"]
mod with_std;
