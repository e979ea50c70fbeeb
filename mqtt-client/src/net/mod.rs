//! What stands between a socket and MQTT, for runtimes with the standard library: a race of addresses,
//! proxies, TLS, WebSocket. A runtime brings its [`Sockets`]; all else is here, once.

mod asked;
mod halves;
mod layers;
mod open;
mod race;
mod sockets;
mod streams;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;
mod transport;

pub(crate) use asked::Asked;
pub use halves::{StreamReadHalf, StreamWriteHalf};
pub use layers::Layers;
pub use sockets::{ByteStream, Sockets};
pub use streams::Streams;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use transport::{Transport, TransportReadHalf, TransportWriteHalf};
