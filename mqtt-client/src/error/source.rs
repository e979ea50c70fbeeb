//! What lies beneath an error: the chain of `Error::source`, down to the transport's own error.
//!
//! The sentence of an error says all; what is beneath it is for programs that look for it.

use core::error::Error;

use super::{
    ConfigError, ConnectError, DisconnectError, DownReason, PublishError, StreamError,
    SubscribeError,
};

impl Error for ConfigError {
    #[cfg(feature = "url")]
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::InvalidUrl(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Unreachable(_, error) | Self::HostNotFound { error, .. } => error.beneath(),
            Self::Protocol(error) => error,
            Self::Lost(reason) => return reason.source(),
            Self::Invalid(error) => error,
            Self::Config(error) => error,
            Self::WillTopic(error) => error,
            _ => return None,
        })
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Topic(error) => Some(error),
            Self::Invalid(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for SubscribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Filter(error) => Some(error),
            Self::Invalid(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for StreamError {}

impl Error for DisconnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for DownReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Transport(error) => Some(error.beneath()),
            Self::Protocol(error) => Some(error),
            _ => None,
        }
    }
}
