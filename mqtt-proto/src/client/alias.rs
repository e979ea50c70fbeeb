//! Topic aliases (3.3.2.3.4): numbers that stand for topic names, for one connection, each way.
//!
//! Each direction has a log of its own: the alias is the identifier of a record, its topic the bytes
//! of it.

use core::fmt;

use super::Client;
use super::error::{ConnectionError, Violation};
use crate::frame::FixedHeader;
use crate::log::{Log, LogMemory, Record};
use crate::packet::QoS;
use crate::storage::Storage;
use crate::wire::{MAX_REMAINING, Reader, Writer, varint_len};

/// Topic aliases of the client's own, for the first topics that it publishes to.
#[derive(Clone, Copy, Debug)]
pub struct AliasesOut {
    maximum: u16,
    copy: fn(&mut Client<'_>, &Record, u16) -> bool,
}

impl AliasesOut {
    /// At most so many.
    #[must_use]
    pub const fn up_to(maximum: u16) -> Self {
        Self { maximum, copy: |client, record, maximum| client.copy_aliased(record, maximum) }
    }

    #[cfg(feature = "alloc")]
    pub(super) const fn maximum(self) -> u16 {
        self.maximum
    }

    /// Copies a stored PUBLISH into the outbox, its topic replaced by an alias if there is one. False
    /// if there is no room.
    pub(super) fn copy_publish(self, client: &mut Client<'_>, record: &Record) -> bool {
        (self.copy)(client, record, self.maximum)
    }
}

/// By how many bytes a packet grows when the topic of its alias is put back.
type Grows = Result<usize, ConnectionError>;

/// What is done with aliases of the server's.
#[derive(Debug)]
pub(super) struct Hook {
    /// Stores the mapping of an alias to a topic, or looks for it, for that packet.
    pub(super) learn: fn(&mut Client<'_>, u16, &[u8], &[u8]) -> Grows,
    /// Writes a packet, the topic put back, into a record from that place on.
    pub(super) put: fn(&mut Client<'_>, u16, &[u8], Record, usize),
}

/// Topics by alias, of one connection, each way. A client that is lent none uses no alias, and has
/// neither the memory nor the code for them.
pub struct Aliases<'a> {
    /// Those of the server's.
    pub(super) coming: Log<'a>,
    /// Those of the client's own.
    pub(super) outgoing: Log<'a>,
    hook: &'static Hook,
}

impl<'a> Aliases<'a> {
    /// Aliases of the server's and of the client's own in that memory, which bounds their number: the
    /// server's by the longest topics.
    #[must_use]
    pub fn new(coming: LogMemory<'a>, outgoing: LogMemory<'a>) -> Self {
        const HOOK: Hook = Hook {
            learn: |client, alias, topic, packet| client.map_alias(alias, topic, packet),
            put: |client, alias, packet, record, at| client.put_aliased(alias, packet, &record, at),
        };
        Self { coming: Log::new(coming), outgoing: Log::new(outgoing), hook: &HOOK }
    }

    pub(super) fn clear(&mut self) {
        self.coming.clear();
        self.outgoing.clear();
    }

    pub(super) fn release(&mut self) {
        self.coming.release();
        self.outgoing.release();
    }
}

impl fmt::Debug for Aliases<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { coming, outgoing, .. } = self;
        f.debug_struct("Aliases").field("coming", coming).field("outgoing", outgoing).finish()
    }
}

