//! The names that every adapter re-exports: one list, so that the surface is the same on all.

#[cfg(feature = "alloc")]
pub use crate::{CallbackId, EventKind, Message, ServerWords};
pub use crate::{
    Config, ConfigError, ConnectError, ConnectionError, DisconnectError, DownReason, ErrorKind,
    Granted, Limit, Limits, MessageRef, NotSent, OperationError, Overflow, Payload, Properties,
    Property, PublishError, QoS, ReasonCode, RetainHandling, Runtime, Session, Statistics, Step,
    StreamError, SubscribeError, SubscriptionId, SubscriptionOptions, TooSmall, TopicError,
    TopicName, Version, Violation, Waiting, WhileDown, Will, event,
};
