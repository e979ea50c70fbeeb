//! What this adapter brings, told as stories over its own TCP, through a software wire, to a broker
//! on loopback: sockets, names, time, a driver, lent memory.

use std::cell::RefCell;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use embassy_net::ConfigV4;
use futures_lite::future::{or, zip};
use mqtt_as_embassy::{
    Client, Config, ConfigError, ConnectError, DownReason, ErrorKind, QoS, Resources, Runner, Step,
    Version, event,
};
use mqtt_as_tests::beside::dropped_after;
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;
use mqtt_as_tests::wire::Wire;

const EACH_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
const EACH_VERSION: [Version; 2] = [Version::V311, Version::V5];

/// What the stories lend a client.
type Memory = Resources<256, 512, 2048, 2048, 8>;

fn memory() -> &'static mut Memory {
    Box::leak(Box::default())
}

/// A broker, and a wire that leads to it.
fn world() -> (Server, Wire) {
    let (server, wire) = (Server::start(BrokerConfig::default()), Wire::new());
    wire.forward(server.addr().port());
    (server, wire)
}

fn config(server: &Server) -> Config {
    to(Wire::HOST, server.addr().port())
}

fn to(host: &'static str, port: u16) -> Config {
    Config::new(host).port(port).client_id("smoke")
}

fn new(wire: &Wire, config: Config) -> (Client, Runner) {
    mqtt_as_embassy::new(wire.stack(), memory(), config).expect("settings that fit")
}

/// A story of this client, beside its driver: both are over, and not after ever.
fn joined(wire: &Wire, runner: Runner, story: impl Future<Output = ()>) {
    within(wire, async {
        zip(story, runner.run()).await;
    });
}

fn within<T>(wire: &Wire, story: impl Future<Output = T>) -> T {
    wire.run(or(story, async {
        async_io::Timer::after(Duration::from_secs(20)).await;
        panic!("it has to happen within twenty seconds");
    }))
}

async fn talk(client: Client) {
    client.connect(true).await.expect("a connection");
    let granted = client.subscribe("smoke/#", QoS::ExactlyOnce).await.expect("a subscription");
    assert_eq!(granted.qos(), QoS::ExactlyOnce);
    let mut buffer = [0; 256];
    for qos in EACH_QOS {
        client.publish("smoke/1", "a payload").qos(qos).await.expect("a publish");
        let message = client.queue().next_into(&mut buffer).await;
        let message = message.expect("a buffer that is large enough").expect("a message");
        assert_eq!((message.topic(), message.qos()), ("smoke/1", qos));
        assert_eq!(message.payload(), b"a payload");
    }
    client.disconnect().await.expect("a connection to end");
    assert!(!client.is_connected());
}

#[test]
fn talk_in_both_versions() {
    for version in EACH_VERSION {
        let (server, wire) = world();
        let (client, runner) = new(&wire, config(&server).version(version));
        joined(&wire, runner, talk(client));
        assert_eq!(server.with(|broker, _| broker.accepted().len()), EACH_QOS.len());
    }
}

#[test]
fn dropping_the_last_handle_sends_what_was_accepted_and_ends_the_driver() {
    let (server, wire) = world();
    let (client, runner) = new(&wire, config(&server));
    joined(&wire, runner, async move {
        client.connect(true).await.expect("a connection");
        let other = client.clone();
        drop(client);
        other.publish("smoke/1", "last words").await.expect("a publish");
    });
    let heard = server.with(|broker, _| broker.accepted()[0].payload.to_vec());
    assert_eq!(heard, b"last words");
    assert!(server.with(|broker, _| broker.sessions().iter().all(|session| !session.connected)));
}

