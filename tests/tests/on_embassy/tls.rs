//! TLS 1.3 on a device: over embassy's own TCP to mosquitto, with certificates and with a shared key.

#[path = "tls/broker.rs"] // Also where another target names this file.
mod broker;

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, SystemTime};

use mqtt_as_proto::Version;
use mqtt_as_tests::beside::dropped_after;
use mqtt_as_tests::mosquitto::broker_or_skip;

use crate::list::story::until;
use crate::runtime::adapter::rand_core::{CryptoRng, Error, RngCore};
use crate::runtime::adapter::{
    self, Certificates, Client, Config, ConnectError, ErrorKind, Identity, PreSharedKey, QoS,
    ResourcesFor, Step, Tcp, TcpBuffers, Tls, TlsBuffers, TlsError, TlsRunner,
};
use crate::runtime::{host, named, run, soon, spawn, stack, within};
use broker::{Authority, Broker, Pair};

const NAME: &str = "broker.example";

const EACH_VERSION: [Version; 2] = [Version::V311, Version::V5];
const EACH_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

thread_local! {
    /// What TLS said when it failed.
    static SAID: RefCell<Vec<TlsError>> = const { RefCell::new(Vec::new()) };
}

/// The system's random numbers.
struct Random;

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes)).expect("chance");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Random {}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("a clock that is right").as_secs()
}

fn certificates(ca: &Authority) -> Certificates<Random> {
    Certificates::new(ca.der(), now, Random).expect("a certificate")
}

const KEY: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

fn shared_key() -> PreSharedKey<Random> {
    PreSharedKey::new("pump-7", &KEY, Random)
}

/// What a device of little memory lends, and asks the server for records of 4 KiB.
type Buffers = TlsBuffers<4352, 1024>;

fn lent<T: Default>() -> &'static mut T {
    Box::leak(Box::default())
}

/// A client over TLS, and what the story has to poll for it.
fn parts<I: Identity, const IN: usize, const OUT: usize, const PIPE: usize>(
    config: Config,
    buffers: &'static mut TlsBuffers<IN, OUT, PIPE>,
    identity: I,
) -> (Client, adapter::Runner<Tls>, TlsRunner<I>) {
    let tcp = Tcp::new(stack(), lent::<TcpBuffers<1024, 1024>>());
    let (tls, runner) = Tls::new(tcp, buffers, identity);
    let runner = runner.on_failure(|error| SAID.with_borrow_mut(|said| said.push(error.clone())));
    let memory = lent::<ResourcesFor<2048, 2048, 4096, 4096, 8>>();
    let (client, driver) = adapter::with_connector(tls, memory, config).expect("settings that fit");
    (client, driver, runner)
}

fn client<I: Identity + 'static>(config: Config, identity: I) -> Client {
    let (client, driver, runner) = parts(config, lent::<Buffers>(), identity);
    drop(spawn(driver.run()));
    drop(spawn(runner.run()));
    client
}

fn to(port: u16) -> Config {
    named(NAME, port);
    Config::new(NAME).port(port).client_id("device").connect_timeout(Duration::from_secs(5))
}

/// Messages of all kinds there and back.
async fn talk(client: &Client) {
    within(client.subscribe("tls/#", QoS::ExactlyOnce)).await.expect("a subscription");
    let mut buffer = [0; 2048];
    for round in 0..30_u8 {
        let qos = EACH_QOS[usize::from(round % 3)];
        let payload = vec![round; usize::from(round) * 60];
        within(client.publish("tls/1", payload.as_slice()).qos(qos)).await.expect("a publish");
        let message = within(client.queue().next_into(&mut buffer)).await.expect("a large buffer");
        let message = message.expect("a message");
        assert_eq!((message.payload(), message.qos()), (&*payload, qos));
    }
}

/// Whether the broker has read DISCONNECT: the network of these stories ends with them, and with it what
/// it still carries.
fn has_left(broker: &Broker) -> bool {
    let log = broker.log();
    log.rfind("Client device disconnected") > log.rfind(" as device ")
}

