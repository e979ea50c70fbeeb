//! Why another client's answer did not come.

use mqtt_as_proto::client::OperationError;
use mqtt_as_proto::{ReasonCode, TopicError};

use crate::error::PublishError;

mqtt_as_proto::reasons! {
    /// Why there is no answer to a request.
    #[non_exhaustive]
    RequestError owns words {
        /// The topic is no topic name. Nothing was sent.
        Topic(error: TopicError) => "{error}";
        /// It cannot be said, or the server does not allow it. Nothing was sent.
        Invalid(error: OperationError) => "{error}";
        /// 3.1.1 has no request and response. Nothing was sent.
        NeedsV5 => "requests need MQTT 5.0: set the version, or subscribe to a topic for answers";
        /// There is no connection. Nothing was sent.
        NotConnected => "there is no connection to ask on: connect first";
        /// The server refused the subscription to the topic of answers. Nothing was sent.
        ResponseTopic(reason: ReasonCode)
            => "the server refused the subscription to the topic of answers: {reason}; allow it, or \
                have the server give Response Information";
        /// The server says that nobody has subscribed to the topic of the request. A server need not
        /// say so.
        NoSubscribers => "nobody has subscribed to the topic of the request: start who answers it";
        /// The request was not published, or is not known to be.
        Publish(error: PublishError) => "the request was not published: {error}";
        /// There was no answer in time. The request may still be dealt with.
        TimedOut => "there was no answer in time: ask again, or wait longer";
        /// The connection was lost before the answer, which would be lost with it. The request may
        /// still be dealt with.
        LinkLost => "the connection was lost before the answer: ask again when it is up";
        /// A message is being read as a stream: the answer would lie behind it. Nothing was sent.
        StreamOpen => "a message is being read as a stream, and the answer would lie behind it: \
                       read it to its end";
        /// The driver is gone.
        Closed => "the client's driver has ended";
        /// No waiter slot is free.
        NoWaiter => "too many calls wait at a time: call less";
    }
}

impl core::error::Error for RequestError {}

impl RequestError {
    /// Returns whether asking again, with nothing changed, can help: where there was no connection, no
    /// room or no answer, and where nobody has subscribed so far. The request before may have been
    /// dealt with (`TimedOut`, `LinkLost`). False where it has to be changed, and where the driver is
    /// gone.
    ///
    /// ```
    /// use mqtt_as_tokio::RequestError;
    ///
    /// assert!(RequestError::NoSubscribers.is_retryable()); // Who answers may be starting.
    /// assert!(!RequestError::NeedsV5.is_retryable());
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid(error) => error.is_retryable(),
            Self::ResponseTopic(reason) => reason.is_retryable(),
            Self::Publish(error) => error.is_retryable(),
            Self::NotConnected | Self::LinkLost | Self::TimedOut => true,
            Self::NoSubscribers | Self::StreamOpen | Self::NoWaiter => true,
            Self::Topic(_) | Self::NeedsV5 | Self::Closed => false,
        }
    }
}

impl From<PublishError> for RequestError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Invalid(error) => Self::Invalid(error),
            PublishError::NotConnected => Self::NotConnected,
            PublishError::Kept => Self::LinkLost,
            PublishError::StreamOpen => Self::StreamOpen,
            PublishError::Closed => Self::Closed,
            PublishError::NoWaiter => Self::NoWaiter,
            error => Self::Publish(error),
        }
    }
}
