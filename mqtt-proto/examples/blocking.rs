//! The core on `std::net`, blocking, without any runtime: subscribes, publishes, receives.
//!
//! `cargo run -p mqtt-as-proto --features alloc --example blocking -- 127.0.0.1:1883`

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant as Clock};

use mqtt_as_proto::client::{Client, Config, Consumer, Event, Input, Memory, Message, Tag};
use mqtt_as_proto::packet::{Connect, QoS, Subscription, SubscriptionOptions};
use mqtt_as_proto::{Instant, Outbox, Properties, ReasonCode, Storage};

fn main() -> Result<(), Box<dyn Error>> {
    let mut transport =
        TcpStream::connect(std::env::args().nth(1).unwrap_or("127.0.0.1:1883".into()))?;
    let start = Clock::now();
    let now = || Instant::from_millis(start.elapsed().as_millis() as u64);
    let config = Config { maximum_packet_size: 64 * 1024, ..Config::default() };
    let memory = Memory::heap(&config, 64 * 1024, 1 << 20, 1 << 20);
    config.check(&memory)?;
    let mut client = Client::new(config, memory);
    let (mut out, mut input) = (Outbox::new(Storage::owned(64 * 1024)), Vec::new());
    client.activate(Consumer::Queue);

    client.connect(&Connect { clean_start: true, keep_alive: 30, ..Connect::default() }, now())?;
    loop {
        let mut connected = false;
        let mut tell = |event: Event<'_>| match event {
            Event::Connected(_) => connected = true,
            Event::Done { tag, fate } => println!("publish {}: {fate:?}", tag.0),
            _ => {}
        };
        // Out: all that is due, then a look at whether it is over.
        while client.poll_transmit(&mut out, now(), &mut tell) {
            while !out.is_empty() {
                let written = transport.write(out.chunk())?;
                out.advance(written);
                client.handle_transmitted(written, now());
            }
        }
        if client.is_closing() {
            break;
        }
        // In: bytes, or nothing until the next deadline.
        let wait = client.poll_timeout().map_or(1000, |at| at.since(now()).max(1));
        transport.set_read_timeout(Some(Duration::from_millis(wait)))?;
        let mut buffer = [0; 4096];
        match transport.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => input.extend_from_slice(&buffer[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) => return Err(e.into()),
        }
        let handled = client.handle_bytes(Input::new(&input), now(), &mut tell)?;
        input.drain(..handled.used);
        client.handle_timeout(now(), &mut tell)?;
        // The program: what it does when it is connected, and with each message.
        if connected {
            let options = SubscriptionOptions::new(QoS::AtLeastOnce);
            let subscription = Subscription { filter: "demo/#".try_into()?, options };
            client.subscribe(&[subscription], Properties::NONE, Tag(1))?;
            let message = Message::new("demo/core".try_into()?, "no runtime needed");
            client.publish(&message.qos(QoS::AtLeastOnce), Tag(2), now())?;
        }
        while let Some(message) = client.next(Consumer::Queue) {
            if let Some(publish) = message.publish() {
                println!("{}: {}", publish.topic, String::from_utf8_lossy(publish.payload));
            }
            if let Some(token) = client.begin(Consumer::Queue) {
                client.finish(Consumer::Queue, token); // Taken: now it may be acknowledged.
                client.disconnect(ReasonCode::SUCCESS, None)?;
            }
        }
    }
    client.handle_connection_lost(&mut |_| {});
    Ok(())
}