#[test]
fn certificates_in_both_versions_and_a_session_that_is_resumed() {
    if !broker_or_skip("certificates_in_both_versions") {
        return;
    }
    let ca = Authority::new("ours");
    for version in EACH_VERSION {
        let mut broker = Broker::start(&ca.server(&[NAME]), &ca, &[]);
        run(async {
            let config = to(broker.port).version(version).session_expiry(60);
            let client = client(config, certificates(&ca));
            within(client.connect(false)).await.expect("a connection");
            talk(&client).await;
            within(client.disconnect()).await.expect("an end");
            within(client.down()).await.expect("an end");
            let session = within(client.connect(false)).await.expect("a connection");
            assert!(session.session_present, "{version:?}");
            talk(&client).await;
            broker.restart();
            within(client.down()).await.expect("an end");
            within(client.connect(false)).await.expect("a connection");
            talk(&client).await;
            within(client.disconnect()).await.expect("an end");
            until(|| has_left(&broker)).await;
        });
        assert!(!broker.log().contains("OpenSSL Error"), "{}", broker.log());
    }
}

#[test]
fn a_shared_key_in_both_versions() {
    if !broker_or_skip("a_shared_key_in_both_versions") {
        return;
    }
    let broker = Broker::start_with_key("pump-7", &KEY);
    for version in EACH_VERSION {
        run(async {
            let client = client(to(broker.port).version(version), shared_key());
            within(client.connect(true)).await.expect("a connection");
            talk(&client).await;
            within(client.disconnect()).await.expect("an end");
            until(|| has_left(&broker)).await;
        });
    }
    assert!(!broker.log().contains("OpenSSL Error"), "{}", broker.log());
}

#[test]
fn an_address_is_a_name_too() {
    if !broker_or_skip("an_address_is_a_name_too") {
        return;
    }
    let ca = Authority::new("ours");
    let broker = Broker::start(&ca.server(&["10.0.0.1"]), &ca, &[]);
    run(async {
        let client = client(Config::new(host(broker.port)).port(broker.port), certificates(&ca));
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
    });
}

#[test]
fn buffers_of_all_sizes() {
    if !broker_or_skip("buffers_of_all_sizes") {
        return;
    }
    let ca = Authority::new("ours");
    let broker = Broker::start(&ca.server(&[NAME]), &ca, &[]);
    async fn with<const IN: usize, const OUT: usize, const PIPE: usize>(port: u16, ca: &Authority) {
        let buffers = lent::<TlsBuffers<IN, OUT, PIPE>>();
        let (client, driver, runner) = parts(to(port), buffers, certificates(ca));
        drop(spawn(driver.run()));
        drop(spawn(runner.run()));
        within(client.connect(true)).await.expect("a connection");
        talk(&client).await;
        within(client.disconnect()).await.expect("an end");
    }
    run(async {
        with::<1280, 512, 1>(broker.port, &ca).await;
        with::<2304, 700, 64>(broker.port, &ca).await;
        with::<16_640, 16_640, 4096>(broker.port, &ca).await;
    });
}

#[test]
fn a_client_proves_who_it_is() {
    if !broker_or_skip("a_client_proves_who_it_is") {
        return;
    }
    let ca = Authority::new("ours");
    let lines = ["require_certificate true", "use_identity_as_username true"];
    let broker = Broker::start(&ca.server(&[NAME]), &ca, &lines);
    let Pair { certificate, key, .. } = ca.client("pump-7");
    let identity = certificates(&ca).client(certificate.leak(), key.leak()).expect("a key");
    run(async {
        let client = client(to(broker.port), identity);
        within(client.connect(true)).await.expect("a connection");
        talk(&client).await;
        within(client.disconnect()).await.expect("an end");
    });
    assert!(broker.log().contains("u'pump-7'"), "{}", broker.log());
}

