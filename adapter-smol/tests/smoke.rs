//! What this adapter brings, told as stories over TCP on loopback: sockets, time, and a driver for
//! any executor.

use std::cell::Cell;
use std::fmt;
use std::future::pending;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use async_executor::Executor;
use async_io::{Async, Timer, block_on};
use futures_lite::future::{or, poll_once, zip};
use mqtt_as_smol::{
    Client, Config, ConnectError, DownReason, Driver, ErrorKind, EventKind, QoS, Step, Version,
    WeakClient, event,
};
use mqtt_as_tests::beside::dropped_after;
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

const EACH_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
const EACH_VERSION: [Version; 2] = [Version::V311, Version::V5];

fn server() -> Server {
    Server::start(BrokerConfig::default())
}

fn client(server: &Server) -> (Client, Driver) {
    new(config("127.0.0.1", server.addr().port()))
}

fn config(host: &str, port: u16) -> Config {
    Config::new(host.to_owned()).port(port).client_id("smoke")
}

fn new(config: Config) -> (Client, Driver) {
    mqtt_as_smol::new(config).expect("settings that fit each other")
}

/// Runs a story on this thread and nowhere else, but not for ever.
fn run<T>(story: impl Future<Output = T>) -> T {
    block_on(or(story, async {
        Timer::after(Duration::from_secs(10)).await;
        panic!("it has to happen within ten seconds");
    }))
}

/// A story of this client, beside its driver: both are over.
fn joined(driver: Driver, story: impl Future<Output = ()>) {
    run(zip(story, driver.run()));
}

async fn talk(client: Client) {
    client.connect(true).await.expect("a connection");
    let granted = client.subscribe("smoke/#", QoS::ExactlyOnce).await.expect("a subscription");
    assert_eq!(granted.qos(), QoS::ExactlyOnce);
    for qos in EACH_QOS {
        client.publish("smoke/1", "a payload").qos(qos).await.expect("a publish");
        let message = client.queue().next().await.expect("a message");
        assert_eq!((message.topic(), message.qos()), ("smoke/1", qos));
        assert_eq!(message.payload(), b"a payload");
    }
    client.disconnect().await.expect("a connection to end");
    assert!(!client.is_connected());
}

/// Nothing is spawned, and there is no executor: one thread, one future.
#[test]
fn driver_joined_with_the_program() {
    for version in EACH_VERSION {
        let server = server();
        let (client, driver) = new(config("127.0.0.1", server.addr().port()).version(version));
        joined(driver, talk(client));
        assert_eq!(server.with(|broker, _| broker.accepted().len()), EACH_QOS.len());
    }
}

#[test]
fn driver_in_a_thread_of_its_own() {
    let server = server();
    let (client, driver) = client(&server);
    let thread = thread::spawn(|| run(driver.run()));
    run(talk(client));
    thread.join().expect("a driver that ended");
}

#[test]
fn driver_spawned_on_an_executor_of_several_threads() {
    static EXECUTOR: Executor<'_> = Executor::new();
    for _ in 0..2 {
        thread::spawn(|| block_on(EXECUTOR.run(pending::<()>())));
    }
    let server = server();
    let (client, driver) = client(&server);
    run(zip(EXECUTOR.spawn(talk(client)), EXECUTOR.spawn(driver.run())));
}

#[test]
fn dropping_the_last_handle_sends_what_was_accepted_and_ends_the_driver() {
    let server = server();
    let (client, driver) = client(&server);
    joined(driver, async move {
        client.connect(true).await.expect("a connection");
        let other = client.clone();
        drop(client);
        other.publish("smoke/1", "last words").await.expect("a publish");
    });
    let heard = server.with(|broker, _| broker.accepted()[0].payload.to_vec());
    assert_eq!(heard, b"last words");
    assert!(server.with(|broker, _| broker.sessions().iter().all(|session| !session.connected)));
}

#[test]
fn dropping_the_driver_closes_the_client() {
    let server = server();
    let (client, driver) = client(&server);
    let connect = async { client.connect(true).await.expect("a connection") };
    let driven = async {
        driver.run().await;
        unreachable!("there is a handle");
    };
    run(or(connect, driven));
    assert_eq!(run(client.connect(true)), Err(ConnectError::Closed));
    assert!(run(client.queue().next()).is_none());
}

/// A connection and all that goes over it, as far as it comes.
async fn attempt(client: &Client) -> Option<()> {
    client.connect(true).await.ok()?;
    client.subscribe("smoke/1", QoS::ExactlyOnce).await.ok()?;
    client.publish("smoke/1", "a payload").qos(QoS::ExactlyOnce).await.ok()?;
    client.queue().next().await?;
    client.up().await.map(|_| ())
}

