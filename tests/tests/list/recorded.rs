//! QoS 2 identifiers that the server never releases do not make the client deaf.

use mqtt_as_proto::packet::{Delivery, PacketType};

use super::story::{
    MS, accept, acknowledged, both, client, config, id, message, next, payloads, peer,
};
use crate::runtime::{sleep, within};

// Decision [never-released]
#[test]
fn messages_arrive_behind_many_identifiers_that_are_never_released() {
    both(async |version| {
        let server = peer(|script| {
            for round in 0..6 {
                accept(script, round != 0, &[]);
                let numbers = 1 + round * 4..=4 + round * 4;
                for number in numbers.clone() {
                    script.send(&message("a", "x", Delivery::ExactlyOnce(id(number))));
                }
                for number in numbers {
                    acknowledged(script, PacketType::PubRec, number);
                }
                script.close();
            }
            script.welcome_back();
            script.send(&message("a", "one", Delivery::AtLeastOnce(id(100))));
            script.send(&message("a", "two", Delivery::ExactlyOnce(id(101))));
            acknowledged(script, PacketType::PubAck, 100);
            acknowledged(script, PacketType::PubRec, 101);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port).receive_maximum(4));
        for _ in 0..6 {
            within(client.connect(false)).await.expect("a connection");
            assert_eq!(payloads(&client, 4).await, ["x"; 4]);
            within(client.down()).await.expect("a loss");
        }
        within(client.connect(false)).await.expect("a connection");
        assert_eq!(next(&client).await.1, "one");
        assert_eq!(next(&client).await.1, "two");
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
