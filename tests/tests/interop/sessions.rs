//! Sessions that are kept: what comes while we are away waits for us, in order.

use mqtt_as_tests::mosquitto::{Mosquitto, Options, broker_or_skip, publish};
use mqtt_as_tokio::{Client, ConnectError, ConnectionError, QoS, Session, Version};

use crate::{Row, config, next_line, nothing_comes, rows, within};

const NUMBERS: [&str; 3] = ["1", "2", "3"];

/// Publishes the three numbers while we are away.
fn publish_numbers(broker: &Mosquitto, row: Row) {
    for number in NUMBERS {
        publish(broker, &["-V", row.v, "-t", "o/t", "-q", row.q, "-m", number]);
    }
}

/// What waited comes in order; QoS 0 does not wait. The subscription is still there.
async fn expect_numbers(client: &Client, broker: &Mosquitto, row: Row) {
    if row.qos != QoS::AtMostOnce {
        for number in NUMBERS {
            assert_eq!(next_line(client).await, format!("o/t {} 0 {number}", row.q), "{row:?}");
        }
    }
    nothing_comes(client).await;
    publish(broker, &["-V", row.v, "-t", "o/t", "-q", row.q, "-m", "now"]);
    assert_eq!(next_line(client).await, format!("o/t {} 0 now", row.q), "{row:?}");
}

async fn resume(client: &Client) -> Session {
    within(client.connect(false)).await.expect("a connection")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_for_a_session_that_is_kept() {
    if !broker_or_skip("messages_wait_for_a_session_that_is_kept") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let id = format!("kept-{}-{}", row.v, row.q);
        let client = Client::new(config(&broker, row.version, &id)).expect("a client");
        assert!(!resume(&client).await.session_present, "{row:?}");
        within(client.subscribe("o/t", row.qos)).await.expect("subscribed");
        within(client.disconnect()).await.expect("disconnected");
        publish_numbers(&broker, row);
        let session = resume(&client).await;
        assert!(session.session_present && !session.adopted, "{row:?}: {session:?}");
        expect_numbers(&client, &broker, row).await;
        within(client.disconnect()).await.expect("disconnected");

        // A clean connection ends it.
        let session = within(client.connect(true)).await.expect("a connection");
        assert!(!session.session_present, "{row:?}");
        publish_numbers(&broker, row);
        nothing_comes(&client).await;
        within(client.disconnect()).await.expect("disconnected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_adopts_the_session_of_an_old_one() {
    if !broker_or_skip("a_new_client_adopts_the_session_of_an_old_one") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let id = format!("adopted-{}-{}", row.v, row.q);
        let old = Client::new(config(&broker, row.version, &id)).expect("a client");
        assert!(!resume(&old).await.session_present, "{row:?}");
        within(old.subscribe("o/t", row.qos)).await.expect("subscribed");
        within(old.disconnect()).await.expect("disconnected");
        drop(old);
        publish_numbers(&broker, row);

        if row.version == Version::V5 {
            let stranger = config(&broker, row.version, &id).adopt_session(false);
            let stranger = Client::new(stranger).expect("a client");
            let refused = within(stranger.connect(false)).await;
            let unknown = ConnectError::Protocol(ConnectionError::SessionUnknown);
            assert_eq!(refused.err(), Some(unknown), "{row:?}: [MQTT-3.2.2-4]");
        }
        let new = Client::new(config(&broker, row.version, &id)).expect("a client");
        let session = resume(&new).await;
        assert!(session.session_present && session.adopted, "{row:?}: {session:?}");
        expect_numbers(&new, &broker, row).await;
        // Its own messages get through, whatever identifiers the broker still holds.
        for _ in 0..5 {
            within(new.publish("elsewhere", "x").qos(row.qos)).await.expect("published");
        }
        within(new.connect(true)).await.expect("a clean end");
    }
}
