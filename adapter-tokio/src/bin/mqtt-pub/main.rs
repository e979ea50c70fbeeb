//! Publishes messages from the command line, a file or standard input, as `mosquitto_pub` does and
//! with its options.

#[path = "../cli/mod.rs"]
mod cli;
mod lines;
mod message;
mod options;
mod progress;
mod stream;

use std::process::ExitCode;

use options::Publisher;

fn main() -> ExitCode {
    cli::main::<Publisher>()
}
