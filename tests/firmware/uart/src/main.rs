//! The client over a serial line, with nothing but `mqtt-as-client`: the smallest image.
//!
//! It connects, subscribes, publishes at QoS 1 and 2, takes its own messages, and goes on after the broker was
//! restarted. Its exit code says how that went.

#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod driver;
mod memory;
mod serial;

use core::time::Duration;

use board::{console, task};
use embassy_futures::select::{Either, select};
use mqtt_as_client::Config;
use program::Fault;

use driver::{Client, Runner, make};

fn main() -> u32 {
    match make(config) {
        Some((client, runner)) => run(client, runner),
        None => Fault::Config as u32,
    }
}

#[inline(never)]
fn run(client: Client, runner: Runner) -> u32 {
    let whole = select(task(program::run(client, "firmware/uart")), task(runner.run()));
    memory::tell();
    console::figure("future", size_of_val(&whole));
    let result = match board::block_on(whole) {
        Either::First(result) => result,
        Either::Second(()) => Err(Fault::Driver),
    };
    console::figure("stack peak", board::stack::peak());
    result.map_or_else(|fault| fault as u32, |()| 0)
}

/// Short times: a serial line does not say that it is gone, only silence does.
fn config() -> Config {
    let config = Config::new("");
    #[cfg(feature = "streams")]
    let config = config.largest_stream(program::streams::LARGEST);
    config
        .client_id("uart")
        .keepalive(Duration::from_secs(10))
        .ping_interval(Duration::from_secs(1))
        .ping_timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_secs(2))
        .response_time(Duration::from_secs(2))
}

board::image!(crate::main);