/// Its socket outlives it: the server hears of the end.
#[test]
fn dropping_the_driver_closes_the_client_and_its_connection() {
    let (server, wire) = world();
    let (client, runner) = new(&wire, config(&server));
    wire.run(async {
        let connected = async { client.connect(true).await.expect("a connection") };
        or(connected, async {
            runner.run().await;
            unreachable!("there is a handle");
        })
        .await;
        assert_eq!(client.connect(true).await, Err(ConnectError::Closed));
        assert!(client.queue().next_into(&mut [0; 64]).await.expect("nothing").is_none());
        let connected =
            || server.with(|broker, _| broker.sessions().iter().any(|session| session.connected));
        while connected() {
            async_io::Timer::after(Duration::from_millis(1)).await;
        }
    });
}

/// A connection and all that goes over it, as far as it comes.
async fn attempt(client: &Client) -> Option<()> {
    let mut queue = client.queue(); // A consumer beside the callbacks, from the beginning.
    client.connect(true).await.ok()?;
    client.subscribe("smoke/1", QoS::ExactlyOnce).await.ok()?;
    client.publish("smoke/1", "a payload").qos(QoS::ExactlyOnce).await.ok()?;
    queue.next_into(&mut [0; 64]).await.ok()??;
    client.up().await.map(|_| ())
}

/// At every await: the connection is closed, calls that wait end, no callback is called any more.
#[test]
fn driver_dropped_anywhere() {
    TOLD.take();
    for polls in 0.. {
        let (server, wire) = world();
        let (client, runner) = new(&wire, config(&server));
        client.set_cb_on_event(event::Msg, &|_| told("message")).expect("a place");
        client.set_cb_on_event(event::Down, &|_| told("down")).expect("a place");
        let is_open =
            || server.with(|broker, _| broker.sessions().iter().any(|session| session.connected));
        let ended = within(&wire, async {
            let ended = dropped_after(polls, runner.run(), attempt(&client)).await;
            TOLD.take();
            assert_eq!(client.connect(true).await, Err(ConnectError::Closed), "{polls} polls");
            while is_open() {
                async_io::Timer::after(Duration::from_millis(1)).await;
            }
            assert_eq!(TOLD.take(), [""; 0], "{polls} polls");
            ended
        });
        if ended.is_some() {
            // On a busy machine several steps are ready at once; each call of the story takes one.
            assert!(polls > 1);
            break;
        }
    }
}

/// As large as the packets that the memory is for, and many: both buffers go round.
#[test]
fn many_large_packets() {
    let (server, wire) = world();
    let (client, runner) = new(&wire, config(&server));
    joined(&wire, runner, async move {
        client.connect(true).await.expect("a connection");
        client.subscribe("smoke/large", QoS::ExactlyOnce).await.expect("a subscription");
        let mut buffer = [0; 256];
        for round in 0..100_u8 {
            let payload = [round; 200];
            let qos = EACH_QOS[usize::from(round % 3)];
            client.publish("smoke/large", payload.as_slice()).qos(qos).await.expect("a publish");
            let message = client.queue().next_into(&mut buffer).await.expect("a large buffer");
            assert_eq!(message.expect("a message").payload(), payload);
        }
    });
}

#[test]
fn lost_frames() {
    for (n, seed) in [(20, 1), (10, 2), (7, 3)] {
        let (server, wire) = world();
        wire.lose_one_in(n, seed);
        let (client, runner) = new(&wire, config(&server));
        joined(&wire, runner, talk(client));
        assert!(wire.lost() != 0);
    }
}

#[test]
fn lost_connection_and_another_one() {
    let (server, wire) = world();
    let (client, runner) = new(&wire, config(&server));
    joined(&wire, runner, async move {
        for _ in 0..3 {
            client.connect(true).await.expect("a connection");
            server.cut();
            client.down().await.expect("its end");
        }
        client.connect(false).await.expect("another connection");
        client.publish("smoke/1", "again").qos(QoS::AtLeastOnce).await.expect("a publish");
    });
}

