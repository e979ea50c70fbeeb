//! What the client's side and the runner of TLS tell each other. Both are on one executor.

use core::cell::RefCell;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use mqtt_as_client::{ConnectError, ErrorKind, Server, Step};

use super::error::TlsError;

/// How far a connection is, and who has to act.
enum Stage {
    /// There is none.
    Idle,
    /// The client asks for one.
    Asked,
    /// The runner opens it.
    Opening,
    /// The runner could not open it; the client has to hear of it.
    Failed(ConnectError),
    Open,
    /// The server, or a fault, has ended it; the client has to let go of it.
    Ended(Result<(), TlsError>),
    /// The client is done with it: the runner sends what is there, and closes.
    Closing,
    /// The client does not want it any more: the runner drops it.
    Dropped,
}

pub(super) struct Link(RefCell<Inner>);

struct Inner {
    stage: Stage,
    host: Host,
    port: u16,
    timeout: u32,
    /// One of the two sides is no more.
    is_left: bool,
    client: Option<Waker>,
    runner: Option<Waker>,
}

impl Link {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Inner {
            stage: Stage::Idle,
            host: Host::NONE,
            port: 0,
            timeout: 0,
            is_left: false,
            client: None,
            runner: None,
        }))
    }

    /// Changes something; the other side looks at it.
    fn tell<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.0.borrow_mut();
        let result = change(&mut inner);
        let wakers = [inner.client.take(), inner.runner.take()];
        drop(inner); // A waker is not ours.
        wakers.into_iter().flatten().for_each(Waker::wake);
        result
    }

    /// What the client's side, or the runner, finds; if nothing, it is woken when something changes.
    fn poll<T>(
        &self,
        side: fn(&mut Inner) -> &mut Option<Waker>,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Inner) -> Option<T>,
    ) -> Poll<T> {
        let waker = cx.waker().clone();
        let mut inner = self.0.borrow_mut();
        if let Some(found) = look(&mut inner) {
            return Poll::Ready(found);
        }
        let old = side(&mut inner).replace(waker);
        drop(inner);
        drop(old);
        Poll::Pending
    }

    /// The side of the client, or that of the runner, is no more.
    pub(super) fn leave(&self) {
        self.close();
        self.tell(|inner| inner.is_left = true);
    }
}

fn client(inner: &mut Inner) -> &mut Option<Waker> {
    &mut inner.client
}

fn runner(inner: &mut Inner) -> &mut Option<Waker> {
    &mut inner.runner
}

/// The side of the client.
impl Link {
    /// Asks for a connection, after the last one has ended, and waits until the runner has heard.
    pub(super) async fn ask(&'static self, server: Server<'_>) -> Result<Asked, ConnectError> {
        let host = Host::new(server.host).ok_or_else(|| {
            ConnectError::Unreachable(Step::Resolve, ErrorKind::InvalidInput.into())
        })?;
        self.closed().await;
        self.tell(|inner| {
            inner.host = host;
            (inner.port, inner.timeout) = (server.port, server.timeout);
            inner.stage = Stage::Asked;
        });
        let asked = Asked(self);
        let heard = |inner: &mut Inner| match inner.stage {
            _ if inner.is_left => {
                Some(Err(ConnectError::Unreachable(Step::Tls, ErrorKind::NotConnected.into())))
            }
            Stage::Asked => None,
            _ => Some(Ok(())),
        };
        poll_fn(|cx| self.poll(client, cx, heard)).await?;
        Ok(asked)
    }

    /// The end of an open connection.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<Result<(), TlsError>> {
        self.poll(client, cx, |inner| match &inner.stage {
            _ if inner.is_left => Some(Err(TlsError::Cut)),
            Stage::Open => None,
            Stage::Ended(result) => Some(result.clone()),
            _ => Some(Ok(())),
        })
    }

    /// The client is done with the connection.
    pub(super) fn close(&self) {
        self.tell(|inner| match inner.stage {
            Stage::Asked | Stage::Failed(_) => inner.stage = Stage::Idle,
            Stage::Opening => inner.stage = Stage::Dropped,
            Stage::Open | Stage::Ended(_) => inner.stage = Stage::Closing,
            Stage::Idle | Stage::Closing | Stage::Dropped => {}
        });
    }

    /// Waits until there is no connection.
    pub(super) async fn closed(&self) {
        let idle =
            |inner: &mut Inner| (inner.is_left || matches!(inner.stage, Stage::Idle)).then_some(());
        poll_fn(|cx| self.poll(client, cx, idle)).await;
    }
}

