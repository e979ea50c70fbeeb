//! CONNECTs that the client gave up. A server that was stuck reads them when it goes on, in any order: it
//! may have begun the session for one, or end the connection that stands for another, and the
//! subscriptions of the session with it. It tells the next connection that a session is present.

use mqtt_as_proto::Instant;

use crate::deadline::Deadline;

/// A CONNECT that was given up is read before a connection has stood for so many milliseconds, or never.
const LATEST: u32 = 30_000;

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Late {
    /// One was given up since the link was last up.
    gave_up: bool,
    /// One may end the connection that has come.
    is_behind: bool,
    /// Until when one may end the connection that stands.
    until: Option<Deadline>,
    /// One may have ended the last connection.
    came: bool,
}

impl Late {
    pub(crate) const NONE: Self =
        Self { gave_up: false, is_behind: false, until: None, came: false };

    /// The server has not answered in time, or the program waits no longer.
    pub(crate) fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// The link is up, perhaps behind a CONNECT that was not answered. Whether a session that is
    /// present may be without its subscriptions.
    pub(crate) fn come_up(&mut self, unanswered: bool) -> bool {
        let (behind_one, came) = (unanswered && self.gave_up, self.came);
        *self = Self { is_behind: behind_one || came, ..Self::NONE };
        unanswered || came
    }

    /// The link that came up stands from now on.
    pub(crate) fn stand(&mut self, now: Instant) {
        self.until = self.is_behind.then(|| Deadline::after(now, LATEST));
    }

    /// A link that was up is gone.
    pub(crate) fn go_down(&mut self, now: Instant) {
        self.came = self.until.take().is_some_and(|end| end.left(now) != 0);
    }

    /// Whether the last connection may have ended by one.
    pub(crate) fn came(&self) -> bool {
        self.came
    }
}
