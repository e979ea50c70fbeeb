//! Whether trying again unchanged can help.

use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::NotSent;

use super::{ConnectError, DisconnectError, DownReason, PublishError, StreamError, SubscribeError};

impl ConnectError {
    /// Returns whether the same `connect` can succeed later, with nothing changed.
    ///
    /// True where a server or a network may come back: `Unreachable`, `HostNotFound` (a network
    /// that is not up yet says the same as a name that is wrong), `TimedOut`, `Lost`, `NoWaiter`,
    /// but for a certificate that is not trusted, is for another name, or that the server does not
    /// take; one that has expired may be renewed. True for `Refused` where [`ReasonCode::is_retryable`] says so (a busy server, not bad
    /// credentials). `Protocol` as [`ConnectionError::is_retryable`](crate::ConnectionError::is_retryable)
    /// says. False where settings have to be changed, where another call took the place of this one,
    /// and where the driver is gone.
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Err(error) = client.connect(false).await {
    ///     assert!(error.is_retryable(), "change the settings: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(reason) => reason.is_retryable(),
            Self::Unreachable(_, error) | Self::HostNotFound { error, .. } => error.is_retryable(),
            Self::TimedOut(_) | Self::NoWaiter => true,
            Self::Protocol(error) => error.is_retryable(),
            Self::Lost(reason) => reason.is_retryable(),
            Self::Invalid(error) => error.is_retryable(),
            Self::Config(_) | Self::KeepAlive { .. } => false,
            Self::TooManyProperties { .. } | Self::WillTopic(_) => false,
            Self::Replaced | Self::Closed => false,
        }
    }
}

impl PublishError {
    /// Returns whether publishing the same message again can help.
    ///
    /// True where nothing was sent and the reason may pass: `NotConnected`, `StreamOpen`,
    /// `NoWaiter`, `Invalid` for want of room, `NeverSent` unless the server forbids it; `Refused`
    /// where [`ReasonCode::is_retryable`] says so. True for `Unknown`, where it may then arrive
    /// twice, and for `Interrupted`, where `restart` is the way. False where the message goes on by
    /// itself (`TimedOut`, `Kept`), where it has to be changed, and where the driver is gone.
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// while let Err(error) = client.publish("plant/7/state", "running").await {
    ///     if !error.is_retryable() {
    ///         return Err(error.into());
    ///     }
    ///     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid(error) => error.is_retryable(),
            Self::Refused(said) => said.reason_code().is_retryable(),
            Self::NeverSent(why) => !matches!(why, NotSent::Forbidden(_)),
            Self::Unknown { .. } | Self::Interrupted => true,
            Self::NotConnected | Self::StreamOpen | Self::NoWaiter => true,
            Self::TimedOut { .. } | Self::Kept => false,
            Self::Topic(_) | Self::NotInterrupted | Self::Length { .. } | Self::Closed => false,
        }
    }
}

impl SubscribeError {
    /// Returns whether the same call can succeed later: to subscribe twice does no harm.
    ///
    /// True where there was no connection or no answer (`NotConnected`, `Unknown`, `TimedOut`), or no
    /// room (`StreamOpen`, `NoWaiter`); `Refused` where [`ReasonCode::is_retryable`] says so. False
    /// where the filters have to be changed, and where the driver is gone.
    ///
    /// ```
    /// use mqtt_as_tokio::QoS;
    ///
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// while let Err(error) = client.subscribe("plant/+/cmd", QoS::AtLeastOnce).await {
    ///     if !error.is_retryable() {
    ///         return Err(error.into());
    ///     }
    ///     tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid(error) => error.is_retryable(),
            Self::Refused(reason) => reason.is_retryable(),
            Self::NotConnected | Self::Unknown | Self::TimedOut => true,
            Self::StreamOpen | Self::NoWaiter => true,
            Self::Filter(_) | Self::TooManyFilters { .. } | Self::Closed => false,
        }
    }
}

impl StreamError {
    /// Returns whether the message can come again by itself: always true, at QoS 1 and 2, if the
    /// server has kept the session.
    ///
    /// ```
    /// use mqtt_as_tokio::StreamError;
    ///
    /// assert!(StreamError::Lost.is_retryable()); // The server sends the message again.
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Lost | Self::TimedOut => true,
        }
    }
}

impl DisconnectError {
    /// Returns whether the same call can succeed later: not where there is nothing to end
    /// (`NotConnected`, `Unsent`, `Closed`), nor where it ends all the same (`NoWaiter`). `Invalid` as
    /// [`OperationError::is_retryable`](crate::OperationError::is_retryable) says.
    ///
    /// ```
    /// use mqtt_as_tokio::DisconnectError;
    ///
    /// assert!(!DisconnectError::NotConnected.is_retryable()); // What was wanted is so.
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid(error) => error.is_retryable(),
            Self::NotConnected | Self::Unsent | Self::Closed | Self::NoWaiter => false,
        }
    }
}

impl DownReason {
    /// Returns whether connecting again, with nothing changed, can bring the link up and keep it.
    ///
    /// True for a lost link and a server that ended it for a while: `Closed`, `Transport` (but for a
    /// certificate that the server does not take), `Server` but for the reasons below, a stream that was stopped or not taken, and `Protocol` as
    /// [`ConnectionError::is_retryable`](crate::ConnectionError::is_retryable) says. False where the program ended the link
    /// itself (`Disconnected`, `Replaced`, `NotAuthenticated`), where a message breaks every connection (`Poison`: give
    /// it up first), and where the server does not want this client: taken over by another of its
    /// name, not authorized, another method of authentication, use another server, moved.
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// while let Some(reason) = client.down().await {
    ///     if !reason.is_retryable() {
    ///         break;
    ///     }
    ///     client.connect(false).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Server(reason) => !is_final(*reason),
            Self::Closed => true,
            Self::Transport(error) => error.is_retryable(),
            Self::Protocol(error) => error.is_retryable(),
            Self::StreamStopped | Self::StreamNotTaken => true,
            Self::Disconnected | Self::Replaced => false,
            Self::NotAuthenticated | Self::Poison(_) => false,
        }
    }
}

/// Whether a server that ended a connection with that reason would end the next one, too.
const fn is_final(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::SESSION_TAKEN_OVER
            | ReasonCode::NOT_AUTHORIZED
            | ReasonCode::BAD_AUTHENTICATION_METHOD
            | ReasonCode::USE_ANOTHER_SERVER
            | ReasonCode::SERVER_MOVED
    )
}
