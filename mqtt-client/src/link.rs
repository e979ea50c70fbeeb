//! Where the link stands, and where the program wants it.

#[cfg(feature = "alloc")]
use mqtt_as_proto::client::Event as CoreEvent;
use mqtt_as_proto::{Instant, ReasonCode};

use crate::config::Config;
use crate::error::DownReason;
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
    #[cfg(feature = "alloc")]
    pub(crate) assigned: Option<alloc::boxed::Box<str>>,
    /// What the server said when it last refused or ended a connection.
    #[cfg(feature = "alloc")]
    pub(crate) words: crate::event::ServerWords,
}

impl Link {
    /// The client identifier of the settings, or else the one that the server gave.
    pub(crate) fn client_id<'a>(&'a self, config: &'a Config) -> &'a str {
        let own = config.client_id.as_str();
        #[cfg(feature = "alloc")]
        if let Some(assigned) = self.assigned.as_deref().filter(|_| own.is_empty()) {
            return assigned;
        }
        own
    }
}

#[cfg(feature = "alloc")]
impl Link {
    /// Keeps what the server says in words.
    pub(crate) fn keep_words(&mut self, event: &CoreEvent<'_>) {
        let properties = match event {
            CoreEvent::Connected(connected) => {
                if let Some(id) = connected.properties.assigned_client_identifier() {
                    self.assigned = Some(id.into());
                }
                return;
            }
            CoreEvent::Refused(ack) => ack.properties,
            CoreEvent::Disconnected(disconnect) => disconnect.properties,
            _ => return,
        };
        self.words = crate::event::ServerWords {
            reason: properties.reason_string().map(Into::into),
            reference: properties.server_reference().map(Into::into),
        };
    }
}
