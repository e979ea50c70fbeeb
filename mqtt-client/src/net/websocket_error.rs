//! What went wrong with WebSocket, whose fault it is, and what to do.

use std::format;
use std::io;
use std::string::String;

use async_tungstenite::tungstenite::Error;
use async_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};

/// Says what a failure of WebSocket means. Those of what lies below pass.
pub(super) fn explain(error: Error) -> io::Error {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => failed(CLOSED),
        Error::Io(error) => error,
        Error::Http(answer) => failed(format!(
            "the server answered {} instead of opening a WebSocket: is the path right?",
            answer.status()
        )),
        Error::AttackAttempt => failed(NO_END),
        Error::Protocol(error) => of_protocol(error),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

/// The failure with those words.
pub(super) fn failed(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

const CLOSED: &str = "the server closed the connection in the middle of the handshake: does it speak \
                      WebSocket on that port?";
const NO_END: &str = "the server answers without end, or in crumbs, instead of opening a WebSocket: does \
                      it speak WebSocket on that port?";
const NO_MQTT: &str = "the server does not speak MQTT over this WebSocket (it did not take the \
                       subprotocol mqtt): is the path right?";

fn of_protocol(error: ProtocolError) -> io::Error {
    use SubProtocolError as Sub;
    match error {
        ProtocolError::SecWebSocketSubProtocolError(
            Sub::NoSubProtocol | Sub::InvalidSubProtocol,
        ) => failed(NO_MQTT),
        ProtocolError::HandshakeIncomplete => failed(CLOSED),
        // Nothing of a WebSocket has come so far: it is no HTTP, or an HTTP older than that.
        error @ (ProtocolError::HttparseError(_) | ProtocolError::WrongHttpVersion) => {
            failed(format!("the server does not speak WebSocket on that port ({error})"))
        }
        error => io::Error::new(io::ErrorKind::InvalidData, Error::Protocol(error)),
    }
}
