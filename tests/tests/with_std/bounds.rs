//! Memory is bounded in bytes: payloads held by reference count. Up to that there is room, whatever
//! was announced.

use bytes::Bytes;
use mqtt_as_proto::packet::{Delivery, PacketType};

use crate::list::publishing::ALL;
use crate::list::story::{
    MS, accepted, acknowledged, both, client, config, connected, id, message, numbers, payloads,
    peer, poll_once, server, until,
};
use crate::runtime::adapter::{Config, OperationError, PublishError, QoS};
use crate::runtime::{Client, within};

/// Five fit into a mebibyte.
const LEN: usize = 200_000;

fn bounded(config: Config) -> Config {
    config.store(1 << 20).outbox(1 << 20)
}

/// Publishes until there is no room; says how many were accepted.
fn fill(client: &Client, payload: &Bytes, qos: QoS) -> usize {
    let publish = || client.publish("a", payload).qos(qos).try_publish();
    for count in 0..1000 {
        match publish() {
            Ok(()) => {}
            Err(PublishError::Invalid(OperationError::NoRoom)) => return count,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("there is always room")
}

#[test]
fn while_down_the_store_takes_no_more_than_it_has_bytes() {
    both(async |version| {
        for qos in ALL {
            let server = server();
            let client = client(bounded(config(version, server.addr().port())));
            assert_eq!(fill(&client, &Bytes::from(vec![b'x'; LEN]), qos), 5, "{qos:?}");
            client.publish("a", "small").qos(qos).try_publish().expect("room for a small one");
        }
    });
}

#[test]
fn a_message_that_does_not_fit_waits() {
    both(async |version| {
        let server = server();
        let client = client(bounded(config(version, server.addr().port())));
        let payload = Bytes::from(vec![b'x'; LEN]);
        assert_eq!(fill(&client, &payload, QoS::AtLeastOnce), 5);
        let late = client.publish("a", &payload).qos(QoS::AtLeastOnce);
        let mut late = Box::pin(late.into_future());
        assert!(poll_once(&mut late).await.is_none(), "it waits for room");
        within(client.connect(true)).await.expect("a connection");
        within(late).await.expect("an acknowledgement");
        assert!(within(client.drain(5000 * MS)).await);
        assert_eq!(accepted(&server).len(), 6);
        within(client.disconnect()).await.expect("an end");
        assert_eq!(fill(&client, &payload, QoS::AtLeastOnce), 5, "all was given back");
    });
}

#[test]
fn a_message_larger_than_the_store_is_refused_with_the_size() {
    both(async |version| {
        let server = server();
        let client = client(bounded(config(version, server.addr().port())));
        let payload = Bytes::from(vec![b'x'; 2 << 20]);
        let refused = within(client.publish("a", &payload).qos(QoS::AtLeastOnce)).await;
        let Err(PublishError::Invalid(OperationError::TooLarge { size, room })) = refused else {
            panic!("{refused:?}")
        };
        assert!(size >= 2 << 20 && room <= 1 << 20, "{size} of {room}");
    });
}

/// Servers in use send several times what was announced: that alone ends no connection.
// Decision [hold]
#[test]
fn messages_above_receive_maximum_are_held_while_there_is_room() {
    both(async |version| {
        let server = peer(|script| {
            script.welcome();
            for number in 1..=40 {
                let payload = (number - 1).to_string();
                script.send(&message("a", &payload, Delivery::AtLeastOnce(id(number))));
            }
            script.expect_silence(100 * MS);
            script.send(&message("a", "go", Delivery::AtMostOnce));
            (1..=40).for_each(|number| acknowledged(script, PacketType::PubAck, number));
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(version, server.port).receive_maximum(4)).await;
        until(|| client.statistics().received == 41).await;
        assert_eq!(payloads(&client, 40).await, numbers(40));
        assert_eq!(payloads(&client, 1).await, ["go"]);
        within(client.disconnect()).await.expect("an end");
        assert_eq!(client.statistics().shed, 0);
        server.end().await;
    });
}

/// However it is published: what an awaited publish takes, the others take too when there is room.
#[test]
fn a_message_larger_than_the_outbox_is_taken_by_every_way_to_publish() {
    both(async |version| {
        let server = server();
        let client = connected(config(version, server.addr().port())).await;
        let payload = vec![b'x'; 70_000];
        let shared = Bytes::from(payload.clone());
        for qos in ALL {
            let ways =
                || [client.publish("a", &payload).qos(qos), client.publish("a", &shared).qos(qos)];
            for oneshot in [false, true] {
                for publish in ways() {
                    within(publish.oneshot(oneshot)).await.expect("awaited");
                }
                for publish in ways() {
                    drop(within(publish.oneshot(oneshot).send()).await.expect("sent"));
                }
                for publish in ways() {
                    // QoS 0 needs the outbox for itself.
                    assert!(within(client.drain(5000 * MS)).await);
                    publish.oneshot(oneshot).try_publish().expect("tried");
                }
            }
        }
        until(|| server.with(|broker, _| broker.accepted().len()) == 36).await;
        let whole =
            server.with(|broker, _| broker.accepted().iter().all(|one| *one.payload == *payload));
        assert!(whole);
    });
}
