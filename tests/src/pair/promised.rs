//! Messages that were accepted and have no fate: whether they leave when they may, with the time that
//! they have left, and end when that is over (3.3.2.3.3).

use std::collections::BTreeMap;

use mqtt_as_proto::client::{Message, Tag};
use mqtt_as_proto::{Instant, QoS};

use super::news::Published;
use super::{Fault, Invariant};

/// All of them, by the marks of their calls.
#[derive(Debug, Default)]
pub(super) struct Promised {
    messages: BTreeMap<u32, Pending>,
    /// Connections so far.
    connections: u32,
}

#[derive(Debug)]
struct Pending {
    content: u64,
    qos: QoS,
    expires: Option<Expires>,
    /// The connection on which it was sent last.
    sent: Option<u32>,
    /// PUBREC came.
    released: bool,
    /// It may have been sent, in part.
    in_part: bool,
    /// It was sent in a session that is lost.
    is_republished: bool,
}

#[derive(Clone, Copy, Debug)]
struct Expires {
    at: Instant,
    /// As the program said.
    seconds: u32,
}

impl Promised {
    pub(super) fn add(&mut self, tag: Tag, message: &Message<'_>, content: u64, now: Instant) {
        let seconds = message.properties.message_expiry_interval();
        let at = |seconds: u32| now.after(u64::from(seconds) * 1000);
        let expires = seconds.map(|seconds| Expires { at: at(seconds), seconds });
        let pending = Pending {
            content,
            qos: message.qos,
            expires,
            sent: None,
            released: false,
            in_part: false,
            is_republished: false,
        };
        self.messages.insert(tag.0, pending);
    }

    /// It has its fate. Returns its content.
    pub(super) fn end(&mut self, tag: Tag) -> Option<u64> {
        self.messages.remove(&tag.0).map(|pending| pending.content)
    }

    /// Nobody waits for any of them.
    pub(super) fn forget(&mut self) {
        self.messages.clear();
    }

    pub(super) fn first(&self) -> Option<Tag> {
        self.messages.keys().next().copied().map(Tag)
    }

    /// The connection is over, with part of a PUBLISH sent or not.
    pub(super) fn end_connection(&mut self, in_part: bool) {
        self.connections += 1;
        for pending in self.messages.values_mut() {
            pending.in_part |= in_part;
        }
    }

    /// The session is lost: what was sent in it may be sent anew.
    pub(super) fn end_session(&mut self) {
        for pending in self.messages.values_mut() {
            pending.is_republished |= pending.sent.is_some() || pending.in_part;
            (pending.sent, pending.released, pending.in_part) = (None, false, false);
        }
    }

    pub(super) fn released(&mut self, content: Option<u64>) {
        let of = |pending: &&mut Pending| Some(pending.content) == content;
        self.messages.values_mut().find(of).into_iter().for_each(|pending| pending.released = true);
    }

    /// A PUBLISH left, of what was put together at `from` or later. Returns whether its interval had
    /// shrunk.
    pub(super) fn sent(
        &mut self,
        published: Published,
        from: Instant,
        now: Instant,
    ) -> Result<bool, Fault> {
        let connections = self.connections;
        let of = |pending: &&mut Pending| pending.content == published.content;
        let Some(pending) = self.messages.values_mut().find(of) else { return Ok(false) };
        pending.sent = Some(connections);
        let Some(Expires { at, seconds }) = pending.expires else { return Ok(false) };
        let left = |moment: Instant| at.since(moment).div_ceil(1000);
        let said = u64::from(published.expiry.unwrap_or(u32::MAX));
        // Once sent, a flow ignores it [MQTT-4.3.3-7].
        let right = match published.dup {
            true => said == u64::from(seconds),
            false => (left(now)..=left(from)).contains(&said) && at > from,
        };
        if !right {
            let text =
                format!("{said} s are told, {} s are left, dup: {}", left(now), published.dup);
            return Err(Fault { invariant: Invariant::Expiry, text });
        }
        Ok(said < u64::from(seconds))
    }

    /// When the next message expires that waits, and was never sent.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        let fresh = |one: &&Pending| one.sent.is_none() && !one.in_part && !one.is_republished;
        let waits = self.messages.values().filter(fresh);
        waits.filter_map(|pending| pending.expires).map(|expires| expires.at).min()
    }

    /// The QoS and content of the message, if it was sent in this session.
    pub(super) fn was_sent(&self, tag: Tag) -> Option<(QoS, u64)> {
        let sent = self.messages.get(&tag.0).filter(|one| one.sent.is_some() || one.in_part);
        sent.map(|one| (one.qos, one.content))
    }

    /// Whether the message has expired by then.
    pub(super) fn has_expired(&self, tag: Tag, now: Instant) -> bool {
        let expires = self.messages.get(&tag.0).and_then(|pending| pending.expires);
        expires.is_some_and(|expires| expires.at <= now)
    }

    /// Whether any of them was not sent on this connection, and has to be.
    pub(super) fn any_waits(&self) -> bool {
        let here = Some(self.connections);
        self.messages.values().any(|pending| pending.sent != here && !pending.released)
    }
}
