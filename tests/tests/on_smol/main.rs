//! The list on smol.

mod runtime;

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
