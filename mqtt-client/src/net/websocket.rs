//! MQTT over WebSocket (section 6 of both standards), by tungstenite.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::borrow::ToOwned;
use std::boxed::Box;
use std::format;
use std::io;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use async_tungstenite::bytes::ByteWriter;
use async_tungstenite::tungstenite::client::ClientRequestBuilder;
use async_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Uri, uri::PathAndQuery};
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::tungstenite::{Error, Message, error::ProtocolError};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, client_async_with_config};
use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};

use super::asked::Prepare;
use super::byte_stream::ByteStream;
use super::layer::{Layer, Laying};
use super::websocket_error::{explain, failed};
use crate::address::Server;
use crate::config::Config;
use crate::error::{ConfigError, Step};

/// MQTT over WebSocket, for servers that are reached through the web: binary frames, subprotocol
/// `mqtt`. With [`tls`](Config::tls) it is secure WebSocket (`wss`).
///
/// ```
/// use mqtt_as_tokio::{Config, WebSocket};
///
/// let websocket = WebSocket::new().path("/mqtt").header("X-Site", "north");
/// let config = Config::new("broker.example").websocket(websocket); // Port 80.
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct WebSocket {
    path: String,
    headers: Vec<(String, String)>,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self { path: "/mqtt".to_owned(), headers: Vec::new() }
    }
}

impl WebSocket {
    /// Returns WebSocket on the path `/mqtt`, with no headers of the program's own.
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// # use mqtt_as_tokio::WebSocket;
    /// let config = Config::new("broker.example").websocket(WebSocket::new());
    /// # let _ = config;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what the server has MQTT under: a path, with a query if it wants one. Default: `/mqtt`.
    ///
    /// ```
    /// # use mqtt_as_tokio::WebSocket;
    /// let websocket = WebSocket::new().path("/ws?tenant=north");
    /// # let _ = websocket;
    /// ```
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a header to the request: a token, for example. Those of the handshake itself (`Host`,
    /// `Sec-WebSocket-Protocol` and the like) are not the program's to set.
    ///
    /// ```
    /// # use mqtt_as_tokio::WebSocket;
    /// let websocket = WebSocket::new().header("Authorization", "Bearer 5f3a");
    /// # let _ = websocket;
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl Prepare for WebSocket {
    fn prepare(&self) -> Result<Box<dyn Layer>, ConfigError> {
        let path = self.path.parse::<PathAndQuery>().ok().filter(|_| self.path.starts_with('/'));
        path.ok_or(ConfigError::WebSocketPath)?;
        let is_header = |(name, value): &(String, String)| {
            let name = name.parse::<HeaderName>().ok().filter(|name| !is_ours(name.as_str()));
            name.is_some() && value.parse::<HeaderValue>().is_ok()
        };
        if !self.headers.iter().all(is_header) {
            return Err(ConfigError::WebSocketHeader);
        }
        Ok(Box::new(self.clone()))
    }
}

/// Headers of the handshake itself. Their names are in lower case.
fn is_ours(name: &str) -> bool {
    matches!(name, "host" | "upgrade" | "connection") || name.starts_with("sec-websocket-")
}

impl Layer for WebSocket {
    fn step(&self) -> Step {
        Step::WebSocket
    }

    fn lay<'l>(&'l self, stream: Box<dyn ByteStream>, server: Server<'l>) -> Laying<'l> {
        Box::pin(async move {
            let request = self.request(server)?;
            let opened = client_async_with_config(request, stream, Some(limits())).await;
            let (stream, _) = opened.map_err(explain)?;
            let (sender, receiver) = stream.split();
            let rest = Bytes::new();
            let writer = ByteWriter::new(sender);
            let stream = Frames { writer, receiver, rest, is_over: false };
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// Bytes of the largest message of WebSocket that is taken.
const LARGEST: usize = 64 * 1024 * 1024;

/// Buffers for a client among many; what is written leaves at once.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST))
}

impl WebSocket {
    fn request(&self, server: Server<'_>) -> io::Result<ClientRequestBuilder> {
        let host = if server.host.contains(':') {
            format!("[{}]", server.host)
        } else {
            server.host.to_owned()
        };
        // Whether TLS lies below is not for this layer to say.
        let uri = format!("ws://{host}:{}{}", server.port, self.path).parse::<Uri>();
        let uri = uri.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let request = ClientRequestBuilder::new(uri).with_sub_protocol("mqtt");
        Ok(self.headers.iter().fold(request, |request, (name, value)| {
            request.with_header(name.as_str(), value.as_str())
        }))
    }
}

impl Config {
    /// Speaks MQTT over WebSocket with the server, and with those of a reconnect policy. The default
    /// port is 80 then, or 443 with TLS. A message of WebSocket may have 64 MiB; packets may be longer.
    ///
    /// ```
    /// # use mqtt_as_tokio::Config;
    /// # use mqtt_as_tokio::WebSocket;
    /// let config = Config::new("broker.example").websocket(WebSocket::new());
    /// # let _ = config;
    /// ```
    pub fn websocket(mut self, websocket: WebSocket) -> Self {
        self.between.websocket = Some(Arc::new(websocket));
        self
    }
}

/// The bytes in the binary frames of both directions. Frames and MQTT packets need not begin together
/// (6.0.0-2).
struct Frames {
    receiver: WebSocketReceiver<Box<dyn ByteStream>>,
    /// What is left of the last message.
    rest: Bytes,
    writer: ByteWriter<WebSocketSender<Box<dyn ByteStream>>>,
    /// The server has said Close.
    is_over: bool,
}

impl Frames {
    /// The next message with bytes. None at the end.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let next = match ready!(Pin::new(&mut self.receiver).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) if bytes.is_empty() => continue,
                Some(Ok(Message::Binary(bytes))) => Some(Ok(bytes)),
                // MQTT travels in binary frames only (6.0.0-1).
                Some(Ok(Message::Text(_))) => Some(Err(failed(TEXT))),
                // Pongs are sent below.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_))) => {
                    // The answer to it leaves at once, if it can.
                    self.is_over = true;
                    let _ = Pin::new(&mut self.writer).poll_flush(cx);
                    None
                }
                None => None,
                // It is gone without a frame Close: packets know their own end.
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => None,
                Some(Err(error)) => Some(Err(explain(error))),
            };
            return Poll::Ready(next);
        }
    }
}

const TEXT: &str = "the server sent a text frame, where MQTT has binary ones";

impl AsyncRead for Frames {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.rest.is_empty() {
            match ready!(self.poll_message(cx)) {
                Some(message) => self.rest = message?,
                None => return Poll::Ready(Ok(0)),
            }
        }
        let n = self.rest.len().min(buf.len());
        if let Some(room) = buf.get_mut(..n) {
            self.rest.copy_to_slice(room);
        }
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Frames {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_over {
            return self.poll_flush(cx);
        }
        Pin::new(&mut self.writer).poll_close(cx)
    }
}

#[cfg(test)]
mod tests;