impl Client<'_> {
    /// What is done with aliases of the server's, where there is memory for them.
    pub(super) fn alias_hook(&self) -> Option<&'static Hook> {
        self.aliases.get(0).map(|aliases| aliases.hook)
    }

    /// Stores a mapping of the server's, or looks for it.
    fn map_alias(&mut self, alias: u16, topic: &[u8], packet: &[u8]) -> Grows {
        if alias > self.link.topic_alias_maximum {
            return Err(Violation::TopicAlias(alias).into()); // [MQTT-3.3.2-11]
        }
        let Some(Aliases { coming, .. }) = self.aliases.get_mut(0) else {
            return Err(ConnectionError::NoRoom);
        };
        let known = coming.find(alias);
        if topic.is_empty() {
            let known = known.ok_or(Violation::UnknownAlias(alias))?;
            let topic = known.len as usize;
            let (behind, remaining) = with_topic(packet, topic);
            let head = varint_len(remaining).wrapping_add(3); // One byte and the topic's length
            return Ok(head.wrapping_add(topic).wrapping_sub(behind));
        }
        if let Some(known) = known {
            if coming.data(&known) == topic {
                return Ok(0);
            }
            coming.end_record(&known);
        }
        // The state need only not be 0.
        let record = Record { id: alias, state: 1, ..Record::default() };
        match coming.push_bytes(record, topic) {
            Some(_) => Ok(0),
            None => Err(ConnectionError::NoRoom),
        }
    }

    fn put_aliased(&mut self, alias: u16, packet: &[u8], record: &Record, at: usize) {
        let topic = topic_of(&self.aliases, alias);
        let (behind, remaining) = with_topic(packet, topic.len());
        let (first, rest) = (packet.get(..1), packet.get(behind..));
        let place = self.incoming.log.data_mut(record).get_mut(at..).unwrap_or_default();
        let mut out = Writer::new(place);
        out.put(first.unwrap_or_default());
        out.varint(remaining);
        out.binary(topic);
        out.put(rest.unwrap_or_default());
    }

    /// A stored PUBLISH goes into the outbox, an alias beside its topic or in place of it. The alias
    /// stands behind the properties 0x01 and 0x02, and in front of the others.
    fn copy_aliased(&mut self, record: &Record, maximum: u16) -> bool {
        let by_reference = self.outgoing.log.shared_len(record);
        let len = self.outgoing.packet(record).len();
        // The alias and the longer lengths take 6 bytes at most.
        let most = len.saturating_add(6);
        let size = most.saturating_add(by_reference);
        let fits = most <= self.outbox.limit()
            && size <= MAX_REMAINING as usize
            && self.limits.check_size(size).is_ok();
        if !self.outbox.has_publish_room(if fits { most } else { len }, by_reference) {
            return false;
        }
        let alias = if fits { self.alias_of(record, maximum) } else { None };
        let parts = Parts::read(self.outgoing.packet(record));
        let (alias, is_known) = alias.unwrap_or((0, false));
        let topic: &[u8] = if is_known { &[] } else { parts.topic };
        let property = if alias == 0 { 0 } else { 3 };
        let section = parts.before.len().wrapping_add(parts.after.len()).wrapping_add(property);
        let id = parts.id.len();
        let head = topic.len().wrapping_add(2).wrapping_add(id).wrapping_add(section);
        let head = head.wrapping_add(varint_len(section as u32));
        let remaining = head.wrapping_add(parts.payload.len()).wrapping_add(by_reference);
        let fixed = varint_len(remaining as u32).wrapping_add(1);
        let copied = fixed.wrapping_add(head).wrapping_add(parts.payload.len());
        let Some(room) = self.outbox.append(copied) else { return false };
        let mut out = Writer::new(room);
        out.u8(parts.first);
        out.varint(remaining as u32);
        out.binary(topic);
        out.put(parts.id);
        out.varint(section as u32);
        out.put(parts.before);
        if alias != 0 {
            out.u8(0x23);
            out.u16(alias);
        }
        out.put(parts.after);
        out.put(parts.payload);
        if let Some(shared) = self.outgoing.log.shared(record) {
            self.outbox.append_shared(shared);
        }
        self.finish_copy(record, copied);
        self.link.count(copied.wrapping_add(by_reference));
        true
    }

    /// The alias of a message's topic, and whether the server knows it.
    fn alias_of(&mut self, record: &Record, maximum: u16) -> Option<(u16, bool)> {
        let topic = Parts::read(self.outgoing.packet(record)).topic;
        let Aliases { outgoing: aliases, .. } = self.aliases.get_mut(0)?;
        let mut at = 0;
        while let Some(known) = aliases.at(at) {
            at = known.end();
            if aliases.data(&known) == topic {
                return Some((known.id, true));
            }
        }
        let alias = u16::try_from(aliases.count()).ok()?.checked_add(1)?;
        if alias > maximum.min(self.limits.topic_alias_maximum) {
            return None;
        }
        let record = Record { id: alias, state: 1, ..Record::default() };
        aliases.push_bytes(record, topic).map(|_| (alias, false))
    }
}

/// Where a packet goes on behind its topic, which is empty, and its Remaining Length with another
/// one of that length.
fn with_topic(packet: &[u8], topic: usize) -> (usize, u32) {
    let header = FixedHeader::read(packet).ok().flatten();
    let (len, remaining) = header.map_or((0, 0), |header| (header.len, header.remaining));
    // Topic and packet are below 2²⁸.
    (len.wrapping_add(2), remaining.wrapping_add(topic) as u32)
}

/// The topic that an alias of the server's stands for; empty if there is none.
pub(super) fn topic_of<'t>(aliases: &'t Storage<'_, Aliases<'_>>, alias: u16) -> &'t [u8] {
    let known = aliases.get(0).and_then(|aliases| {
        let known = aliases.coming.find(alias)?;
        Some(aliases.coming.data(&known))
    });
    known.unwrap_or_default()
}

/// The parts of a stored PUBLISH of 5.0.
struct Parts<'p> {
    first: u8,
    topic: &'p [u8],
    id: &'p [u8],
    /// The properties in front of which an alias may not stand, and the others.
    before: &'p [u8],
    after: &'p [u8],
    payload: &'p [u8],
}

impl<'p> Parts<'p> {
    fn read(packet: &'p [u8]) -> Self {
        let mut from = Reader::new(packet);
        let first = from.u8();
        from.varint();
        let topic = from.binary();
        let qos = first >> 1 & 3;
        let id = from.take(if qos == QoS::AtMostOnce as u8 { 0 } else { 2 });
        let section = from.varint();
        let section = from.take(section as usize);
        let mut at = 0_usize;
        for (id, len) in [(0x01, 2), (0x02, 5)] {
            if section.get(at) == Some(&id) {
                at = at.wrapping_add(len);
            }
        }
        let (before, after) = section.split_at_checked(at).unwrap_or((section, &[]));
        Self { first, topic, id, before, after, payload: from.rest() }
    }
}
