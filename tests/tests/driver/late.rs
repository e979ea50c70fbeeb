//! For how long a CONNECT that was given up counts: the server may read it late. Driven by hand.

use std::time::Duration;

use mqtt_as_client::{Client, Config};
use mqtt_as_proto::Version;

use crate::BOTH;
use crate::hand::{Bench, Hand, begin};

/// A client whose session is there, and whose last CONNECT was given up.
fn given_up(version: Version) -> (Bench, Client<Hand>) {
    begin();
    let config = Config::new("by hand").version(version).client_id("ours");
    let config = config.connect_timeout(Duration::from_secs(1)).keepalive(Duration::ZERO);
    let mut bench = Bench::new(config, 1000);
    let client = bench.client();
    bench.complete(client.connect(false)).expect("a connection");
    bench.complete(client.disconnect()).expect("an end");
    bench.mute(true);
    bench.complete(client.connect(false)).expect_err("it is not answered");
    bench.mute(false);
    (bench, client)
}

/// Whether the session of the next connection is sure to have its subscriptions.
fn is_sure(bench: &mut Bench, client: &Client<Hand>) -> bool {
    let session = bench.complete(client.connect(false)).expect("a connection");
    assert!(session.session_present);
    session.has_subscriptions()
}

/// A program that connects for a few seconds, time and again, need not subscribe each time for ever.
// Decision [unanswered]
#[test]
fn it_counts_for_half_a_minute_however_often_the_client_connects() {
    for version in BOTH {
        let (mut bench, client) = given_up(version);
        let mut sure = Vec::new();
        for _ in 0..10 {
            sure.push(is_sure(&mut bench, &client));
            bench.turns(4500);
            bench.complete(client.disconnect()).expect("an end");
        }
        let (before, after) = sure.split_at(7);
        assert_eq!(before, [false; 7], "each was ended within 30 s, or the one before it was");
        assert_eq!(after, [true; 3]);
    }
}

/// Its time wraps nowhere.
// Decision [unanswered]
#[test]
fn it_does_not_count_again_when_a_connection_has_stood_for_weeks() {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    for version in BOTH {
        for days in [1, 24, 26, 49, 51, 75] {
            let (mut bench, client) = given_up(version);
            assert!(!is_sure(&mut bench, &client));
            bench.freeze(days * DAY);
            bench.turns(100);
            bench.complete(client.disconnect()).expect("an end");
            assert!(is_sure(&mut bench, &client), "after {days} days");
        }
    }
}
