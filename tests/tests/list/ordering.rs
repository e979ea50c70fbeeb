//! Acknowledgements in the order of what they answer, over resumes too.

use mqtt_as_proto::packet::{Delivery, Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, accept, ack, acknowledged, both, client, config, held, id, message, peer, published, text,
};
use crate::runtime::adapter::{QoS, ReasonCode};
use crate::runtime::{sleep, within};

/// PUBRECs that come in one segment.
fn received(script: &mut Script, numbers: [u16; 2]) {
    let segment = numbers.map(|number| script.written(&Packet::PubRec(ack(number)))).concat();
    script.send_bytes(&segment);
}

// 3.1.1 [MQTT-4.6.0-4]
// 5.0 [MQTT-4.6.0-4]
#[test]
fn pubrels_leave_in_the_order_of_the_pubrecs_and_again_after_a_resume() {
    for again in [false, true] {
        both(async |version| {
            let server = peer(move |script| {
                accept(script, false, &[]);
                assert_eq!(published(script).1, 1);
                assert_eq!(published(script).1, 2);
                if again {
                    script.send(&Packet::PubRec(ack(1)));
                    acknowledged(script, PacketType::PubRel, 1);
                }
                received(script, [2, 1]);
                acknowledged(script, PacketType::PubRel, 2);
                acknowledged(script, PacketType::PubRel, 1);
                script.close();
                script.welcome_back();
                for number in if again { [1, 2] } else { [2, 1] } {
                    acknowledged(script, PacketType::PubRel, number);
                    script.send(&Packet::PubComp(ack(number)));
                }
                script.expect(PacketType::Disconnect);
            });
            let client = client(config(version, server.port));
            within(client.connect(false)).await.expect("a connection");
            for payload in ["one", "two"] {
                let publish = client.publish("a", payload).qos(QoS::ExactlyOnce);
                publish.try_publish().expect("room");
            }
            within(client.down()).await.expect("a loss");
            within(client.connect(false)).await.expect("a connection");
            assert!(within(client.drain(5000 * MS)).await);
            within(client.disconnect()).await.expect("an end");
            server.end().await;
        });
    }
}

/// [MQTT-4.6.0-3]: the second is recorded and would be answered at once, the first is not.
// 3.1.1 [MQTT-4.6.0-3]
// 5.0 [MQTT-4.6.0-3]
#[test]
fn pubrecs_leave_in_the_order_of_the_messages_after_a_resume() {
    both(async |version| {
        let server = peer(|script| {
            for round in 0..2 {
                accept(script, round != 0, &[]);
                script.send(&message("a", "1", Delivery::ExactlyOnce(id(5))));
                script.send(&message("a", "2", Delivery::ExactlyOnce(id(6))));
                script.expect_silence(200 * MS);
                if round == 0 {
                    script.close();
                }
            }
            script.send(&message("go", "", Delivery::AtMostOnce));
            acknowledged(script, PacketType::PubRec, 5);
            acknowledged(script, PacketType::PubRec, 6);
            script.expect(PacketType::Disconnect);
        });
        let client = client(config(version, server.port).manual_ack(true));
        within(client.connect(false)).await.expect("a connection");
        held(&client).await;
        let second = held(&client).await;
        assert!(client.ack(&second, ReasonCode::SUCCESS));
        within(client.down()).await.expect("a loss");
        within(client.connect(false)).await.expect("a connection");
        let first = held(&client).await;
        assert_eq!(text(first.payload()), "1", "it was not acknowledged");
        assert_eq!(held(&client).await.topic(), "go", "the second was");
        assert!(client.ack(&first, ReasonCode::SUCCESS));
        sleep(50 * MS).await;
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}