/// At every await: the connection is closed, calls that wait end, callbacks that have begun are
/// dropped.
#[test]
fn driver_dropped_anywhere() {
    for polls in 0.. {
        let server = server();
        let (client, driver) = client(&server);
        let running = Arc::new(());
        let begun = running.clone();
        client.set_cb_on_event(event::Up, move |_| {
            let begun = begun.clone();
            async move {
                pending::<()>().await;
                drop(begun);
            }
        });
        let ended = run(dropped_after(polls, driver.run(), attempt(&client)));
        assert_eq!(run(client.connect(true)), Err(ConnectError::Closed), "{polls} polls");
        assert_eq!(Arc::strong_count(&running), 2, "{polls} polls"); // One is the closure's.
        let is_open =
            || server.with(|broker, _| broker.sessions().iter().any(|session| session.connected));
        run(async {
            while is_open() {
                Timer::after(Duration::from_millis(1)).await;
            }
        });
        if ended.is_some() {
            // On a busy machine several steps are ready at once; each call of the story takes one.
            assert!(polls > 1);
            break;
        }
    }
}

/// On one thread all waits for all: nobody may keep it to himself.
#[test]
fn large_payload_in_pieces() {
    let server = server();
    let (client, driver) = client(&server);
    let payload: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    joined(driver, async move {
        client.connect(true).await.expect("a connection");
        client.subscribe("smoke/large", QoS::ExactlyOnce).await.expect("a subscription");
        for qos in EACH_QOS {
            let (sent, message) =
                zip(client.publish("smoke/large", &payload).qos(qos).into_future(), async {
                    client.queue().next().await.expect("a message")
                })
                .await;
            sent.expect("a publish");
            assert!(message.payload() == payload, "at {qos:?}");
        }
    });
}

#[test]
fn lost_connection_and_another_one() {
    let server = server();
    let (client, driver) = client(&server);
    joined(driver, async move {
        client.connect(true).await.expect("a connection");
        server.cut();
        client.down().await.expect("its end");
        client.connect(false).await.expect("another connection");
        client.publish("smoke/1", "again").qos(QoS::AtLeastOnce).await.expect("a publish");
    });
}

/// `localhost` has several addresses on most machines, and the server listens on one.
#[test]
fn name_is_resolved_and_every_address_tried() {
    let server = server();
    let (client, driver) = new(config("localhost", server.addr().port()));
    joined(driver, talk(client));
}

#[test]
fn silent_peer_and_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let time = Duration::from_millis(200);
    let (client, driver) = new(config("127.0.0.1", port).connect_timeout(time));
    joined(driver, async move {
        let begun = Instant::now();
        let result = client.connect(true).await;
        assert_eq!(result, Err(ConnectError::TimedOut(Step::Connect)));
        assert!(begun.elapsed() + Duration::from_millis(1) >= time); // The client counts these.
    });
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let (client, driver) = new(config("127.0.0.1", port));
    joined(driver, async move {
        let refused = ConnectError::Unreachable(Step::Open, ErrorKind::ConnectionRefused.into());
        assert_eq!(client.connect(true).await, Err(refused));
    });
}

#[test]
fn unknown_name() {
    let time = Duration::from_secs(2);
    let (client, driver) = new(config("no-such-name.invalid", 1883).connect_timeout(time));
    joined(driver, async move {
        let error = client.connect(true).await.expect_err("no such name");
        let expected = matches!(
            error,
            ConnectError::HostNotFound { .. } | ConnectError::TimedOut(Step::Resolve)
        );
        assert!(expected, "{error:?}");
    });
}

/// One of them panics, one waits for the end: the driver goes on, and ends when they have.
#[test]
fn callbacks_run_beside_the_connection() {
    let server = server();
    let (client, driver) = client(&server);
    let (tell, told) = channel();
    let (up, down, text, slow) = (tell.clone(), tell.clone(), tell.clone(), tell);
    let ended = Arc::new(AtomicBool::new(false));
    let end = ended.clone();
    client.set_cb_on_event(event::Up, move |_| {
        up.send("up".to_owned()).expect("a listener");
        async {}
    });
    client.set_cb_on_event(event::Down, move |reason| {
        assert_eq!(reason, DownReason::Disconnected);
        down.send("down".to_owned()).expect("a listener");
        end.store(true, Ordering::SeqCst);
        async {}
    });
    client.set_cb_on_event(event::Msg.new_task(), move |_| {
        let (slow, ended) = (slow.clone(), ended.clone());
        async move {
            while !ended.load(Ordering::SeqCst) {
                Timer::after(Duration::from_millis(1)).await;
            }
            slow.send("slow".to_owned()).expect("a listener");
        }
    });
    client.set_cb_on_event(event::Msg, move |message| {
        text.send(String::from_utf8_lossy(message.payload()).into_owned()).expect("a listener");
        async { panic!("a callback that panics, as the story wants it") }
    });
    joined(driver, async move {
        client.connect(true).await.expect("a connection");
        client.subscribe("smoke/1", QoS::AtLeastOnce).await.expect("a subscription");
        client.publish("smoke/1", "text").qos(QoS::AtLeastOnce).await.expect("a publish");
        assert!(client.broker_up().await);
        client.disconnect().await.expect("a connection to end");
    });
    assert_eq!(told.iter().collect::<Vec<_>>(), ["up", "text", "down", "slow"]);
}

