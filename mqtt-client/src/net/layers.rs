//! What stands between a socket and MQTT, judged and ready for each connection.

use std::boxed::Box;
use std::path::PathBuf;
use std::sync::Arc;
use std::vec::Vec;

use super::hop::Hop;
use super::layer::Layer;
use crate::address::Server;
use crate::config::Config;
use crate::error::ConfigError;

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
    /// # use mqtt_as_tokio::Config;
    /// let config = Config::unix("/run/mosquitto.sock").client_id("gateway");
    /// # let _ = config;
    /// ```
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        let mut config = Self::new("localhost");
        config.between.unix = Some(path.into());
        config
    }
}
