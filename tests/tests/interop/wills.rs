//! The will: published for a client that was lost, not for one that said goodbye.

use mqtt_as_tests::mosquitto::{Mosquitto, Options, Sub, broker_or_skip};
use mqtt_as_tokio::{Client, Will};
use tokio::runtime::Runtime;

use crate::{NEVER, Row, SOON, config, rows, within};

/// A runtime of its own, with a client in it that has a will.
fn client_with_will(broker: &Mosquitto, row: Row, id: &str) -> (Runtime, Client) {
    let runtime = Runtime::new().expect("a runtime");
    let will = Will::new(format!("will/{id}"), "gone").qos(row.qos).retain(row.q == "1");
    let client = runtime.block_on(async {
        let client = Client::new(config(broker, row.version, id).will(will)).expect("a client");
        within(client.connect(true)).await.expect("a connection");
        client
    });
    (runtime, client)
}

fn watch(broker: &Mosquitto, row: Row, id: &str) -> Sub {
    Sub::start(broker, &["-V", row.v, "-t", &format!("will/{id}"), "-q", "2"])
}

#[test]
fn the_will_of_a_killed_client_is_published() {
    if !broker_or_skip("the_will_of_a_killed_client_is_published") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let sub = watch(&broker, row, "killed");
        let (runtime, client) = client_with_will(&broker, row, "killed");
        assert_eq!(sub.next_line(NEVER), None, "{row:?}");
        // All tasks end where they are: nobody sends DISCONNECT.
        drop(runtime);
        assert!(!client.is_connected());
        assert_eq!(sub.next_line(SOON), Some(format!("will/killed {} 0 gone", row.q)), "{row:?}");
        if row.q == "1" {
            let late = watch(&broker, row, "killed");
            assert_eq!(late.next_line(SOON), Some(format!("will/killed {} 1 gone", row.q)));
            mqtt_as_tests::mosquitto::publish(&broker, &["-t", "will/killed", "-r", "-n"]);
        }
    }
}

#[test]
fn a_client_that_disconnects_leaves_no_will_unless_it_asks_for_it() {
    if !broker_or_skip("a_client_that_disconnects_leaves_no_will_unless_it_asks_for_it") {
        return;
    }
    let broker = Mosquitto::start(Options::new());
    for row in rows() {
        let id = "leaving";
        let sub = watch(&broker, row, id);
        let (runtime, client) = client_with_will(&broker, row, id);
        runtime.block_on(within(client.disconnect())).expect("disconnected");
        assert_eq!(sub.next_line(NEVER), None, "{row:?}: after disconnect()");

        let (runtime, client) = client_with_will(&broker, row, id);
        runtime.block_on(within(client.disconnect().with_will())).expect("disconnected");
        let want = Some(format!("will/{id} {} 0 gone", row.q));
        assert_eq!(sub.next_line(SOON), want, "{row:?}: after disconnect().with_will()");
        mqtt_as_tests::mosquitto::publish(&broker, &["-t", "will/leaving", "-r", "-n"]);
        assert_eq!(sub.next_line(SOON), Some(format!("will/{id} 0 0 ")), "{row:?}: cleared");

        // The last handle is gone: that is a goodbye, too.
        let (runtime, client) = client_with_will(&broker, row, id);
        drop(client);
        assert_eq!(sub.next_line(NEVER), None, "{row:?}: after the last handle was dropped");
        drop(runtime);
    }
}
