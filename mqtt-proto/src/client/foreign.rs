//! Bytes of other protocols, where CONNACK should come: they are told by name.

use super::error::{ConnectionError, Foreign};

/// What answers CONNECT in another protocol is told by its name.
#[derive(Clone, Copy, Debug)]
pub struct OtherProtocols {
    pub(super) judge: fn(&[u8]) -> Result<(), ConnectionError>,
}

impl OtherProtocols {
    /// Those that a wrong port answers in: see [`Foreign`].
    pub const NAMED: Self = Self { judge };
}

/// Judges the first bytes of the server: by two of them, with which no packet begins that may come
/// there. One alone is no packet yet, and waits for the second.
// Once a connection, and out of line.
#[cold]
#[inline(never)]
fn judge(bytes: &[u8]) -> Result<(), ConnectionError> {
    let foreign = match *bytes {
        [b'H', b'T', ..] => Foreign::Http,
        // An alert, of whatever version (RFC 8446, 5.1).
        [0x15, 3, ..] => Foreign::TlsAlert,
        _ => return Ok(()),
    };
    Err(ConnectionError::NotMqtt(foreign))
}
