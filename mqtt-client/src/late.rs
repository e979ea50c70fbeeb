//! CONNECTs that the client gave up. A server that was stuck reads them when it goes on, in any order: it
//! may have begun the session for one, or end the connection that stands for another, and the
//! subscriptions of the session with it. It tells the next connection that a session is present.

use mqtt_as_proto::Instant;

/// A CONNECT that was given up is read within so many milliseconds from when the server has answered
/// another one, or never: however often the client connects meanwhile.
const LATEST: u64 = 30_000;

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// How many there are, less those that have been read since.
    unread: u8,
    /// One was given up since the link was last up.
    gave_up: bool,
    /// The server has answered for the first time since.
    is_behind: bool,
    /// One may have ended the last connection.
    came: bool,
    /// Until when one may be read.
    until: Option<Instant>,
}

impl Late {
    pub(crate) const NONE: Self =
        Self { unread: 0, gave_up: false, is_behind: false, came: false, until: None };

    /// The server has not answered in time, or the program waits no longer.
    pub(crate) fn give_up(&mut self) {
        self.gave_up = true;
        self.unread = self.unread.saturating_add(1);
    }

    /// The link is up, perhaps behind a CONNECT that was not answered. Whether a session that is
    /// present may be without its subscriptions.
    pub(crate) fn come_up(&mut self, unanswered: bool) -> bool {
        self.is_behind = core::mem::take(&mut self.gave_up) && unanswered;
        core::mem::take(&mut self.came) || unanswered
    }

    /// The link that came up stands from now on.
    pub(crate) fn stand(&mut self, now: Instant) {
        if core::mem::take(&mut self.is_behind) {
            self.until = Some(now.after(LATEST));
        }
    }

    /// A link that was up is gone.
    pub(crate) fn go_down(&mut self, now: Instant) {
        self.came = self.until.is_some_and(|end| now < end);
        if !self.came {
            (self.unread, self.until) = (0, None);
        }
    }

    /// Another connection had the session, and ended the last one. Whether that was for one of these,
    /// perhaps.
    pub(crate) fn was_read(&mut self) -> bool {
        let is_one = self.unread != 0;
        self.unread = self.unread.saturating_sub(1);
        is_one
    }
}