/// The old connection is not closed by its server, for no frame reaches it.
#[test]
fn dead_link_and_another_connection() {
    let (server, wire) = world();
    let config = config(&server).keepalive(Duration::from_secs(1)).ping_timeout(SHORT);
    let (client, runner) = new(&wire, config.connect_timeout(Duration::from_secs(5)));
    joined(&wire, runner, async {
        client.connect(true).await.expect("a connection");
        wire.unplug(true);
        let reason = client.down().await.expect("its end");
        assert!(matches!(reason, DownReason::Protocol(_)), "{reason:?}");
        wire.unplug(false);
        client.connect(true).await.expect("another connection");
        client.publish("smoke/1", "again").qos(QoS::AtLeastOnce).await.expect("a publish");
        let client = client;
        client.disconnect().await.expect("a connection to end");
    });
}

/// The network is the program's: the client says at once that there is none.
#[test]
fn no_network_yet() {
    let (server, wire) = world();
    let (client, runner) = new(&wire, config(&server));
    let known = wire.stack().config_v4().expect("an address");
    joined(&wire, runner, async {
        wire.stack().set_config_v4(ConfigV4::None);
        let nowhere = ConnectError::Unreachable(Step::Open, ErrorKind::AddrNotAvailable.into());
        assert_eq!(client.connect(true).await, Err(nowhere));
        wire.stack().set_config_v4(ConfigV4::Static(known));
        talk(client).await;
    });
}

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn name_is_resolved_and_every_address_tried() {
    let (server, wire) = world();
    let nobody = Ipv4Addr::new(10, 0, 0, 77);
    wire.name("broker.example", &[nobody, Wire::ADDRESS]);
    let config = to("broker.example", server.addr().port()).connect_timeout(SHORT);
    let (client, runner) = new(&wire, config);
    joined(&wire, runner, talk(client));
}

#[test]
fn unknown_name() {
    let wire = Wire::new();
    let (client, runner) = new(&wire, to("no-such-name.invalid", 1883));
    joined(&wire, runner, async move {
        let (host, error) = ("no-such-name.invalid".into(), ErrorKind::NotFound.into());
        let unknown = ConnectError::HostNotFound { host, error };
        assert_eq!(client.connect(true).await, Err(unknown));
    });
}

#[test]
fn silent_network_and_the_time_out_of_each_step() {
    let wire = Wire::new();
    wire.unplug(true);
    for (host, step) in [(Wire::HOST, Step::Open), ("broker.example", Step::Resolve)] {
        let (client, runner) = new(&wire, to(host, 1883).connect_timeout(SHORT));
        joined(&wire, runner, async move {
            let begun = Instant::now();
            assert_eq!(client.connect(true).await, Err(ConnectError::TimedOut(step)));
            assert!(begun.elapsed() + Duration::from_millis(1) >= SHORT);
        });
    }
}

#[test]
fn silent_peer_and_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let wire = Wire::new();
    wire.forward(port);
    let (client, runner) = new(&wire, to(Wire::HOST, port).connect_timeout(SHORT));
    joined(&wire, runner, async move {
        let result = client.connect(true).await;
        assert_eq!(result, Err(ConnectError::TimedOut(Step::Connect)));
    });
}

/// Neither where nobody listens, nor where nothing is forwarded.
#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listens = listener.local_addr().expect("an address").port();
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = gone.local_addr().expect("an address").port();
    drop(gone);
    let wire = Wire::new();
    wire.forward(closed);
    for port in [listens, closed] {
        let (client, runner) = new(&wire, to(Wire::HOST, port));
        joined(&wire, runner, async move {
            let refused =
                ConnectError::Unreachable(Step::Open, ErrorKind::ConnectionRefused.into());
            assert_eq!(client.connect(true).await, Err(refused));
        });
    }
}

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn told(what: impl Into<String>) {
    TOLD.with_borrow_mut(|told| told.push(what.into()));
}

