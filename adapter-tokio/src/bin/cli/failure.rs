//! The end of a program that did not do what it was asked for.

use std::fmt::Display;

use mqtt_as_tokio::{ConnectError, Version};

/// What a program says on standard error when it fails, and its exit code, which is the one that
/// mosquitto's programs have.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    pub(crate) code: u8,
}

impl Failure {
    /// What was asked for cannot be done, or there is no connection.
    const GENERAL: u8 = 1;
    /// The connection was lost, and the program does not open another one.
    pub(crate) const LOST: u8 = 7;

    pub(crate) fn new(text: impl Display) -> Self {
        Self::with_code(Self::GENERAL, text)
    }

    pub(crate) fn with_code(code: u8, text: impl Display) -> Self {
        Self { text: text.to_string(), code }
    }

    /// It ends because a signal says so.
    pub(crate) fn signalled(code: u8) -> Self {
        Self::with_code(code, "interrupted")
    }

    /// A server that refuses says why by a code, which becomes the exit code.
    pub(crate) fn to_connect(error: &ConnectError, version: Version) -> Self {
        let code = match error {
            ConnectError::Refused(reason) if version == Version::V5 => reason.as_u8(),
            ConnectError::Refused(reason) => reason.to_return_code(),
            ConnectError::Lost(_) => Self::LOST,
            _ => Self::GENERAL,
        };
        Self::with_code(code, error)
    }
}