#[test]
fn callback_that_blocks_its_own_thread() {
    let server = server();
    let (client, driver) = client(&server);
    let (connection, callbacks) = driver.split();
    let (begin, begun) = channel();
    let (end, ended) = channel::<()>();
    let ended = Mutex::new(ended);
    client.set_cb_on_event(event::Up, move |_| {
        begin.send(()).expect("a listener");
        ended.lock().expect("no panic").recv().expect("an end");
        async {}
    });
    let thread = thread::spawn(|| run(callbacks));
    let story = async move {
        client.connect(true).await.expect("a connection");
        begun.recv().expect("a callback");
        assert!(client.broker_up().await);
        end.send(()).expect("a callback that waits");
    };
    run(zip(story, connection));
    thread.join().expect("callbacks that ended");
}

/// The driver needs no `'static` and no `Send` of the program beside it.
#[test]
fn program_that_stays_on_its_thread() {
    let server = server();
    let (client, driver) = client(&server);
    let heard = Cell::new(0);
    joined(driver, async {
        let client = client;
        client.connect(true).await.expect("a connection");
        client.subscribe("smoke/#", QoS::AtMostOnce).await.expect("a subscription");
        let say = async {
            for number in 0..100 {
                client.publish("smoke/1", number.to_string()).await.expect("a publish");
            }
        };
        let hear = async {
            while heard.get() < 100 {
                client.queue().next().await.expect("a message");
                heard.set(heard.get() + 1);
            }
        };
        zip(say, hear).await;
    });
    assert_eq!(heard.get(), 100);
}

/// Transports of the program's own make: here TCP that it opens itself.
#[test]
fn any_stream_of_futures_io_takes_the_place_of_tcp() {
    let server = server();
    let port = server.addr().port();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let config = Config::new("a name of its own").port(port).client_id("streams");
    let (client, driver) = mqtt_as_smol::new_with(config, move |host, port| {
        assert_eq!(host, "a name of its own");
        count.fetch_add(1, Ordering::SeqCst);
        Async::<TcpStream>::connect(([127, 0, 0, 1], port))
    })
    .expect("settings that fit each other");
    let story = async move {
        talk(client.clone()).await;
        talk(client).await;
    };
    fn send<T: Send>(future: T) -> T {
        future
    }
    run(zip(send(driver.run()), story));
    assert_eq!(opened.load(Ordering::SeqCst), 2);

    let refuse =
        |_host, _port| async { Err::<Async<TcpStream>, _>(io::ErrorKind::NotFound.into()) };
    let (client, driver) = mqtt_as_smol::new_with(Config::new("nobody"), refuse).expect("settings");
    let refused = async move { client.connect(true).await };
    let (_, refused) = run(zip(driver.run(), refused));
    assert_eq!(refused, Err(ConnectError::Unreachable(Step::Open, ErrorKind::NotFound.into())));
}

/// What a transport says of its failure is the program's own: it is dropped when no lock is held, and
/// may use the client then.
#[test]
fn an_error_of_the_programs_own_uses_the_client_when_it_is_dropped() {
    #[derive(Debug)]
    struct Own(Arc<Mutex<Option<WeakClient>>>, Arc<AtomicUsize>);

    impl fmt::Display for Own {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("its own failure")
        }
    }

    impl std::error::Error for Own {}

    impl Drop for Own {
        fn drop(&mut self) {
            let client = self.0.lock().expect("no panic").as_ref().and_then(WeakClient::upgrade);
            assert!(!client.is_some_and(|client| client.is_connected()));
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }

    let (weak, drops) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    let made = Arc::new(AtomicUsize::new(0));
    let (own, count) = ((weak.clone(), drops.clone()), made.clone());
    let fails = move |_host, _port| {
        let own = Own(own.0.clone(), own.1.clone());
        count.fetch_add(1, Ordering::SeqCst);
        async { Err::<Async<TcpStream>, _>(io::Error::other(own)) }
    };
    let (client, driver) = mqtt_as_smol::new_with(Config::new("a"), fails).expect("settings");
    *weak.lock().expect("no panic") = Some(client.downgrade());
    let story = async move {
        for attempt in 0..3 {
            // Nobody asks for the failure of this one: that of the next one takes its place.
            assert!(poll_once(pin!(client.connect(true))).await.is_none());
            while made.load(Ordering::SeqCst) == 2 * attempt {
                Timer::after(Duration::from_millis(1)).await;
            }
            let failure = client.connect(true).await.expect_err("its own failure");
            assert!(failure.to_string().contains("its own failure"), "{failure}");
            drop(failure);
            assert_eq!(drops.load(Ordering::SeqCst), 2 * (attempt + 1));
        }
    };
    run(zip(story, driver.run()));
}
