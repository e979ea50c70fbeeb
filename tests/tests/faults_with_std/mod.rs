//! Real faults where the system has threads and a network of its own: names that are gone, a link that
//! is cut, a callback that panics. What changes the network runs in namespaces that the test makes.

mod callbacks;
mod inside;
mod links;
mod names;
