//! All ways to a real broker: each at every QoS, with a session that is resumed, and two megabytes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use futures_lite::future::or;
use mqtt_as_proto::Version;
use mqtt_as_tests::mosquitto::{Mosquitto, Options, TempDir, broker_or_skip, free_port};
use mqtt_as_tests::proxies::{RealProxy, USER, proxies_or_skip};

use super::certificates::{Authority, Identity};
use super::{EVERY_QOS, VERSIONS, config, large};
use crate::runtime::adapter::{Config, Proxy, QoS, Tls, WebSocket};
use crate::runtime::{Client, client, run, within};

/// mosquitto, with a listener of each kind.
///
/// What its WebSocket (libwebsockets, in 2.0.11) does that others do not, seen on the wire: any path is right;
/// a WebSocket without a subprotocol is opened, and then nothing is answered in it; a subprotocol that it
/// does not have ends the connection without an answer of HTTP; a text frame is taken as if it were binary;
/// packets that cannot be end the connection without a frame Close; plain MQTT is answered with a 403 of HTTP;
/// a listener ignores its address and listens on all; without a plain one beside it the broker does not
/// start. And it sends slowly: see [`keep_awake`](Self::keep_awake).
pub(crate) struct Everywhere {
    // It goes before the directory.
    _broker: Mosquitto,
    dir: TempDir,
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    pub(crate) mutual: u16,
    pub(crate) web: u16,
    pub(crate) secure_web: u16,
    /// Secure WebSocket for clients with a certificate.
    pub(crate) mutual_web: u16,
    pub(crate) authority: Authority,
}

impl Everywhere {
    pub(crate) fn start() -> Self {
        let (dir, authority) = (TempDir::new("everywhere"), Authority::new("ours"));
        let [tls, mutual, web, secure_web, mutual_web] = [(); 5].map(|()| free_port());
        let place = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("write a certificate");
            path.display().to_string()
        };
        let Identity { certificate, key } = authority.server(&["localhost"]);
        let (ca, list) =
            (place("ca.pem", &authority.pem), place("crl.pem", &authority.revocations()));
        let identity = [
            format!("certfile {}", place("server.pem", &certificate)),
            format!("keyfile {}", place("server.key", &key)),
        ];
        let mut lines = vec![format!("listener {tls} 127.0.0.1")];
        lines.extend(identity.clone());
        lines.push(format!("listener {mutual} 127.0.0.1"));
        lines.extend(identity.clone());
        let certified = [
            format!("cafile {ca}"),
            "require_certificate true".to_owned(),
            format!("crlfile {list}"),
        ];
        lines.extend(certified.clone());
        let websocket = |port| [format!("listener {port}"), "protocol websockets".to_owned()];
        lines.extend(websocket(web));
        lines.extend(websocket(secure_web));
        lines.extend(identity.clone());
        lines.extend(websocket(mutual_web));
        lines.extend(identity);
        lines.extend(certified);
        lines.push(format!("listener 0 {}", dir.path().join("broker.sock").display()));
        let options = lines.into_iter().fold(Options::new(), Options::line);
        let broker = Mosquitto::start(options.line("max_queued_messages 0"));
        let plain = broker.port();
        Self { _broker: broker, dir, plain, tls, mutual, web, secure_web, mutual_web, authority }
    }

    /// Over WebSocket this broker sends 4 KiB whenever it has looked at all of its links, or ten times a
    /// second: it is given something to look at, for ever.
    pub(crate) async fn keep_awake<T>(&self) -> T {
        let other = client(Config::new("localhost").port(self.plain).client_id("other"));
        within(other.connect(true)).await.expect("a connection");
        while other.broker_up().await {}
        panic!("the broker is gone");
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("broker.sock")
    }

    pub(crate) fn trust(&self) -> Tls {
        Tls::new().ca_pem(self.authority.pem.clone())
    }

    pub(crate) fn identified(&self) -> Tls {
        let ours = self.authority.client("pump-7");
        self.trust().client_pem(ours.certificate, ours.key)
    }
}

