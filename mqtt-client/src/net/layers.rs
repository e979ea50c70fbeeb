//! What stands between a socket and MQTT, judged and ready for each connection.

use core::fmt;
use core::pin::Pin;
use std::boxed::Box;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::vec::Vec;

use super::hop::Hop;
use super::sockets::ByteStream;
use crate::config::Config;
use crate::error::{ConfigError, Step};
use crate::runtime::Server;

/// What stands between the socket and MQTT, as the connector of a runtime keeps it.
#[derive(Clone, Debug, Default)]
pub struct Layers(Option<Arc<Set>>);

/// There is something.
#[derive(Debug)]
pub(super) struct Set {
    /// The socket, where it is no TCP.
    pub(super) unix: Option<PathBuf>,
    /// From the socket up.
    pub(super) layers: Vec<Box<dyn Layer>>,
}

/// One of them.
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

impl Layers {
    /// Judges what the settings ask for.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing or does not fit.
    pub fn of(config: &Config) -> Result<Self, ConfigError> {
        let asked = &config.between;
        if !asked.is_some() {
            return Ok(Self(None));
        }
        if asked.unix.is_some() && asked.proxy.is_some() {
            return Err(ConfigError::UnixProxy);
        }
        let layers = asked.layers().map(|layer| layer.prepare()).collect::<Result<_, _>>()?;
        Ok(Self(Some(Arc::new(Set { unix: asked.unix.clone(), layers }))))
    }

    pub(super) fn set(&self) -> Option<&Set> {
        self.0.as_deref()
    }
}

impl Set {
    /// Where the socket leads to.
    pub(super) fn first_hop<'s>(&'s self, server: Server<'s>) -> Hop<'s> {
        let hop = self.layers.iter().find_map(|layer| layer.first_hop());
        hop.unwrap_or_else(|| Hop::to(server))
    }
}

impl Config {
    /// Returns settings for a server that listens on a unix socket of this machine.
    ///
    /// ```
    /// use mqtt_as_client::Config;
    ///
    /// let config = Config::unix("/run/mosquitto.sock").client_id("gateway");
    /// # let _ = config;
    /// ```
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        let mut config = Self::new("localhost");
        config.between.unix = Some(path.into());
        config
    }
}
