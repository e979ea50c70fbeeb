//! Links that are cut in the middle of what TLS puts around packets.

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::proxy::{Plan, Proxy, Way};
use mqtt_as_tests::random::Random;
use mqtt_as_tests::server::Server;

use super::certificates::Authority;
use super::config;
use super::front::{Clients, Front};
use crate::list::story::{MS, numbers, text};
use crate::runtime::adapter::{QoS, Reconnect, Tls};
use crate::runtime::{Client, client, run, spawn, within};

/// Links that are cut.
const CUTS: u32 = 50;
/// Bytes of a message, so that a cut is in one with high odds.
const LEN: usize = 300;

/// Each of the first links ends somewhere behind the handshake, in either direction.
fn plan(link: u32, random: &mut Random) -> Plan {
    if link >= CUTS {
        return Plan::default();
    }
    let way = Way::cut_at(random.between(1..=12_000));
    if link.is_multiple_of(2) {
        Plan { up: way, ..Plan::default() }
    } else {
        Plan { down: way, ..Plan::default() }
    }
}

#[test]
fn nothing_is_lost_when_links_are_cut_in_the_middle_of_a_record() {
    let authority = Authority::new("ours");
    let identity = authority.server(&["localhost"]);
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::All);
        let mut random = Random::new(7);
        let proxy = Proxy::start(front.addr(), move |link| plan(link, &mut random));
        let tls = Tls::new().ca_pem(authority.pem.clone());
        let policy = Reconnect::new().first_delay(MS).longest_delay(5 * MS).first_connect(true);
        let config = config(proxy.addr().port()).tls(tls).reconnect(policy);
        let client = client(config.in_flight(64));
        within(client.connect(false)).await.expect("a connection in the end");
        while within(client.subscribe("a", QoS::ExactlyOnce)).await.is_err() {
            within(client.up()).await.expect("a link");
        }
        let taker = client.clone();
        let taking = spawn(async move { take(&taker).await });
        let mut sent = 0;
        while proxy.cuts() < CUTS {
            let payload = format!("{sent:LEN$}");
            let publish = client.publish("a", &payload).qos(QoS::ExactlyOnce).send();
            drop(within(publish).await.expect("room"));
            sent += 1;
        }
        within(client.publish("a", END).qos(QoS::ExactlyOnce)).await.expect("the end");
        assert_eq!(accepted(&server), numbers(sent), "each once, in order, on the way there");
        assert_eq!(taking.end().await, numbers(sent), "and on the way back");
        println!("{sent} messages over {} links", proxy.links());
    });
}

/// What is said last.
const END: &str = "the end";

/// All that comes before the end.
async fn take(client: &Client) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let message = within(client.queue().next()).await.expect("a message");
        let payload = text(message.payload()).trim_start().to_owned();
        if payload == END {
            return taken;
        }
        taken.push(payload);
    }
}

/// What the broker took before the end.
fn accepted(server: &Server) -> Vec<String> {
    let mut all = crate::list::story::accepted(server);
    assert_eq!(all.pop().as_deref(), Some(END));
    all.iter().map(|payload| payload.trim_start().to_owned()).collect()
}
