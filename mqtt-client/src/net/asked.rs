//! What the settings ask for between the socket and MQTT, before it is judged.

use core::fmt;
use std::boxed::Box;
use std::path::PathBuf;
use std::sync::Arc;

use super::layer::Layer;
use crate::error::ConfigError;

/// What there is to lay on a socket, from the socket up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(super) unix: Option<PathBuf>,
    pub(super) proxy: Option<Arc<dyn Prepare>>,
    pub(super) tls: Option<Arc<dyn Prepare>>,
    pub(super) websocket: Option<Arc<dyn Prepare>>,
}

/// Settings of a layer.
pub(super) trait Prepare: fmt::Debug + Send + Sync {
    /// Judges the settings, and makes of them what is laid on each connection.
    fn prepare(&self) -> Result<Box<dyn Layer>, ConfigError>;
}

impl Asked {
    /// Whether anything is asked for.
    pub(crate) fn is_some(&self) -> bool {
        self.unix.is_some() || self.layers().next().is_some()
    }

    /// The port of a server that names none.
    pub(crate) fn port(&self) -> u16 {
        match (&self.tls, &self.websocket) {
            (None, None) => 1883,
            (Some(_), None) => 8883,
            (None, Some(_)) => 80,
            (Some(_), Some(_)) => 443,
        }
    }

    /// The layers, from the socket up.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Arc<dyn Prepare>> {
        [&self.proxy, &self.tls, &self.websocket].into_iter().flatten()
    }
}
