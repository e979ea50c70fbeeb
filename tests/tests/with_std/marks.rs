//! The mark that ties a publish to its call, over more publishes than there are identifiers.

use std::future::IntoFuture;

use mqtt_as_proto::packet::{Packet, PacketType};

use crate::list::story::{MS, ack, config, connected, in_5_0, peer, published};
use crate::runtime::adapter::{PublishError, QoS, Version};
use crate::runtime::{soon, within};

/// As many as there are packet identifiers.
// Decision [mark]
#[test]
fn after_65_535_publishes_a_late_acknowledgement_settles_none_of_them() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(published(script).1, 1);
            for _ in 0..65_535 {
                let (_, number, _) = published(script);
                assert_ne!(number, 1, "it is not free");
                script.send(&Packet::PubAck(ack(number)));
            }
            let (_, other, _) = published(script);
            script.send(&Packet::PubAck(ack(1)));
            std::thread::sleep(100 * MS);
            script.send(&Packet::PubAck(ack(other)));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V5, server.port)).await;
        let publish = |payload| client.publish("a", payload).qos(QoS::AtLeastOnce);
        let first = publish("first").timeout(30 * MS);
        assert_eq!(within(first).await, Err(PublishError::TimedOut { sent: true }));
        for _ in 0..65_535 {
            within(publish("x")).await.expect("an acknowledgement");
        }
        let mut other = Box::pin(publish("other").into_future());
        assert!(soon(50 * MS, &mut other).await.is_none(), "that was for the first");
        within(other).await.expect("an acknowledgement");
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
