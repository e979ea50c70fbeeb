//! Settings from a URL, used.

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::mosquitto::broker_or_skip;
use mqtt_as_tests::server::Server;

use super::certificates::Authority;
use super::connected;
use super::front::{Clients, Front};
use super::real::Everywhere;
use crate::runtime::adapter::{Config, ConfigError, QoS, Tls, UrlError};
use crate::runtime::{run, within};

#[test]
fn a_url_leads_to_a_plain_server() {
    run(async {
        let server = Server::start(BrokerConfig::default());
        for host in ["127.0.0.1", "localhost"] {
            let url = format!("mqtt://pump:s%40cret@{host}:{}", server.addr().port());
            let config = Config::url(&url).expect("a URL").client_id("ours");
            let client = connected(config).await;
            within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        }
    });
}

#[test]
fn a_url_leads_to_a_server_of_tls() {
    let authority = Authority::new("ours");
    let identity = authority.server(&["localhost"]);
    run(async {
        let server = Server::start(BrokerConfig::default());
        let front = Front::start(server.addr(), &identity, &Clients::All);
        let config = Config::url(&format!("mqtts://localhost:{}", front.port)).expect("a URL");
        // The authority is no one of the world's.
        let config = config.tls(Tls::new().ca_pem(authority.pem.clone()));
        let client = connected(config).await;
        within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        assert_eq!(front.hellos().len(), 1);
    });
}

#[test]
fn urls_lead_every_way_to_a_real_broker() {
    if !broker_or_skip("urls_lead_every_way_to_a_real_broker") {
        return;
    }
    let broker = Everywhere::start();
    let ways = [
        (format!("mqtts://localhost:{}", broker.tls), true),
        (format!("ws://localhost:{}/any?a=b", broker.web), false),
        (format!("wss://pump:secret@localhost:{}", broker.secure_web), true),
        (format!("unix://{}", broker.socket().display()), false),
    ];
    for (url, is_secure) in ways {
        let config = Config::url(&url).expect("a URL");
        let config = if is_secure { config.tls(broker.trust()) } else { config };
        run(async {
            let client = connected(config).await;
            within(client.publish("a", "b").qos(QoS::AtLeastOnce)).await.expect("a publish");
        });
    }
}

#[test]
fn a_url_of_something_else_is_refused() {
    let refused = Config::url("https://localhost").err();
    assert_eq!(refused, Some(ConfigError::InvalidUrl(UrlError::Scheme)));
}
