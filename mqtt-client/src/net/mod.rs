//! What stands between a socket and MQTT, for runtimes with the standard library: a race of addresses,
//! proxies, TLS, WebSocket. A runtime brings its [`Sockets`]; all else is here, once.

#[cfg(feature = "tls")]
mod alert;
mod asked;
#[cfg(feature = "tls")]
mod bad_certificate;
mod byte_stream;
mod exchange;
#[cfg(test)]
mod fake;
mod halves;
mod hop;
mod http_connect;
#[cfg(feature = "tls")]
mod identity;
mod layer;
mod layers;
mod open;
#[cfg(feature = "tls")]
mod pem;
mod proxy;
mod race;
#[cfg(test)]
mod scripted;
mod sockets;
mod socks5;
mod streams;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;
mod told;
mod transport;
#[cfg(feature = "url")]
mod url;
#[cfg(feature = "websocket")]
mod websocket;
#[cfg(feature = "websocket")]
mod websocket_error;

pub(crate) use asked::Asked;
pub use byte_stream::ByteStream;
pub use halves::{StreamReadHalf, StreamWriteHalf};
pub use layers::Layers;
pub use proxy::Proxy;
pub use sockets::Sockets;
pub use streams::Streams;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use transport::{Transport, TransportReadHalf, TransportWriteHalf};
#[cfg(feature = "websocket")]
pub use websocket::WebSocket;
