//! Everything that happens because time passes.

use mqtt_as_proto::{Instant, ReasonCode};

use super::connection::Connection;
use super::session::Session;
use super::{Broker, ConnId};

impl Broker {
    /// When [`handle_timeout`](Self::handle_timeout) has something to do; `None` for never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let silences = self.connections.values().filter_map(Connection::silence_ends);
        let sessions = self.sessions.values().filter_map(Session::next_moment);
        let retained = self.retained.values().filter_map(|message| message.expires);
        silences.chain(sessions).chain(retained).min()
    }

    /// Ends silent connections and old sessions, publishes the wills that are due, and drops what
    /// has expired.
    pub fn handle_timeout(&mut self, now: Instant) {
        for conn in self.silent(now) {
            self.fail(conn, ReasonCode::KEEP_ALIVE_TIMEOUT, now);
        }
        self.end_sessions(now);
        for session in self.sessions.values_mut() {
            session.drop_expired(now);
        }
        self.retained.retain(|_, message| !message.is_expired(now));
    }

    /// Wills that are due and sessions that are over.
    pub(super) fn end_sessions(&mut self, now: Instant) {
        self.publish_wills(now);
        let over = |session: &Session| session.ends.is_some_and(|ends| ends <= now);
        let over = self.sessions.iter().filter(|(_, session)| over(session));
        let over: Vec<_> = over.map(|(client_id, _)| client_id.clone()).collect();
        for client_id in over {
            self.end_session(&client_id, now);
        }
    }

    fn silent(&self, now: Instant) -> Vec<ConnId> {
        let connections = self.connections.iter();
        let due = connections
            .filter(|(_, connection)| connection.silence_ends().is_some_and(|ends| ends <= now));
        due.map(|(conn, _)| *conn).collect()
    }
}

impl Session {
    fn next_moment(&self) -> Option<Instant> {
        let will = self.will.as_ref().map(|(at, _)| *at);
        self.ends.into_iter().chain(will).chain(self.next_expiry).min()
    }
}
