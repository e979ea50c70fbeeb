//! What `mqtt-pub` and `mqtt-sub` have in common: the command line, the connection, and how a
//! program ends.

mod arguments;
mod config;
mod connection;
mod failure;
mod program;
mod property;
mod refused;
mod settings;
mod signals;
mod tls;
mod way;

pub(crate) use arguments::Arguments;
pub(crate) use failure::Failure;
pub(crate) use program::{Program, main};
pub(crate) use settings::Settings;
pub(crate) use signals::interrupted;
