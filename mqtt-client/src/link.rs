//! Where the link stands, and where the program wants it.

use mqtt_as_proto::client::Event as CoreEvent;
use mqtt_as_proto::wire::copy;
use mqtt_as_proto::{Instant, ReasonCode};

use crate::config::Settings;
use crate::error::DownReason;
#[cfg(feature = "alloc")]
use crate::event::ServerWords;
use crate::event::Session;
use crate::waiter::Slot;

/// Where the link stands, and where the program wants it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The program wants a connection: clean or not.
    pub(crate) wanted: Option<bool>,
    /// The call that waits for it.
    pub(crate) connecting: Option<Slot>,
    /// A connection is being opened or stands.
    pub(crate) busy: bool,
    /// Why the connection is ending.
    pub(crate) ending: Option<DownReason>,
    /// When an ending connection is closed, whatever the server does.
    pub(crate) linger: Option<Instant>,
    /// The stream that is open, to be told of room.
    pub(crate) stream: Option<Slot>,
    /// The call that reads a message that is not all there.
    pub(crate) reader: Option<Slot>,
    /// When such a message has to have been read on, as reading waits for it.
    pub(crate) stalled: Option<Instant>,
    /// The program has disconnected, and not connected since.
    pub(crate) disconnected: bool,
    /// The server refused, for that reason.
    pub(crate) refused: Option<ReasonCode>,
    pub(crate) is_up: bool,
    /// The connection only ends an old session; if that is done, the real one follows.
    pub(crate) preparing: bool,
    pub(crate) prepared: bool,
    pub(crate) ups: u32,
    pub(crate) downs: u32,
    pub(crate) pongs: u32,
    /// Connections and attempts that have ended.
    pub(crate) ends: u32,
    pub(crate) session: Session,
    pub(crate) down_reason: Option<DownReason>,
    /// The client identifier that the server gave.
    pub(crate) assigned: Assigned,
    /// What the server said when it last refused or ended a connection.
    #[cfg(feature = "alloc")]
    pub(crate) words: ServerWords,
}

impl Link {
    /// The client identifier of the settings, or else the one that the server gave.
    pub(crate) fn client_id<'a>(&'a self, config: &'a Settings) -> &'a str {
        let own = config.client_id.as_str();
        if own.is_empty() { self.assigned.as_str() } else { own }
    }
}

impl Link {
    /// Keeps what outlives the event.
    pub(crate) fn keep_words(&mut self, event: &CoreEvent<'_>) {
        match event {
            CoreEvent::Connected(connected) => {
                if let Some(id) = connected.properties.assigned_client_identifier() {
                    self.assigned = Assigned::new(id);
                }
            }
            #[cfg(feature = "alloc")]
            CoreEvent::Refused(ack) => self.words = ServerWords::new(&ack.properties),
            #[cfg(feature = "alloc")]
            CoreEvent::Disconnected(disconnect) => {
                self.words = ServerWords::new(&disconnect.properties);
            }
            _ => {}
        }
    }
}

/// The client identifier that a server gave, if it is not longer than any server's should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assigned {
    bytes: [u8; Self::LONGEST],
    len: u8,
}

impl Assigned {
    const LONGEST: usize = 64;

    fn new(id: &str) -> Self {
        let mut assigned = Self::default();
        if let Some(place) = assigned.bytes.get_mut(..id.len()) {
            copy(place, id.as_bytes());
            assigned.len = id.len() as u8; // At most `LONGEST`.
        }
        assigned
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Default for Assigned {
    fn default() -> Self {
        Self { bytes: [0; Self::LONGEST], len: 0 }
    }
}