#[test]
fn callbacks_without_a_heap() {
    for version in EACH_VERSION {
        TOLD.take();
        let (server, wire) = world();
        let (client, runner) = new(&wire, config(&server).version(version));
        client.set_cb_on_event(event::Up, &|_| told("up")).expect("a place");
        client
            .set_cb_on_event(event::Down, &|reason| told(format!("{reason:?}")))
            .expect("a place");
        let other = client.set_cb_on_event(event::Msg, &|_| told("other")).expect("a place");
        let text = |message: &mqtt_as_embassy::MessageRef<'_>| {
            told(String::from_utf8_lossy(message.payload()));
        };
        client.set_cb_on_event(event::Msg, Box::leak(Box::new(text))).expect("a place");
        joined(&wire, runner, async {
            client.connect(true).await.expect("a connection");
            client.subscribe("smoke/1", QoS::ExactlyOnce).await.expect("a subscription");
            client.publish("smoke/1", "one").qos(QoS::ExactlyOnce).await.expect("a publish");
            // An acknowledgement says that the callbacks have run.
            while TOLD.with_borrow(|told| told.len() < 3) {
                assert!(client.broker_up().await);
            }
            assert!(client.unset_cb(other));
            assert!(!client.unset_cb(other));
            client.publish("smoke/1", "two").qos(QoS::AtMostOnce).await.expect("a publish");
            while TOLD.with_borrow(|told| told.len() < 4) {
                assert!(client.broker_up().await);
            }
            client.disconnect().await.expect("a connection to end");
            let client = client;
            drop(client);
        });
        assert_eq!(TOLD.take(), ["up", "other", "one", "two", "Disconnected"]);
        let unacknowledged = server.with(|broker, _| broker.sessions().iter().any(|s| s.connected));
        assert!(!unacknowledged);
    }
}

#[test]
fn four_callbacks_per_event() {
    let wire = Wire::new();
    let (client, _runner) = new(&wire, to(Wire::HOST, 1883));
    let up = [(); 5].map(|()| client.set_cb_on_event(event::Up, &|_| {}));
    assert_eq!(up.map(|id| id.is_some()), [true, true, true, true, false]);
    let down = [(); 5].map(|()| client.set_cb_on_event(event::Down, &|_| {}));
    assert_eq!(down.map(|id| id.is_some()), [true, true, true, true, false]);
    assert!(client.unset_cb(up[2].expect("the third")));
    let ids: Vec<_> = up.into_iter().chain(down).flatten().collect();
    let another = client.set_cb_on_event(event::Up, &|_| {}).expect("its place");
    assert!(!ids.contains(&another));
}

/// More calls wait than there are slots: none hangs, none is lost, and the others go on.
#[test]
fn consumers_without_a_waiter_slot() {
    let (server, wire) = world();
    let few: &mut Resources<256, 512, 2048, 2048, 1> = Box::leak(Box::default());
    let made = mqtt_as_embassy::new(wire.stack(), few, config(&server));
    let (client, runner) = made.expect("settings that fit");
    joined(&wire, runner, async {
        let client = client;
        client.connect(true).await.expect("a connection");
        client.subscribe("smoke/#", QoS::AtLeastOnce).await.expect("a subscription");
        let take = async |n: usize| {
            let mut buffer = [0; 64];
            for _ in 0..n {
                let message = client.queue().next_into(&mut buffer).await.expect("a large buffer");
                message.expect("a message");
            }
        };
        // Two wait for messages: one has the slot. QoS 0 needs none to be said.
        zip(zip(take(1), take(1)), async {
            async_io::Timer::after(Duration::from_millis(50)).await;
            for text in ["one", "two"] {
                client.publish("smoke/1", text).await.expect("a publish");
            }
        })
        .await;
        client.publish("smoke/1", "more").qos(QoS::AtLeastOnce).await.expect("a free slot");
    });
}

