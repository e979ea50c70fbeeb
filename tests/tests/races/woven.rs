//! A runtime whose threads change places wherever one takes the lock, and a server in memory.
//!
//! Time stands still: what is woken by nobody is a deadlock, which the scheduler reports.

use std::convert::Infallible;
use std::future::{Future, IntoFuture, pending, poll_fn};
use std::task::{Poll, Waker};

use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::{
    Client, Config, Connect, ConnectError, Instant, Lock, Registered, Runtime, Server, Shutdown,
    State, std_runtime,
};
use mqtt_as_proto::Version;
use mqtt_as_tests::broker::{Broker, ConnId};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::{self, JoinHandle};

#[derive(Debug)]
pub(crate) enum Woven {}

impl Runtime for Woven {
    type Lock = Guarded;
    type Pointer = Arc<Guarded>;
    type Connect = Wire;
    type Listeners = Registered;

    const TIMERS_STAY: bool = true;

    fn now() -> Instant {
        Instant::from_millis(1_000_000)
    }

    fn sleep_until(_: Instant) -> impl Future<Output = ()> {
        pending()
    }

    fn catch(f: impl FnOnce()) -> bool {
        std_runtime::catch(f)
    }
}

/// The lock, at which the scheduler chooses who goes on.
#[derive(Debug)]
pub(crate) struct Guarded(Mutex<State>);

impl Lock for Guarded {
    fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        f(&mut self.0.lock().expect("nobody panics under it"));
    }
}

/// The server, and the connection to it.
#[derive(Debug, Default)]
struct World {
    broker: Broker,
    conn: Option<ConnId>,
    reader: Option<Waker>,
}

impl World {
    /// The connection is gone, on this side or that.
    fn lose(&mut self) -> Option<Waker> {
        let conn = self.conn.take()?;
        self.broker.lost(conn, Woven::now());
        self.reader.take()
    }
}

/// The transport.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<Mutex<World>>);

impl Wire {
    /// Does something to the world; whoever reads looks again.
    fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let (result, reader) = {
            let world = &mut *self.0.lock().expect("nobody panics under it");
            (change(world), world.reader.take())
        };
        reader.into_iter().for_each(Waker::wake);
        result
    }

    pub(crate) fn with_broker<T>(&self, change: impl FnOnce(&mut Broker, Instant) -> T) -> T {
        self.with(|world| change(&mut world.broker, Woven::now()))
    }

    /// How many messages on that topic the server has accepted.
    pub(crate) fn accepted(&self, topic: &str) -> usize {
        self.with_broker(|broker, _| {
            broker.accepted().iter().filter(|message| message.topic == topic).count()
        })
    }

    /// The network loses the connection.
    pub(crate) fn cut(&self) {
        let reader = self.with(World::lose);
        reader.into_iter().for_each(Waker::wake);
    }
}

/// A connection: none any more once another one has begun.
pub(crate) struct Half(Wire, ConnId);

impl Connect for Wire {
    const TAKES_HOST: bool = false;

    type Read<'c> = Half;
    type Write<'c> = Half;

    async fn connect(&mut self, _: Server<'_>) -> Result<(Half, Half), ConnectError> {
        let conn = self.with(|world| {
            let conn = world.broker.open();
            world.conn = Some(conn);
            conn
        });
        Ok((Half(self.clone(), conn), Half(self.clone(), conn)))
    }
}

impl ErrorType for Half {
    type Error = Infallible;
}

impl Read for Half {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let mut said = Vec::new();
        poll_fn(|cx| {
            let world = &mut *self.0.0.lock().expect("nobody panics under it");
            if world.conn != Some(self.1) {
                return Poll::Ready(Ok(0));
            }
            said.append(&mut world.broker.take_output(self.1));
            if said.is_empty() && !world.broker.is_closed(self.1) {
                world.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            assert!(said.len() <= buf.len(), "the messages of these tests are small");
            buf[..said.len()].copy_from_slice(&said);
            Poll::Ready(Ok(said.len()))
        })
        .await
    }
}

impl Write for Half {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        self.0.with(|world| {
            if world.conn == Some(self.1) {
                world.broker.handle_bytes(self.1, buf, Woven::now());
            }
        });
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Shutdown for Half {
    async fn shutdown(&mut self) {
        let reader =
            self.0.with(|world| (world.conn == Some(self.1)).then(|| world.lose()).flatten());
        reader.into_iter().for_each(Waker::wake);
    }
}

/// A client, and what drives it in threads of their own.
pub(crate) struct Bench {
    pub(crate) wire: Wire,
    tasks: Vec<JoinHandle<()>>,
}

impl Bench {
    pub(crate) fn start() -> (Self, Client<Woven>) {
        Self::with(|config| config)
    }

    /// With other settings; the version is left to chance.
    pub(crate) fn with(change: impl FnOnce(Config) -> Config) -> (Self, Client<Woven>) {
        let version = [Version::V311, Version::V5][thread_rng().gen_range(0..2)];
        let config = Config::new("in memory").client_id("woven").version(version);
        let wire = Wire(Arc::default());
        let made = Client::with_tasks(change(config), wire.clone(), Arc::new);
        let (client, runner, callbacks) = made.expect("settings that fit each other");
        let tasks = vec![
            thread::spawn(|| block_on(runner.run())),
            thread::spawn(|| block_on(callbacks.run())),
        ];
        (Self { wire, tasks }, client)
    }

    /// All handles are gone: the tasks end.
    pub(crate) fn end(self) -> Wire {
        self.tasks.into_iter().for_each(|task| task.join().expect("a task that ends"));
        self.wire
    }
}

/// A thread of the program's.
pub(crate) fn spawn<T, F>(work: impl FnOnce() -> F + Send + 'static) -> JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    thread::spawn(|| block_on(work()))
}

/// Waits for a call in the thread of the test.
pub(crate) fn finish<F: IntoFuture>(call: F) -> F::Output {
    block_on(call.into_future())
}
