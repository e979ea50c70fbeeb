//! What has to be so whenever everything has happened that happens at a moment.

use mqtt_as_proto::client::{ConnectionError, Fate, NotSent, Tag, Waiting};
use mqtt_as_proto::{Instant, QoS, Version};

use super::news::News;
use super::{Happening, Invariant, Pair};

impl Pair<'_> {
    pub(super) fn judge_rest(&mut self) {
        self.judge_reading();
        self.note_awaited();
        if self.client.is_closing() {
            self.deadlines.ending();
        }
        self.judge_deadlines();
        self.judge_expiry();
        if self.can_write() {
            self.judge_ping();
            self.judge_quota();
            self.check(self.wire.at_most_once.judge_written());
        }
    }

    /// Whether anything waits to be acknowledged: also a stream that is begun.
    pub(super) fn note_awaited(&mut self) {
        self.offers_stream &= self.writes_owed_stream();
        let awaits = self.wire.awaits_acknowledgement() || self.offers_stream;
        self.deadlines.awaits(awaits, self.now);
    }

    /// While reading has stopped there is something to take, or to write.
    fn judge_reading(&mut self) {
        let takes = self.listens && self.held.is_empty() && self.incoming.is_none();
        let writes = self.writable <= self.now && self.streams.is_empty();
        if self.client.is_full() && self.client.is_connected() && takes && writes {
            let text = format!("nothing is read, and nothing is to be taken: {:?}", self.client);
            self.fail(Invariant::Rest, text);
        }
    }

    /// Whether nothing keeps the client from writing what is due.
    fn can_write(&self) -> bool {
        let free = self.out.is_empty() && self.writable <= self.now;
        free && self.client.is_connected() && !self.says_goodbye && !self.writes_stream()
    }

    /// What should have happened by now has, and what is to come the client names.
    fn judge_deadlines(&mut self) {
        let named = self.client.poll_timeout();
        if named.is_some_and(|at| at <= self.now) {
            return self.fail(Invariant::Deadline, "a deadline that has passed stays".to_owned());
        }
        let exact = |due: &(Waiting, Instant)| self.deadlines.is_exact(due.0);
        let due: Vec<_> = self.deadlines.ends().filter(exact).collect();
        for (waiting, at) in due {
            self.judge_deadline(at, named, &format!("{waiting:?}"));
        }
    }

    fn judge_deadline(&mut self, at: Instant, named: Option<Instant>, what: &str) {
        if at <= self.now {
            self.fail(Invariant::Deadline, format!("{what}: not noticed at {at}"));
        } else if named.is_none_or(|named| named > at) {
            let named = named.map(Instant::as_millis);
            self.fail(Invariant::Deadline, format!("{what}: due at {at}, named is {named:?}"));
        }
    }

    fn judge_ping(&mut self) {
        if let Some(at) = self.deadlines.ping_due() {
            self.judge_deadline(at, self.client.poll_timeout(), "PINGREQ");
        }
    }

    /// What has expired has ended, and the client knows when the next one does.
    fn judge_expiry(&mut self) {
        // What is in the outbox may have been sent for all that is known.
        if !self.out.is_empty() || self.writable > self.now {
            return;
        }
        if let Some(at) = self.promised.next_expiry() {
            let named = self.client.poll_timeout();
            if at <= self.now {
                self.fail(Invariant::Expiry, format!("it expired at {at}, and waits"));
            } else if named.is_none_or(|named| named > at) {
                self.fail(Invariant::Deadline, format!("expiry at {at}, named is {named:?}"));
            }
        }
    }

    /// As many messages are under way as the server takes, if so many wait; and a server that sends more
    /// than we take is told.
    fn judge_quota(&mut self) {
        let (now, most) = (self.wire.under_way(), self.wire.quota.servers());
        if now < most && !self.wire.clears() && self.promised.any_waits() {
            let text = format!("{now} are under way, {most} may be, and others wait");
            return self.fail(Invariant::Quota, text);
        }
        let settings = &self.config.client;
        let (_, over) = self.wire.quota.ours_used();
        // What was left to the server is not taken, and does not count.
        let over = over && self.client.counts().shed == 0;
        if over && settings.strict && settings.version == Version::V5 {
            self.fail(Invariant::Quota, "more came than was announced, and is taken".to_owned());
        }
    }

    /// The client ends the connection: it has to have a reason.
    pub(super) fn judge_failure(&mut self, error: &ConnectionError, due: &[(Waiting, Instant)]) {
        let ConnectionError::TimedOut(waiting) = error else { return };
        self.meet(match waiting {
            Waiting::ConnAck => "timed out: CONNACK",
            Waiting::PingResp => "timed out: PINGRESP",
            Waiting::Silence => "timed out: silence",
            Waiting::Write => "timed out: the transport",
            Waiting::Acknowledgement => "timed out: acknowledgements",
            _ => "timed out",
        });
        if !self.deadlines.is_exact(*waiting) {
            return self.meet("a deadline of which no moment is promised");
        }
        let due = due.iter().find(|(other, _)| other == waiting).map(|(_, at)| *at);
        if due.is_none_or(|at| at > self.now) {
            let due = due.map(Instant::as_millis);
            self.fail(Invariant::Deadline, format!("{waiting:?} at {}, due {due:?}", self.now));
        }
    }

    /// A publish has its fate.
    pub(super) fn judge_fate(&mut self, tag: Tag, fate: Option<Fate>) {
        if fate == Some(Fate::NeverSent(NotSent::Expired)) {
            self.meet("expired");
            if !self.promised.has_expired(tag, self.now) {
                self.fail(Invariant::Expiry, format!("{tag:?} ends before its time"));
            }
        }
    }

    /// What the server may have and does not take any more is over; its identifier is cleared at
    /// QoS 2, and free at QoS 1.
    pub(super) fn judge_limits(&mut self, happening: &Happening) {
        let Happening::Ended(tag, Fate::Unknown { received: false }) = happening else { return };
        match self.promised.was_sent(*tag) {
            Some((QoS::ExactlyOnce, _)) => self.wire.retired(),
            Some((QoS::AtLeastOnce, content)) => self.wire.ended(content),
            _ => {}
        }
    }

    /// Looks at what has passed on the wire.
    pub(super) fn judge_news(&mut self) {
        let now = self.now;
        let News { published, released, pings, connected, pong, progress, met } =
            self.wire.take_news();
        met.into_iter().for_each(|what| self.meet(what));
        for _ in 0..pings {
            if !self.deadlines.ping(now) {
                self.fail(Invariant::Deadline, "PINGREQ before its time".to_owned());
            }
            self.meet("PINGREQ at its time");
        }
        if let Some(keep_alive) = connected {
            if keep_alive.is_some() {
                self.meet("a keep-alive of the server's");
            }
            self.deadlines.connected(keep_alive, now);
        }
        if pong {
            self.deadlines.pong(now);
        }
        if progress {
            self.deadlines.progress();
        }
        released.into_iter().for_each(|content| self.promised.released(content));
        let from = self.busy_since.unwrap_or(now);
        for one in published {
            match self.promised.sent(one, from, now) {
                Ok(true) => self.meet("expiry counted down"),
                Ok(false) => {}
                Err(fault) => self.check(Err(fault)),
            }
        }
    }
}
