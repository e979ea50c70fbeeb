//! The names that every adapter re-exports: one list, so that the surface is the same on all.

pub use crate::{
    Acknowledge, Config, ConfigError, ConnectError, Connecting, ConnectionError, DisconnectError,
    DownReason, ErrorKind, Granted, Limit, Limits, MessageRef, NotSent, OpenStream, OperationError,
    Overflow, Payload, Properties, Property, PropertyList, Publish, PublishError, Publishing, QoS,
    ReasonCode, Reconfigure, RetainHandling, Runtime, Sending, Session, Statistics, Step,
    StreamError, SubscribeError, SubscriptionId, SubscriptionOptions, TooSmall, TopicError,
    TopicName, Version, Violation, Waiting, WhileDown, Will, event,
};
#[cfg(feature = "alloc")]
pub use crate::{CallbackId, EventKind, Message, ServerWords};
