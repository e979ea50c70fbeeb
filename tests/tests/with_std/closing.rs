//! The end of a program, where sockets take more than a message.

use bytes::Bytes;
use mqtt_as_proto::packet::PacketType;

use crate::list::story::{both, config, gate, peer, poll_once};
use crate::runtime::{parts, spawn, within};

/// No socket takes so much while nobody reads.
const LEN: usize = 48 << 20;

/// The runtime may end with `main`, and takes the driver along.
#[test]
fn disconnect_does_not_return_before_all_is_on_the_wire() {
    both(async |version| {
        let (gate, waiting) = gate();
        let server = peer(move |script| {
            script.welcome();
            waiting.wait();
            assert!(script.expect(PacketType::Publish).len() > LEN);
            script.expect(PacketType::Disconnect);
            script.expect_close();
        });
        let (client, driver) = parts(config(version, server.port).outbox(LEN + 1024));
        let driver = spawn(driver);
        within(client.connect(true)).await.expect("a connection");
        client.publish("a", Bytes::from(vec![7; LEN])).try_publish().expect("room");
        let mut disconnect = client.disconnect();
        for _ in 0..50 {
            assert!(poll_once(&mut disconnect).await.is_none(), "it cannot be on the wire");
            crate::runtime::sleep(std::time::Duration::from_millis(1)).await;
        }
        gate.open();
        within(disconnect).await.expect("an end");
        driver.abort();
        server.end().await;
    });
}
