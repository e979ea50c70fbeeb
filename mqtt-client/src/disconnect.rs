//! Disconnecting: a builder that is awaited.

use core::cell::Cell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::{DisconnectDetails, OperationError};
use mqtt_as_proto::property::PropertyList;

use crate::call::{Call, Done, Operation};
use crate::client::Client;
use crate::config::options;
use crate::error::DisconnectError;
use crate::runtime::Runtime;
use crate::state::State;
use crate::waiters::{Slot, Wait};

impl<R: Runtime> Client<R> {
    /// Ends the connection: what was accepted is sent, DISCONNECT follows, so no will. It does not
    /// wait for acknowledgements, [`drain`](Self::drain) does. Options go before the `await`.
    ///
    /// It waits as long as bytes leave, and then a second at most for the server to close. A server that
    /// takes none for [`write_timeout`](crate::Config::write_timeout) is left without DISCONNECT:
    /// [`DisconnectError::Unsent`].
    ///
    /// Calls that wait end: with their fate, or, where the session is kept, with `Kept`. A
    /// [reconnect policy](crate::Reconnect) ends with it: nothing is opened before the next
    /// [`connect`](Self::connect).
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// client.publish("plant/7/state", "off").await?;
    /// client.disconnect().await?; // Both were sent.
    /// # });
    /// ```
    pub fn disconnect(&self) -> Disconnect<'_, R> {
        let ending = Ending {
            reason: ReasonCode::SUCCESS,
            session_expiry: None,
            properties: PropertyList::new(),
            begin: |state, ending| state.begin_disconnect(ending.reason),
            ends: Cell::new(None),
        };
        Disconnect(Call::new(&*self.shared, ending))
    }
}

/// The end of a connection (3.14): options, then `await`. Made by [`Client::disconnect`].
///
/// # Errors
/// [`DisconnectError::NotConnected`] if there was no connection, nor one to come. Calls that wait,
/// and the queue, end all the same. [`DisconnectError::Unsent`] if the connection broke, or took nothing
/// for [`write_timeout`](crate::Config::write_timeout), before DISCONNECT was handed to the system.
/// [`DisconnectError::Invalid`] if what was asked for cannot be said: nothing was
/// done then. [`DisconnectError::NoWaiter`] if its end cannot be awaited: the disconnect runs all
/// the same.
///
/// # Cancel safety
/// It begins at its first poll. From then on, dropping it leaves the disconnect running.
#[must_use = "it begins when it is awaited"]
pub struct Disconnect<'c, R: Runtime>(Call<'c, R::Lock, Ending>);

/// The wish to end a connection.
struct Ending {
    reason: ReasonCode,
    session_expiry: Option<u32>,
    properties: PropertyList,
    /// Begins it: more is linked where more is to be said than that.
    begin: fn(&mut State, &Self) -> Result<(), DisconnectError>,
    /// Ends of connections before it, once it has begun.
    ends: Cell<Option<u32>>,
}

impl<R: Runtime> Disconnect<'_, R> {
    options! {
        /// Has the server publish the will all the same (reason 0x04, 3.14.2.1). In 3.1.1 the
        /// connection ends without DISCONNECT then.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.disconnect().with_will().await?;
        /// # });
        /// ```
        with_will(self,) { self.0.operation.reason = ReasonCode::DISCONNECT_WITH_WILL; }

        /// Sets the reason code, one that DISCONNECT may carry (3.14.2.1); 3.1.1 has none. Default:
        /// success.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::ReasonCode;
        ///
        /// client.disconnect().reason(ReasonCode::ADMINISTRATIVE_ACTION).await?;
        /// # });
        /// ```
        reason(self, reason: ReasonCode) {
            self.0.operation.reason = reason;
            self.0.operation.begin = Ending::begin;
        }

        /// Sets for how many seconds the server keeps the session from now on, 5.0 only. Default:
        /// as was agreed when the connection began.
        ///
        /// If that was 0, more is an error: the standard does not allow it (3.14.2.2.2).
        ///
        /// ```
        /// # mqtt_as_tests::example!(|config| config.session_expiry(60), |client| {
        /// client.disconnect().session_expiry(3600).await?; // An hour from now on.
        /// # });
        /// ```
        session_expiry(self, seconds: u32) {
            self.0.operation.session_expiry = Some(seconds);
            self.0.operation.begin = Ending::begin;
        }

        /// Sets properties of DISCONNECT (3.14.2.2), a reason string or user properties, 5.0 only.
        /// Default: none.
        ///
        /// Without a heap they are borrowed for ever: DISCONNECT leaves later.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::Property;
        ///
        /// client.disconnect().properties(&[Property::ReasonString("updating")]).await?;
        /// # });
        /// ```
        properties(self, properties: impl Into<PropertyList>) {
            self.0.operation.properties = properties.into();
            self.0.operation.begin = Ending::begin;
        }
    }
}

impl Ending {
    fn begin(state: &mut State, ending: &Self) -> Result<(), DisconnectError> {
        let details = DisconnectDetails::new(ending.session_expiry, ending.properties.clone());
        match state.core.prepare_disconnect(ending.reason, details) {
            Ok(()) | Err(OperationError::NotConnected) => state.begin_disconnect(ending.reason),
            Err(error) => Err(DisconnectError::Invalid(error)),
        }
    }
}

impl Operation for Ending {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        let ends = match self.ends.get() {
            Some(ends) => ends,
            None => match (self.begin)(state, self) {
                Ok(()) => state.link.ends,
                Err(error) => return Poll::Ready(Done::Disconnect(error)),
            },
        };
        self.ends.set(Some(ends));
        let ended = !state.link.busy || state.link.ends != ends;
        let over = ended || state.closed || state.link.wanted.is_some();
        let done = match ended && state.link.is_unsent {
            true => Done::Disconnect(DisconnectError::Unsent),
            false => Done::Found(true),
        };
        state.wait_for(Wait::Down, over.then_some(done), slot, waker)
    }
}

impl<R: Runtime> Future for Disconnect<'_, R> {
    type Output = Result<(), DisconnectError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|done| match done {
            Done::Disconnect(error) => Err(error),
            Done::NoWaiter => Err(DisconnectError::NoWaiter),
            _ => Ok(()),
        })
    }
}

opaque!(Disconnect, '_);
