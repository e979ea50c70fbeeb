//! The broker, judged by packets that a hand wrote: no client of ours has a part in it.

mod connecting;
mod delivering;
mod limits;
mod resuming;
mod serving;
mod subscribing;
mod wills;
mod world;
