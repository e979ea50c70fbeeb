//! Where the link stands, and where the program wants it.

use mqtt_as_proto::client::Event;
use mqtt_as_proto::{ReasonCode, Storage};

use crate::apart::Apart;
use crate::assigned::Assigned;
use crate::deadline::Deadline;
use crate::error::{ConnectError, DownReason};
use crate::event::Session;
use crate::late::Late;
use crate::subscriptions::Subscribed;
use crate::waiters::Slot;

/// Where the link stands, and where the program wants it.
#[derive(Debug)]
pub(crate) struct Link {
    /// The program wants a connection: clean or not.
    pub(crate) wanted: Option<bool>,
    /// The call that waits for it, and why its connection did not come to be.
    pub(crate) connecting: Option<Slot>,
    pub(crate) failure: Option<Apart<ConnectError>>,
    /// A connection is being opened or stands.
    pub(crate) busy: bool,
    /// Why the connection is ending.
    pub(crate) ending: Option<DownReason>,
    /// When an ending connection is closed, whatever the server does.
    pub(crate) linger: Option<Deadline>,
    /// The stream that is open, to be told of room.
    pub(crate) stream: Option<Slot>,
    /// A connection that the program ends has not sent DISCONNECT yet.
    pub(crate) is_unsent: bool,
    /// The program has disconnected, or its policy has ended, and it has not connected since.
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
    pub(crate) late: Late,
    pub(crate) down_reason: Option<DownReason>,
    /// The client identifier that the server gave, and what it said when it last refused or ended a
    /// connection.
    pub(crate) assigned: Assigned,
    /// The attempts of a policy, if there is one.
    pub(crate) retry: Option<Apart<Retry>>,
    /// What the program has subscribed to, where a policy restores it.
    pub(crate) subscribed: Subscribed,
}

/// Where a policy stands. While there is no connection, `linger` says when the next attempt begins.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    /// The link is kept up: until the program disconnects, or the policy ends.
    pub(crate) is_on: bool,
    /// The policy has ended, and the program has neither connected nor disconnected since.
    pub(crate) is_over: bool,
    /// What the last connect of the program wanted, and whether it is to be answered yet.
    pub(crate) clean: bool,
    pub(crate) is_first: bool,
    /// Redirections since the last stable link.
    pub(crate) redirections: u8,
    /// The server that is tried, counted from the one of the settings, and how many failed before it
    /// in this round.
    pub(crate) server: u16,
    pub(crate) tried: u16,
    /// How often the link had come up when something was last read.
    pub(crate) ups: u32,
    /// Attempts since the link was last up.
    pub(crate) attempts: u32,
    /// The last delay, without chance; 0 for none.
    pub(crate) delay: u32,
    /// The state of what decides by chance; 0 for none.
    pub(crate) random: u32,
    /// When the link last came up, in milliseconds that wrap.
    pub(crate) up_at: u32,
    /// What the program has said itself since it was last asked for credentials.
    pub(crate) said: Said,
}

/// Which credentials were said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) user: bool,
    pub(crate) password: bool,
    pub(crate) will: bool,
}

impl Said {
    pub(crate) fn add(&mut self, more: Self) {
        self.user |= more.user;
        self.password |= more.password;
        self.will |= more.will;
    }
}

impl Retry {
    /// The program says where its server is: its own is tried first again.
    pub(crate) fn begin_at_home(&mut self) {
        (self.server, self.tried) = (0, 0);
    }
}

impl Link {
    /// Nobody connects any more, and the program has not wished for that.
    pub(crate) fn has_given_up(&self) -> bool {
        self.retry.as_ref().is_some_and(|retry| retry.is_over)
    }

    /// There is none yet. An assigned client identifier is kept there.
    #[inline]
    pub(crate) fn new(client_id: Storage<'static, u8>) -> Self {
        Self {
            wanted: None,
            connecting: None,
            failure: None,
            busy: false,
            ending: None,
            linger: None,
            stream: None,
            is_unsent: false,
            disconnected: false,
            refused: None,
            is_up: false,
            is_replaced: false,
            is_news: false,
            begun: false,
            preparing: false,
            prepared: false,
            ups: 0,
            downs: 0,
            pongs: 0,
            ends: 0,
            session: Session::default(),
            late: Late::NONE,
            down_reason: None,
            assigned: Assigned::new(client_id),
            retry: None,
            subscribed: Subscribed::default(),
        }
    }

    /// The attempts of the policy that there is.
    pub(crate) fn retry(&mut self) -> &mut Retry {
        self.retry.get_or_insert_default()
    }

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