#[test]
fn a_key_that_is_none_is_told_at_once() {
    let ca = Authority::new("ours");
    assert!(matches!(Certificates::new(b"no", now, Random), Err(TlsError::Certificate(_))));
    let (one, other) = (ca.client("one"), ca.client("other"));
    let (one, key): (&[u8], &[u8]) = (one.certificate.leak(), other.key.leak());
    let none = certificates(&ca).client(one, b"no");
    assert!(matches!(none, Err(TlsError::Key)), "{none:?}");
    let wrong = certificates(&ca).client(one, key);
    assert!(matches!(wrong, Err(TlsError::WrongKey)), "{wrong:?}");
    let broken = certificates(&ca).client(b"no", key);
    assert!(matches!(broken, Err(TlsError::Certificate(_))), "{broken:?}");
}

/// The attempt fails, for that reason, with those words, within its time.
async fn refused<I: Identity + 'static>(port: u16, identity: I, kind: ErrorKind, words: &str) {
    SAID.take();
    let client = client(to(port), identity);
    let error = within(client.connect(true)).await.expect_err("no connection");
    let failed = ConnectError::Unreachable(Step::Tls, kind.into());
    assert_eq!(error, failed, "{error}");
    let said = SAID.take();
    assert!(said.len() == 1 && said[0].to_string().contains(words), "{said:?}");
    #[cfg(feature = "heap")]
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_server_that_is_not_believed() {
    if !broker_or_skip("a_server_that_is_not_believed") {
        return;
    }
    let (ca, other) = (Authority::new("ours"), Authority::new("another"));
    run(async {
        let wrong = Broker::start(&other.server(&[NAME]), &other, &[]);
        refused(wrong.port, certificates(&ca), ErrorKind::PermissionDenied, "UnknownIssuer").await;
        let expired = Broker::start(&ca.expired(&[NAME]), &ca, &[]);
        refused(expired.port, certificates(&ca), ErrorKind::PermissionDenied, "has expired").await;
        let named = Broker::start(&ca.server(&["other.example"]), &ca, &[]);
        refused(named.port, certificates(&ca), ErrorKind::PermissionDenied, "another name").await;
        // Who has a certificate of the CA's cannot issue others.
        let issued = ca.server(&["other.example"]).issue(&[NAME]);
        let issued = Broker::start(&issued, &ca, &[]);
        refused(issued.port, certificates(&ca), ErrorKind::PermissionDenied, "UsedAsCa").await;
        let client = Broker::start(&ca.client(NAME), &ca, &[]);
        refused(client.port, certificates(&ca), ErrorKind::PermissionDenied, "serverAuth").await;
        let itself = Broker::start(&ca.itself(), &ca, &[]);
        refused(itself.port, certificates(&ca), ErrorKind::PermissionDenied, "of a CA as its")
            .await;
        let anew = Authority::new("ours");
        let anew = Broker::start(&anew.server(&[NAME]), &anew, &[]);
        refused(anew.port, certificates(&ca), ErrorKind::PermissionDenied, "of that name").await;
        let large = Broker::start(&ca.wordy(&[NAME]), &ca, &[]);
        refused(large.port, certificates(&ca), ErrorKind::OutOfMemory, "larger").await;
    });
}

#[test]
fn a_server_that_does_not_agree() {
    if !broker_or_skip("a_server_that_does_not_agree") {
        return;
    }
    let ca = Authority::new("ours");
    run(async {
        let keys = Broker::start_with_key("pump-7", &KEY);
        let wrong = PreSharedKey::new("pump-7", &[9; 16], Random);
        refused(keys.port, wrong, ErrorKind::ConnectionRefused, "the server refused").await;
        let unknown = PreSharedKey::new("pump-8", &KEY, Random);
        refused(keys.port, unknown, ErrorKind::ConnectionRefused, "the server refused").await;
        let none = certificates(&ca);
        refused(keys.port, none, ErrorKind::ConnectionRefused, "HandshakeFailure").await;
        let broker = Broker::start(&ca.server(&[NAME]), &ca, &[]);
        // It takes a record of TLS for a packet of MQTT, and cuts the connection.
        let client = client(to(broker.plain), certificates(&ca));
        let error = within(client.connect(true)).await.expect_err("no connection");
        assert!(matches!(error, ConnectError::Unreachable(Step::Tls, _)), "{error}");
    });
}

