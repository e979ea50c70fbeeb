//! Subscribes to topics and prints what comes, as `mosquitto_sub` does and with its options.

#[path = "../cli/mod.rs"]
mod cli;
mod fields;
mod format;
mod json;
mod options;
mod printer;
mod subscriber;

use std::process::ExitCode;

use options::Subscriber;

fn main() -> ExitCode {
    cli::main::<Subscriber>()
}