/// A connection that is asked for. Dropping it takes that back.
pub(super) struct Asked(&'static Link);

impl Asked {
    /// Waits until it is open.
    pub(super) async fn answer(self) -> Result<(), ConnectError> {
        let link = self.0;
        let answer = |inner: &mut Inner| match &inner.stage {
            _ if inner.is_left => Some(Err(ConnectError::Closed)),
            Stage::Failed(error) => Some(Err(error.clone())),
            Stage::Asked | Stage::Opening => None,
            _ => Some(Ok(())),
        };
        poll_fn(|cx| link.poll(client, cx, answer)).await?;
        core::mem::forget(self); // The halves close it from now on.
        Ok(())
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The side of the runner.
impl Link {
    /// Waits for the wish for a connection: none if there is nobody any more who could wish. Gives
    /// the server's port, and the time-out of each step.
    pub(super) async fn asked(&self, host: &mut Host) -> Option<(u16, u32)> {
        let asked = |inner: &mut Inner| match inner.stage {
            _ if inner.is_left => Some(None),
            Stage::Asked => Some(Some((inner.port, inner.timeout))),
            _ => None,
        };
        let server = poll_fn(|cx| self.poll(runner, cx, asked)).await?;
        self.tell(|inner| {
            inner.stage = Stage::Opening;
            host.clone_from(&inner.host);
        });
        Some(server)
    }

    /// The connection is open, if it is still wanted.
    pub(super) fn open(&self) {
        self.advance(Stage::Open);
    }

    pub(super) fn fail(&self, error: ConnectError) {
        self.advance(Stage::Failed(error));
    }

    /// The connection has ended on its own.
    pub(super) fn end(&self, result: Result<(), TlsError>) {
        self.advance(Stage::Ended(result));
    }

    fn advance(&self, stage: Stage) {
        self.tell(|inner| {
            if matches!(inner.stage, Stage::Opening | Stage::Open) {
                inner.stage = stage;
            }
        });
    }

    /// Waits until the client is done with an open connection.
    pub(super) async fn closing(&self) {
        poll_fn(|cx| self.poll_closing(cx)).await;
    }

    pub(super) fn poll_closing(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(runner, cx, |inner| {
            let goes_on = matches!(inner.stage, Stage::Opening | Stage::Open | Stage::Ended(_));
            (!goes_on).then_some(())
        })
    }

    /// Waits until the connection that is being opened is not wanted any more.
    pub(super) async fn dropped(&self) {
        let dropped = |inner: &mut Inner| matches!(inner.stage, Stage::Dropped).then_some(());
        poll_fn(|cx| self.poll(runner, cx, dropped)).await;
    }

    /// There is no connection any more.
    pub(super) fn close_done(&self) {
        self.tell(|inner| match inner.stage {
            Stage::Asked | Stage::Failed(_) => {}
            _ => inner.stage = Stage::Idle,
        });
    }
}

/// The name of a server.
#[derive(Clone)]
pub(super) struct Host {
    text: [u8; Host::MOST],
    len: u8,
}

impl Host {
    /// Bytes of the longest host name that there is.
    const MOST: usize = 253;
    pub(super) const NONE: Self = Self { text: [0; Self::MOST], len: 0 };

    pub(super) fn new(host: &str) -> Option<Self> {
        let mut made = Self::NONE;
        made.text.get_mut(..host.len())?.copy_from_slice(host.as_bytes());
        made.len = u8::try_from(host.len()).ok()?;
        Some(made)
    }

    pub(super) fn as_str(&self) -> &str {
        let text = self.text.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}
