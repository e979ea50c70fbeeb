//! One layer between a socket and MQTT.

use core::fmt;
use core::pin::Pin;
use std::boxed::Box;
use std::io;

use super::byte_stream::ByteStream;
use super::hop::Hop;
use crate::address::Server;
use crate::error::Step;

/// What is laid on each connection.
pub(super) trait Layer: fmt::Debug + Send + Sync {
    /// What laying it is called in errors.
    fn step(&self) -> Step;

    /// Where the socket has to lead to, if not to the server.
    fn first_hop(&self) -> Option<Hop<'_>> {
        None
    }

    /// Lays it on a connection.
    fn lay<'l>(&'l self, stream: Box<dyn ByteStream>, server: Server<'l>) -> Laying<'l>;
}

/// A stream that gets something on top.
pub(super) type Laying<'l> =
    Pin<Box<dyn Future<Output = io::Result<Box<dyn ByteStream>>> + Send + 'l>>;
