//! A client whose reads and writes are counted: its own transport over the runtime's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use embedded_io_async::{ErrorType, Read, Write};
use mqtt_as_client::{Client, Connect, ConnectError, Instant, Memory, Runner, Server, Shutdown};
use mqtt_as_client::{Lock, Registered, State};
use mqtt_as_tokio::Config;

use crate::runtime::Runtime;

/// The runtime, with counted transports.
#[derive(Debug)]
pub(crate) enum Counted {}

impl mqtt_as_client::Runtime for Counted {
    type Lock = Guard;
    type Pointer = Arc<Self::Lock>;
    type Connect = Counts;
    type Listeners = Registered;

    fn now() -> Instant {
        Runtime::now()
    }

    async fn sleep_until(at: Instant) {
        Runtime::sleep_until(at).await;
    }
}

#[derive(Debug)]
pub(crate) struct Guard(std::sync::Mutex<State>);

impl Lock for Guard {
    fn new(state: State) -> Self {
        Self(std::sync::Mutex::new(state))
    }

    fn with(&self, f: &mut dyn FnMut(&mut State)) {
        f(&mut self.0.lock().expect("no panic under the lock"));
    }
}

/// What happened to the transports of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    pub(crate) fn reads(&self) -> usize {
        self.0[0].load(Ordering::SeqCst)
    }

    pub(crate) fn writes(&self) -> usize {
        self.0[1].load(Ordering::SeqCst)
    }

    fn count(&self, index: usize) {
        self.0[index].fetch_add(1, Ordering::SeqCst);
    }
}

type Inner = <Runtime as mqtt_as_client::Runtime>::Connect;

pub(crate) struct Half<T>(T, Counts);

impl Connect for Counts {
    type Read<'c> = Half<<Inner as Connect>::Read<'c>>;
    type Write<'c> = Half<<Inner as Connect>::Write<'c>>;

    async fn connect(
        &mut self,
        server: Server<'_>,
    ) -> Result<(Self::Read<'_>, Self::Write<'_>), ConnectError> {
        let inner: &'static mut Inner = Box::leak(Box::default()); // It has no size.
        let (read, write) = inner.connect(server).await?;
        Ok((Half(read, self.clone()), Half(write, self.clone())))
    }
}

impl<T: ErrorType> ErrorType for Half<T> {
    type Error = T::Error;
}

impl<T: Read> Read for Half<T> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, T::Error> {
        let read = self.0.read(buf).await;
        self.1.count(0);
        read
    }
}

impl<T: Write> Write for Half<T> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, T::Error> {
        let wrote = self.0.write(buf).await;
        self.1.count(1);
        wrote
    }

    async fn flush(&mut self) -> Result<(), T::Error> {
        self.0.flush().await
    }
}

impl<T: Shutdown> Shutdown for Half<T> {
    async fn shutdown(&mut self) {
        self.0.shutdown().await;
    }
}

/// A client and its driver, which the story runs itself.
pub(crate) fn client(config: Config, counts: Counts) -> (Client<Counted>, Runner<Counted>) {
    let memory = Memory::heap(&config);
    Client::with_runner(config, memory, counts, Arc::new).expect("settings that fit each other")
}
