//! Ten mebibytes through buffers of one kibibyte and a real broker, out and in again.

use std::time::Duration;

use mqtt_as_proto::Version;
use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip};

use crate::runtime::adapter::{self, Client, Config, QoS, Resources};
use crate::runtime::{host, run, soon, spawn, stack, within};

const LEN: u32 = 10 * 1024 * 1024;

/// What one client has: a kibibyte for each purpose.
type Memory = Resources<1024, 1024, 1024, 2560, 4>;

/// Far longer than it takes on a loaded machine.
const BOUND: Duration = Duration::from_secs(120);

#[test]
fn ten_mebibytes_go_out_and_come_in_through_a_kibibyte() {
    if !broker_or_skip("ten_mebibytes_go_out_and_come_in_through_a_kibibyte") {
        return;
    }
    let broker = Mosquitto::start(Options::new().line("set_tcp_nodelay true"));
    for version in [Version::V311, Version::V5] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            run(async {
                let reader = client(&broker, version, "reader").await;
                within(reader.subscribe("big", qos)).await.expect("a subscription");
                let writer = client(&broker, version, "writer").await;
                let both = futures_lite::future::zip(write(&writer, qos), read(&reader, qos));
                soon(BOUND, both).await.expect("it has to be over in two minutes");
                for client in [writer, reader] {
                    within(client.disconnect()).await.expect("an end");
                }
            });
        }
    }
}

async fn client(broker: &Mosquitto, version: Version, name: &'static str) -> Client {
    let port = broker.port();
    let settings = Config::new(host(port)).port(port).version(version).client_id(name);
    let memory = Box::leak(Box::new(const { Memory::new() }));
    let parts = adapter::new(stack(), memory, settings.largest_stream(LEN + 1024));
    let (client, runner) = parts.expect("settings that fit the memory");
    drop(spawn(runner.run()));
    within(client.connect(true)).await.expect("a connection");
    client
}

/// The byte there.
fn byte(at: u32) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 24) as u8
}

async fn write(client: &Client, qos: QoS) {
    let open = client.publish_stream("big", LEN).qos(qos).open();
    let mut stream = open.await.expect("a stream");
    let mut chunk = [0; 1000];
    while stream.written() < LEN {
        let rest = chunk.len().min((LEN - stream.written()) as usize);
        for (at, place) in (stream.written()..).zip(&mut chunk[..rest]) {
            *place = byte(at);
        }
        stream.write_all(&chunk[..rest]).await.expect("room");
    }
    stream.finish().await.expect("an acknowledgement");
}

async fn read(client: &Client, qos: QoS) {
    let mut header = [0; 64];
    let mut queue = client.queue();
    let stream = queue.next_stream(&mut header).await.expect("room for the header");
    let mut stream = stream.expect("a message");
    assert_eq!((stream.topic(), stream.qos()), ("big", qos));
    assert_eq!(stream.payload_len(), LEN as usize);
    let (mut at, mut chunk) = (0, [0; 1000]);
    loop {
        let len = stream.read(&mut chunk).await.expect("the next bytes");
        if len == 0 {
            break;
        }
        for came in &chunk[..len] {
            assert_eq!(*came, byte(at), "at {at}");
            at += 1;
        }
    }
    assert_eq!(at, LEN);
}
