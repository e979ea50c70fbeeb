//! Messages and requests on their way to the server, in the order in which they leave.

use super::event::{Event, Fate, NotSent, Tag, Tell};
use crate::log::{Log, LogMemory, Record};
use crate::packet::QoS;

/// What is owed for a record.
pub(super) mod state {
    /// The PUBLISH has to be put into the outbox.
    pub(crate) const WAITING: u8 = 1;
    /// PUBACK or PUBREC is awaited.
    pub(crate) const SENT: u8 = 2;
    /// PUBREC came, with the reason in `extra`: PUBREL has to be put into the outbox.
    pub(crate) const RELEASE: u8 = 3;
    /// PUBCOMP is awaited.
    pub(crate) const RELEASED: u8 = 4;
    /// SUBACK is awaited for as many filters as `extra` says.
    pub(crate) const SUBSCRIBE: u8 = 5;
    /// UNSUBACK is awaited for as many filters as `extra` says.
    pub(crate) const UNSUBSCRIBE: u8 = 6;
    /// A stream is begun: more bytes of it have to come from its owner.
    pub(crate) const STREAMING: u8 = 7;
    /// A stream that was sent whole on an earlier connection: its owner may send it again.
    pub(crate) const INTERRUPTED: u8 = 8;
}

/// Flags of a record; its QoS is in the two lowest bits.
pub(super) mod flag {
    pub(crate) const QOS: u8 = 3;
    /// It takes one of the server's Receive Maximum.
    pub(crate) const COUNTED: u8 = 4;
    /// Any byte of the PUBLISH (of a stream all of them) was handed to a transport, on an earlier
    /// connection: it is sent with DUP.
    pub(crate) const BEFORE: u8 = 8;
    /// It was sent in a session that is lost: the server may have it, though not in this one.
    pub(crate) const REPUBLISHED: u8 = 16;
    /// Its payload comes from its owner, and is not stored.
    pub(crate) const STREAM: u8 = 32;
    /// Its bytes begin with the moment at which it expires.
    pub(crate) const EXPIRES: u8 = 64;
    /// It is over for its caller: only its identifier has to be cleared.
    pub(crate) const RETIRED: u8 = 128;
}

/// The cursor at what has to be put into the outbox, and that at PUBREL.
pub(super) const NEXT: usize = 0;
pub(super) const RELEASES: usize = 1;

/// The log and what is counted of it.
pub(super) struct Outgoing<'a> {
    pub(super) log: Log<'a>,
    /// The last packet identifier that was given.
    pub(super) last_id: u16,
    /// Records that are over for their callers.
    pub(super) retired: u32,
    /// Records that are owed PUBREL, over for their callers or not.
    pub(super) releases: u16,
    /// SUBSCRIBE and UNSUBSCRIBE packets without an answer.
    pub(super) requests: u16,
    /// QoS 0 messages that wait for a connection.
    pub(super) waiting_qos0: u16,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(memory: LogMemory<'a>) -> Self {
        let log = Log::new(memory);
        Self { log, last_id: 0, retired: 0, releases: 0, requests: 0, waiting_qos0: 0 }
    }

    #[inline]
    pub(super) fn pending(&self) -> u32 {
        self.log.count().saturating_sub(self.retired)
    }

    /// The next identifier in sequence that is not in use [MQTT-2.2.1-3].
    #[inline]
    pub(super) fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1).max(1);
            // There are never as many records: `Client::has_place`.
            if self.log.is_free(self.last_id) {
                return self.last_id;
            }
        }
    }

    /// Ends a record without a word, and what is counted of it.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(super) fn remove(&mut self, record: &Record) {
        match record.state {
            state::WAITING => {
                let qos0 = record.flags & flag::QOS == 0;
                self.waiting_qos0 = self.waiting_qos0.saturating_sub(u16::from(qos0));
            }
            state::RELEASE => self.releases = self.releases.saturating_sub(1),
            state::SUBSCRIBE | state::UNSUBSCRIBE => {
                self.requests = self.requests.saturating_sub(1);
            }
            _ => {}
        }
        let retired = record.has(flag::RETIRED) || record.state == state::INTERRUPTED;
        self.retired = self.retired.saturating_sub(u32::from(retired));
        self.log.end_record(record);
    }

    /// Ends a record, and tells its fate.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(super) fn end(&mut self, record: &Record, fate: Fate, tell: Tell<'_>) {
        self.remove(record);
        tell_fate(record, fate, tell);
    }

    /// Ends a publish for its caller; its identifier is not free, for the server may hold it.
    pub(super) fn retire(&mut self, record: &mut Record, fate: Fate, tell: Tell<'_>) {
        tell_fate(record, fate, tell);
        if !record.has(flag::RETIRED) {
            record.set_flag(flag::RETIRED, true);
            let interrupted = record.state == state::INTERRUPTED;
            self.retired = self.retired.wrapping_add(u32::from(!interrupted));
        }
        record.who = Tag::NOBODY.0;
        self.log.drop_data(record);
    }
}

/// Tells the fate of a record, if anybody waits for it.
#[inline]
pub(super) fn tell_fate(record: &Record, fate: Fate, tell: Tell<'_>) {
    let tag = Tag(record.who);
    if tag == Tag::NOBODY {
        return;
    }
    let fate = match fate {
        Fate::NeverSent(why) if record.has(flag::REPUBLISHED) => {
            let _: NotSent = why;
            Fate::Unknown { received: false }
        }
        fate => fate,
    };
    tell(Event::Done { tag, fate });
}

/// The QoS of a record.
pub(super) fn qos(record: &Record) -> QoS {
    QoS::from_bits(record.flags & flag::QOS).unwrap_or_default()
}

#[cfg(test)]
#[path = "outgoing/tests.rs"]
mod tests;