#[test]
fn settings_adapt_to_lent_memory_or_are_refused_with_the_number_needed() {
    let wire = Wire::new();
    let config = || to(Wire::HOST, 1883);
    let made = |config| mqtt_as_embassy::new(wire.stack(), memory(), config).map(drop);
    assert_eq!(made(config()), Ok(()));
    let fits = config().receive_maximum(7).maximum_packet_size(256).queue_bytes(2048);
    assert_eq!(made(fits.outbox(512).store(2048)), Ok(()));
    let needs = |config| match made(config) {
        Err(ConfigError::Memory { needed, given, .. }) => (needed, given),
        other => panic!("{other:?}"),
    };
    // Each message takes 16 bytes more than its packet.
    assert_eq!(needs(config().receive_maximum(8)), (8 * 272, 2048));
    assert_eq!(needs(config().receive_maximum(7).queue_bytes(1903)), (7 * 272, 1903));
    assert_eq!(needs(config().maximum_packet_size(257)), (257, 256));
    assert_eq!(needs(config().queue_bytes(2049)), (2049, 2048));
    assert_eq!(needs(config().outbox(513)), (513, 512));
    assert_eq!(needs(config().store(2049)), (2049, 2048));
}

/// The program wants two messages kept: the QoS 0 messages beyond are dropped, and counted.
#[test]
fn smaller_settings_hold_with_lent_memory() {
    let (server, wire) = world();
    let (client, runner) = new(&wire, config(&server).queue_len(2).receive_maximum(1));
    joined(&wire, runner, async move {
        client.connect(true).await.expect("a connection");
        client.subscribe("smoke/#", QoS::AtMostOnce).await.expect("a subscription");
        for text in ["one", "two", "three", "four", "five"] {
            client.publish("smoke/1", text).await.expect("a publish");
        }
        while client.statistics().received < 5 {
            assert!(client.broker_up().await);
        }
        assert_eq!(client.statistics().discards, 3);
        for text in ["four", "five"] {
            let mut buffer = [0; 64];
            let message = client.queue().next_into(&mut buffer).await.expect("a large buffer");
            assert_eq!(message.expect("a message").payload(), text.as_bytes());
        }
    });
}

/// What the heap adds, over the same lent memory.
#[cfg(feature = "alloc")]
mod heap {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn owned_messages() {
        let (server, wire) = world();
        let (client, runner) = new(&wire, config(&server));
        joined(&wire, runner, async move {
            client.connect(true).await.expect("a connection");
            client.subscribe("smoke/#", QoS::AtLeastOnce).await.expect("a subscription");
            let mut messages = Vec::new();
            for text in ["one", "two"] {
                client.publish("smoke/1", text).qos(QoS::AtLeastOnce).await.expect("a publish");
                messages.push(client.queue().next().await.expect("a message"));
            }
            let payloads: Vec<_> = messages.iter().map(mqtt_as_embassy::Message::payload).collect();
            assert_eq!(payloads, [b"one", b"two"]);
        });
    }

    #[test]
    fn closures_as_callbacks() {
        let (server, wire) = world();
        let (client, runner) = new(&wire, config(&server));
        let heard = Rc::new(RefCell::new(Vec::new()));
        let hear = heard.clone();
        let on_message = Box::new(move |message: &mqtt_as_embassy::MessageRef<'_>| {
            hear.borrow_mut().push(message.payload().to_vec());
        });
        let id = client.set_boxed_cb_on_event(event::Msg, on_message).expect("a place");
        let gone = heard.clone();
        joined(&wire, runner, async move {
            client.connect(true).await.expect("a connection");
            client.subscribe("smoke/#", QoS::AtLeastOnce).await.expect("a subscription");
            client.publish("smoke/1", "text").qos(QoS::AtLeastOnce).await.expect("a publish");
            while gone.borrow().is_empty() {
                assert!(client.broker_up().await);
            }
            assert!(client.unset_cb(id));
            assert_eq!(Rc::strong_count(&gone), 2); // The closure has been dropped.
        });
        assert_eq!(*heard.borrow(), [b"text"]);
    }
}
