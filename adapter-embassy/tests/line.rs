//! Another transport than TCP: a line that is always there, as a serial port is.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_io::{Async, Timer, block_on};
use embassy_executor::{Executor, Spawner};
use embedded_io_async::{ErrorType, Read, Write};
use futures_lite::future::{or, zip};
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use mqtt_as_embassy::{
    Config, ConnectError, Dial, ErrorKind, QoS, ResourcesFor, Runner, SerialLink, Server as At,
    Step,
};
use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

/// The far end of the line is a port of this machine.
struct End(Arc<Async<TcpStream>>);

impl ErrorType for End {
    type Error = io::Error;
}

impl Read for End {
    async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf).await
    }
}

impl Write for End {
    async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self.0).write(buf).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush().await
    }
}

async fn line_to(address: SocketAddr) -> (End, End) {
    let line = Arc::new(Async::<TcpStream>::connect(address).await.expect("a line"));
    (End(line.clone()), End(line))
}

fn lent() -> &'static mut ResourcesFor<256, 512, 2048, 2048, 8> {
    Box::leak(Box::default())
}

fn run(story: impl Future<Output = ()>) {
    block_on(or(story, async {
        Timer::after(Duration::from_secs(10)).await;
        panic!("it has to happen within ten seconds");
    }));
}

#[test]
fn talk_over_a_line() {
    let server = Server::start(BrokerConfig::default());
    run(async {
        let (rx, tx) = line_to(server.addr()).await;
        let mut dialled = Vec::new();
        let line = SerialLink::new(rx, tx, async |_: &mut End, _: &mut End, at: At<'_>| {
            dialled.push((at.host.to_owned(), at.port));
            Ok(())
        });
        let config = Config::new("the other end").port(7).client_id("line");
        let made = mqtt_as_embassy::with_connector(line, lent(), config);
        let (client, runner) = made.expect("settings that fit");
        zip(runner.run(), async move {
            client.connect(true).await.expect("a connection");
            client.subscribe("line/1", QoS::AtLeastOnce).await.expect("a subscription");
            client.publish("line/1", "text").qos(QoS::AtLeastOnce).await.expect("a publish");
            let mut buffer = [0; 64];
            let message = client.queue().next_into(&mut buffer).await.expect("a large buffer");
            assert_eq!(message.expect("a message").payload(), b"text");
            client.disconnect().await.expect("a connection to end");
        })
        .await;
        assert_eq!(dialled, [("the other end".to_owned(), 7)]);
    });
}

#[test]
fn a_line_that_cannot_be_prepared() {
    let server = Server::start(BrokerConfig::default());
    let busy = || ConnectError::Unreachable(Step::Open, ErrorKind::AddrInUse.into());
    run(async {
        let (rx, tx) = line_to(server.addr()).await;
        let line = SerialLink::new(rx, tx, async |_: &mut End, _: &mut End, _: At<'_>| Err(busy()));
        let made = mqtt_as_embassy::with_connector(line, lent(), Config::new("the other end"));
        let (client, runner) = made.expect("settings that fit");
        zip(runner.run(), async move {
            assert_eq!(client.connect(true).await, Err(busy()));
        })
        .await;
    });
}

/// What a task of embassy asks for: a link whose type has a name.
#[embassy_executor::task]
async fn drive(runner: Runner<SerialLink<End, End, Dialled>>) {
    runner.run().await;
}

#[embassy_executor::task]
async fn drive_always_open(runner: Runner<SerialLink<End, End>>) {
    runner.run().await;
}

/// Counts how often it dials.
struct Dialled(Arc<AtomicUsize>);

impl Dial<End, End> for Dialled {
    async fn dial(&mut self, _: &mut End, _: &mut End, at: At<'_>) -> Result<(), ConnectError> {
        assert_eq!((at.host, at.port), ("the other end", 7));
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn a_line_in_tasks_of_an_executor() {
    // Executors run for ever: the test ends beside them.
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        let executor = Box::leak(Box::new(Executor::new()));
        executor.run(|spawner| spawner.spawn(talk(spawner, done).expect("a task")));
    });
    wait.recv_timeout(Duration::from_secs(10)).expect("it has to happen within ten seconds");
}

#[embassy_executor::task]
async fn talk(spawner: Spawner, done: mpsc::Sender<()>) {
    let server = Server::start(BrokerConfig::default());
    let count = Arc::new(AtomicUsize::new(0));
    let ((rx, tx), config) = (line_to(server.addr()).await, Config::new("the other end").port(7));
    let line = SerialLink::with_dial(rx, tx, Dialled(count.clone()));
    let made = mqtt_as_embassy::with_connector(line, lent(), config.clone());
    let (one, runner) = made.expect("settings that fit");
    spawner.spawn(drive(runner).expect("a task"));
    let (rx, tx) = line_to(server.addr()).await;
    let made = mqtt_as_embassy::with_connector(SerialLink::always_open(rx, tx), lent(), config);
    let (other, runner) = made.expect("settings that fit");
    spawner.spawn(drive_always_open(runner).expect("a task"));
    for client in [&one, &other] {
        client.connect(true).await.expect("a connection");
        client.publish("a", "b").qos(QoS::AtLeastOnce).await.expect("a publish");
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    done.send(()).expect("the test");
}
