//! Links that are cut in the middle of what TLS and WebSocket put around packets.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};

use futures_lite::future::or;
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::mosquitto::broker_or_skip;
use mqtt_as_tests::proxy::{Plan, Proxy, Way};
use mqtt_as_tests::random::Random;
use mqtt_as_tests::server::Server;

use super::certificates::Authority;
use super::config;
use super::front::{Clients, Front};
use super::real::Everywhere;
use crate::list::story::{MS, numbers, text};
use crate::runtime::adapter::{Config, QoS, Reconnect, Tls, WebSocket};
use crate::runtime::{Client, client, run, spawn, within};

/// Links that are cut.
const CUTS: u32 = 50;
/// Bytes of a message, so that a cut is in one with high odds.
const LEN: usize = 300;

/// Each of the first links ends somewhere, in either direction: few of them in the handshake.
fn plan(link: u32, random: &mut Random) -> Plan {
    if link >= CUTS {
        return Plan::default();
    }
    let way = Way::cut_at(random.between(1..=60_000));
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
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::All);
        let tls = Tls::new().ca_pem(authority.pem.clone());
        run(async {
            let wanted = survives(front.addr(), |settings| settings.tls(tls), qos).await;
            assert_eq!(once(accepted(&server), qos), wanted, "on the way there");
        });
    }
}

#[test]
fn nothing_is_lost_when_links_are_cut_in_the_middle_of_a_frame() {
    if !broker_or_skip("nothing_is_lost_when_links_are_cut_in_the_middle_of_a_frame") {
        return;
    }
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let broker = Everywhere::start();
        let at = (Ipv4Addr::LOCALHOST, broker.secure_web).into();
        let layers = |settings: Config| settings.tls(broker.trust()).websocket(WebSocket::new());
        run(or(survives(at, layers, qos), broker.keep_awake()));
    }
}

/// A client whose links to that server are cut while it publishes to itself. What it has published, all of which
/// came back.
async fn survives(
    server: SocketAddr,
    layers: impl FnOnce(Config) -> Config,
    qos: QoS,
) -> Vec<String> {
    let mut random = Random::new(7);
    let proxy = Proxy::start(server, move |link| plan(link, &mut random));
    let policy = Reconnect::new().first_delay(MS).longest_delay(5 * MS).first_connect(true);
    let settings = layers(config(proxy.addr().port())).reconnect(policy);
    let client = client(settings.in_flight(64));
    within(client.connect(false)).await.expect("a connection in the end");
    while within(client.subscribe("a", qos)).await.is_err() {
        within(client.up()).await.expect("a link");
    }
    let taker = client.clone();
    let taking = spawn(async move { take(&taker).await });
    let mut sent = 0;
    while proxy.cuts() < CUTS {
        let payload = format!("{sent:LEN$}");
        drop(within(client.publish("a", &payload).qos(qos).send()).await.expect("room"));
        sent += 1;
    }
    within(client.publish("a", END).qos(qos)).await.expect("the end");
    assert_eq!(once(taking.end().await, qos), numbers(sent), "on the way back, {qos:?}");
    assert!(sent > 500, "{sent} messages are no load");
    numbers(sent)
}

/// In order and without a gap: at QoS 1 some may come again.
fn once(came: Vec<String>, qos: QoS) -> Vec<String> {
    let mut seen = HashSet::new();
    came.into_iter().filter(|text| qos == QoS::ExactlyOnce || seen.insert(text.clone())).collect()
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
    let all = crate::list::story::accepted(server);
    let before = all.iter().take_while(|payload| *payload != END);
    before.map(|payload| payload.trim_start().to_owned()).collect()
}