#[test]
fn a_client_that_is_not_believed() {
    if !broker_or_skip("a_client_that_is_not_believed") {
        return;
    }
    let ca = Authority::new("ours");
    let broker = Broker::start(&ca.server(&[NAME]), &ca, &["require_certificate true"]);
    run(async {
        SAID.take();
        let client = client(to(broker.port), certificates(&ca));
        // In TLS 1.3 the client is done first: the alert comes when it has sent CONNECT.
        let error = within(client.connect(true)).await.expect_err("no connection");
        assert!(matches!(error, ConnectError::Lost(_)), "{error}");
        let said = SAID.take();
        // Or the end of the connection overtakes it, which still held a packet of the client's.
        let cut = matches!(said[..], [TlsError::Transport(_)]);
        assert!(cut || matches!(said[..], [TlsError::Alert]), "{said:?}");
    });
}

#[test]
fn a_server_that_says_nothing() {
    run(async {
        let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = mute.local_addr().expect("an address").port();
        let ca = Authority::new("ours");
        let config = to(port).connect_timeout(Duration::from_millis(300));
        let client = client(config, certificates(&ca));
        let error = within(client.connect(true)).await;
        assert_eq!(error, Err(ConnectError::TimedOut(Step::Tls)));
    });
}

#[test]
fn a_runner_that_nobody_runs_or_that_is_no_more() {
    run(async {
        let ca = Authority::new("ours");
        let config = || to(1).connect_timeout(Duration::from_millis(300));
        let (client, driver, runner) = parts(config(), lent::<Buffers>(), certificates(&ca));
        drop(spawn(driver.run()));
        let error = within(client.connect(true)).await;
        assert_eq!(error, Err(ConnectError::TimedOut(Step::Tls)));
        drop(runner);
        let error = within(client.connect(true)).await;
        let gone = ConnectError::Unreachable(Step::Tls, ErrorKind::NotConnected.into());
        assert_eq!(error, Err(gone));
    });
}

/// At every await of the driver: the connection ends, and another one comes.
#[test]
fn a_driver_dropped_anywhere() {
    if !broker_or_skip("a_driver_dropped_anywhere") {
        return;
    }
    let broker = Broker::start_with_key("pump-7", &KEY);
    for polls in 0.. {
        let ended = run(async {
            let (client, driver, runner) = parts(to(broker.port), lent::<Buffers>(), shared_key());
            let runner = spawn(runner.run());
            let attempt = async {
                client.connect(true).await.ok()?;
                client.publish("tls/1", "text").qos(QoS::AtLeastOnce).await.ok()
            };
            let ended = within(dropped_after(polls, driver.run(), attempt)).await;
            // The transport is gone, and with it what drives it.
            runner.end().await;
            ended
        });
        if ended.is_some() {
            // On a busy machine several steps are ready at once; each call of the story takes one.
            assert!(polls > 1);
            break;
        }
    }
    // Who left in the midst of something is no fault of TLS.
    assert!(soon_alone(&broker), "{}", broker.log());
}

fn soon_alone(broker: &Broker) -> bool {
    run(async {
        let client = client(to(broker.port), shared_key());
        let done = async {
            within(client.connect(true)).await.is_ok() && within(client.disconnect()).await.is_ok()
        };
        soon(Duration::from_secs(10), done).await == Some(true)
    })
}

/// Attempts that are given up leave nothing behind.
#[test]
fn attempts_that_are_replaced_anywhere() {
    if !broker_or_skip("attempts_that_are_replaced_anywhere") {
        return;
    }
    let broker = Broker::start_with_key("pump-7", &KEY);
    run(async {
        let client = client(to(broker.port), shared_key());
        for wait in [0, 1, 2, 3, 5, 8, 13, 21, 34] {
            let time = Duration::from_millis(wait);
            let _ = soon(time, client.connect(true)).await;
            let replaced = within(client.connect(true)).await;
            replaced.expect("a connection");
            within(client.disconnect()).await.expect("an end");
        }
    });
}
