//! What the test kit promises the programs that use it: faults of the broker, and a network in
//! virtual time.

mod faults;
mod network;
mod without;
