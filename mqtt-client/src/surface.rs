//! The names that every adapter re-exports: one list, so that the surface is the same on all.

pub use crate::{
    Acknowledge, Acknowledgement, Attempt, Binary, Carrier, Config, ConfigError, ConnectError,
    Connecting, ConnectionError, Credentials, Disconnect, DisconnectError, DownReason, ErrorKind,
    Foreign, Granted, Limit, Limits, MessageRef, NotSent, OpenStream, OperationError, Overflow,
    Payload, Properties, Property, Publish, PublishError, QoS, ReasonCode, Reconnect,
    ReconnectPolicy, Respond, RetainHandling, RetryReason, Runtime, Sending, Session, Statistics,
    Step, StreamError, Subscribe, SubscribeError, SubscriptionId, SubscriptionOptions, Text,
    TooSmall, TopicError, TopicFilter, TopicName, TransportError, Unsubscribe, Version, Violation,
    Waiting, WhileDown, Will, event,
};
pub use crate::{AuthenticateError, Authenticator, PropertyList, Reconfigure, Reply, Stage};
#[cfg(feature = "alloc")]
pub use crate::{Binding, Callback, CallbackFuture, NewTask, OwnedPublish, WithData};
// What errors and properties are made of.
pub use crate::{
    DecodeError, EncodeError, MaximumQoS, PacketId, PacketType, PropertyIter, TopicAliasId,
};
// What settings take, and what a transport of the program's own is made of.
pub use crate::{AlwaysOpen, Connect, Dial, Held, SerialLink, SerialLinkWrite, Server, Shutdown};
#[cfg(feature = "alloc")]
pub use crate::{CallbackId, EventKind, Message, Request, RequestError, ServerWords};
// What lies between the socket and MQTT, where there is a standard library.
#[cfg(feature = "url")]
pub use crate::UrlError;
#[cfg(feature = "std")]
pub use crate::net::Proxy;
#[cfg(feature = "tls")]
pub use crate::net::Tls;
#[cfg(feature = "websocket")]
pub use crate::net::WebSocket;
