//! The client on embassy, as a device with a network has it: embassy-net over the board's Ethernet.
//!
//! It connects, subscribes, publishes at QoS 1 and 2, takes its own messages, and goes on after the broker was
//! restarted. Its exit code says how that went.

#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod transport;

use board::console;
use board::ethernet::{Cable, Frames, MTU, start};
use embassy_executor::{Executor, Spawner};
use embassy_net::{Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4};
use mqtt_as_embassy::{Config, event};
use program::Fault;
use static_cell::{ConstStaticCell, StaticCell};

/// The host, as the emulator's network shows it.
const BROKER: &str = "10.0.2.2";

fn main() -> u32 {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    EXECUTOR.init_with(Executor::new).run(spawn)
}

// Out of line: what it has on the stack is gone when the tasks run.
#[inline(never)]
fn spawn(spawner: Spawner) {
    static FRAMES: ConstStaticCell<Frames> = ConstStaticCell::new(Frames::new());
    static STACK: StaticCell<StackResources<3>> = StaticCell::new();
    let (device, cable) = start(FRAMES.take());
    let address = StaticConfigV4 {
        address: Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24),
        gateway: Some(Ipv4Address::new(10, 0, 2, 2)),
        dns_servers: Default::default(),
    };
    let resources = STACK.init_with(StackResources::new);
    let seed = 1; // A device takes it from its random numbers.
    let (stack, runner) =
        embassy_net::new(device, embassy_net::Config::ipv4_static(address), resources, seed);
    let (Ok(cable), Ok(network), Ok(work)) =
        (move_frames(cable), run_stack(runner), work(spawner, stack))
    else {
        console::exit(Fault::Config as u32)
    };
    spawner.spawn(cable);
    spawner.spawn(network);
    spawner.spawn(work);
}

#[embassy_executor::task]
async fn move_frames(cable: Cable) {
    cable.run().await;
}

#[embassy_executor::task]
async fn run_stack(
    mut runner: embassy_net::Runner<'static, board::ethernet::Device<'static, MTU>>,
) {
    runner.run().await;
}

#[embassy_executor::task]
async fn work(spawner: Spawner, stack: Stack<'static>) {
    let config = Config::new(BROKER).port(console::argument()).client_id("net");
    let config = config.largest_stream(program::streams::LARGEST);
    let Some(client) = transport::start(spawner, stack, config) else {
        console::exit(Fault::Config as u32)
    };
    client.set_cb_on_event(event::Down, &|_| console::text("down, says the callback\n"));
    let result = program::run(client, "firmware/net").await;
    console::figure("stack peak", board::stack::peak());
    console::exit(result.map_or_else(|fault| fault as u32, |()| 0));
}

board::image!(crate::main);
