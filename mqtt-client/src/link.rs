//! Where the link stands, and where the program wants it.

use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::Event;

use crate::assigned::Assigned;
use crate::deadline::Deadline;
use crate::error::{ConnectError, DownReason};
use crate::event::Session;
use crate::waiters::Slot;

/// Where the link stands, and where the program wants it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The program wants a connection: clean or not.
    pub(crate) wanted: Option<bool>,
    /// The call that waits for it, and why its connection did not come to be.
    pub(crate) connecting: Option<Slot>,
    pub(crate) failure: Option<ConnectError>,
    /// A connection is being opened or stands.
    pub(crate) busy: bool,
    /// Why the connection is ending.
    pub(crate) ending: Option<DownReason>,
    /// When an ending connection is closed, whatever the server does.
    pub(crate) linger: Option<Deadline>,
    /// The stream that is open, to be told of room.
    pub(crate) stream: Option<Slot>,
    /// The program has disconnected, and not connected since.
    pub(crate) disconnected: bool,
    /// The server refused, for that reason.
    pub(crate) refused: Option<ReasonCode>,
    pub(crate) is_up: bool,
    /// It was, and made way for the connection that the program wants.
    pub(crate) is_replaced: bool,
    /// Nobody was told yet that it is: what is sent again goes first.
    pub(crate) is_news: bool,
    /// A session was begun: `clean_init` has done its work.
    pub(crate) begun: bool,
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
    /// The client identifier that the server gave, and what it said when it last refused or ended a
    /// connection.
    pub(crate) assigned: Assigned,
}

impl Link {
    /// Keeps what outlives the event.
    pub(crate) fn keep_words(&mut self, event: &Event<'_>) {
        match event {
            Event::Connected(connected) => {
                if let Some(id) = connected.properties.assigned_client_identifier() {
                    self.assigned.keep_id(id);
                }
            }
            Event::Refused(ack) => self.assigned.keep_words(&ack.properties),
            Event::Disconnected(disconnect) => self.assigned.keep_words(&disconnect.properties),
            _ => {}
        }
    }

    /// Whether the server has accepted the connection, which may be ending.
    pub(crate) fn is_up(&self) -> bool {
        self.is_up
    }

    pub(crate) fn end_by_server(&mut self, reason: ReasonCode) {
        self.ending.get_or_insert(DownReason::Server(reason));
    }

    pub(crate) fn come_up(&mut self, session: Session) {
        let warning = core::mem::take(&mut self.session.expires_at_once);
        self.session = session;
        self.session.expires_at_once = warning;
        (self.is_up, self.is_news, self.is_replaced) = (true, true, false);
        self.ups = self.ups.wrapping_add(1);
    }
}