/// A way to it.
async fn serves(broker: &Everywhere, settings: Config, version: Version) {
    let settings = settings.client_id("ours").version(version);
    let ours = client(settings.clone());
    // The session of another way.
    within(ours.connect(true)).await.expect("a connection");
    within(ours.disconnect()).await.expect("an end");
    within(ours.connect(false)).await.expect("a connection");
    within(ours.subscribe(TOPIC, QoS::ExactlyOnce)).await.expect("a subscription");
    for qos in EVERY_QOS {
        passes(&ours, b"short", qos).await;
    }
    or(passes(&ours, &large(), QoS::ExactlyOnce), broker.keep_awake()).await;
    // Another client would be sent again what is not acknowledged to the end.
    assert!(within(ours.drain(Duration::from_secs(10))).await, "all is acknowledged");
    within(ours.disconnect()).await.expect("an end");
    let again = client(settings);
    let session = within(again.connect(false)).await.expect("a connection");
    assert!(session.session_present, "{version:?}");
    passes(&again, b"again", QoS::AtLeastOnce).await;
    within(again.disconnect()).await.expect("an end");
}

/// There and back.
async fn passes(client: &Client, payload: &[u8], qos: QoS) {
    within(client.publish(TOPIC, payload).qos(qos)).await.expect("a publish");
    let message = within(client.queue().next()).await.expect("a message");
    assert!(message.payload() == payload && message.qos() == qos, "{qos:?}");
}

const TOPIC: &str = "reach";

fn all_versions(broker: &Everywhere, settings: impl Fn() -> Config) {
    for version in VERSIONS {
        run(serves(broker, settings(), version));
    }
}

#[test]
fn by_tls() {
    if broker_or_skip("by_tls") {
        let broker = Everywhere::start();
        all_versions(&broker, || config(broker.tls).tls(broker.trust()));
    }
}

#[test]
fn by_tls_with_a_client_certificate() {
    if broker_or_skip("by_tls_with_a_client_certificate") {
        let broker = Everywhere::start();
        all_versions(&broker, || config(broker.mutual).tls(broker.identified()));
    }
}

#[test]
fn by_websocket() {
    if broker_or_skip("by_websocket") {
        let broker = Everywhere::start();
        all_versions(&broker, || config(broker.web).websocket(WebSocket::new()));
    }
}

#[test]
fn by_secure_websocket() {
    if broker_or_skip("by_secure_websocket") {
        let broker = Everywhere::start();
        all_versions(&broker, || {
            config(broker.secure_web).websocket(WebSocket::new()).tls(broker.trust())
        });
    }
}

#[test]
fn by_a_unix_socket() {
    if broker_or_skip("by_a_unix_socket") {
        let broker = Everywhere::start();
        all_versions(&broker, || Config::unix(broker.socket()));
    }
}

#[test]
fn through_socks5() {
    if broker_or_skip("through_socks5") && proxies_or_skip("through_socks5") {
        let (broker, proxy) = (Everywhere::start(), RealProxy::socks5(true));
        let way = || Proxy::socks5(proxy.addr().to_string()).user(USER.0, USER.1);
        all_versions(&broker, || config(broker.plain).proxy(way()));
    }
}

#[test]
fn through_http() {
    if broker_or_skip("through_http") && proxies_or_skip("through_http") {
        let broker = Everywhere::start();
        let proxy = RealProxy::http(true, &[broker.plain]);
        let way = || Proxy::http(proxy.addr().to_string()).user(USER.0, USER.1);
        all_versions(&broker, || config(broker.plain).proxy(way()));
    }
}

#[test]
fn by_all_layers_at_once() {
    if broker_or_skip("by_all_layers_at_once") && proxies_or_skip("by_all_layers_at_once") {
        let broker = Everywhere::start();
        let (socks, http) = (RealProxy::socks5(false), RealProxy::http(true, &[broker.mutual_web]));
        let ways = [
            Proxy::socks5(socks.addr().to_string()),
            Proxy::http(http.addr().to_string()).user(USER.0, USER.1),
        ];
        for way in ways {
            all_versions(&broker, || {
                let settings = config(broker.mutual_web).proxy(way.clone());
                let websocket = WebSocket::new().path("/any?a=b").header("X-Site", "north");
                settings.tls(broker.identified()).websocket(websocket)
            });
        }
    }
}
