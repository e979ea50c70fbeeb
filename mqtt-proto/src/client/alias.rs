//! Topic aliases (3.3.2.3.4): numbers that stand for topic names, for one connection, each way.
//!
//! Each direction has a log of its own: the alias is the identifier of a record, its topic the bytes
//! of it.

use core::fmt;

use super::Client;
use super::error::{ConnectionError, Violation};
use crate::log::{Log, LogMemory, Record};
use crate::packet::{QoS, Received};
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

/// What is done with aliases of the server's.
#[derive(Debug)]
pub(super) struct Hook {
    /// Stores a mapping, or looks for it.
    pub(super) learn: fn(&mut Client<'_>, u16, &[u8]) -> Result<(), ConnectionError>,
    /// Adds a message with the topic of its alias.
    pub(super) push: fn(&mut Client<'_>, &mut Record, &Received<'_>) -> bool,
    /// Writes a message, with the topic of its alias and in front of so many bytes of payload, into
    /// a record from that place on. Returns how long that is.
    pub(super) put_head: fn(&mut Client<'_>, &Record, &Received<'_>, usize, usize) -> usize,
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
            learn: |client, alias, topic| client.map_alias(alias, topic),
            push: |client, record, received| client.push_aliased(record, received),
            put_head: |client, record, received, at, payload| {
                client.put_aliased(record, received, at, payload)
            },
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
    fn map_alias(&mut self, alias: u16, topic: &[u8]) -> Result<(), ConnectionError> {
        if alias > self.link.topic_alias_maximum {
            return Err(Violation::TopicAlias(alias).into()); // [MQTT-3.3.2-11]
        }
        let Some(Aliases { coming, .. }) = self.aliases.get_mut(0) else {
            return Err(ConnectionError::NoRoom);
        };
        let known = coming.find(alias);
        if topic.is_empty() {
            let unknown = ConnectionError::from(Violation::UnknownAlias(alias));
            return known.map(drop).ok_or(unknown);
        }
        if let Some(known) = known {
            if coming.data(&known) == topic {
                return Ok(());
            }
            coming.end_record(&known);
        }
        // The state need only not be 0.
        let record = Record { id: alias, state: 1, ..Record::default() };
        match coming.push_bytes(record, topic) {
            Some(_) => Ok(()),
            None => Err(ConnectionError::NoRoom),
        }
    }

    /// Bytes of the topic that an alias stands for.
    pub(super) fn alias_len(&self, alias: Option<u16>) -> usize {
        topic_of(&self.aliases, alias).len()
    }

    /// Adds a message with the topic of its alias.
    fn push_aliased(&mut self, record: &mut Record, received: &Received<'_>) -> bool {
        let topic = topic_of(&self.aliases, received.alias);
        let (head, remaining) = received.head_with(topic, received.payload.len());
        (record.len, record.extra) =
            (head.wrapping_add(received.payload.len()) as u32, head as u32);
        let fits = self.incoming.log.append(record);
        if fits {
            let mut out = Writer::new(self.incoming.log.data_mut(record));
            received.put_head_with(topic, remaining, &mut out);
            out.put(received.payload);
        }
        fits
    }

    fn put_aliased(
        &mut self,
        record: &Record,
        received: &Received<'_>,
        at: usize,
        payload: usize,
    ) -> usize {
        let topic = topic_of(&self.aliases, received.alias);
        let (head, remaining) = received.head_with(topic, payload);
        let place = self.incoming.log.data_mut(record).get_mut(at..).unwrap_or_default();
        received.put_head_with(topic, remaining, &mut Writer::new(place));
        head
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

/// The topic that an alias of the server's stands for; empty if there is none.
fn topic_of<'t>(aliases: &'t Storage<'_, Aliases<'_>>, alias: Option<u16>) -> &'t [u8] {
    let known = aliases.get(0).zip(alias).and_then(|(aliases, alias)| {
        let known = aliases.coming.find(alias)?;
        Some(aliases.coming.data(&known))
    });
    known.unwrap_or_default()
}

impl Received<'_> {
    /// Returns how long the PUBLISH is with that topic, in front of `payload` bytes, and its
    /// Remaining Length.
    fn head_with(&self, topic: &[u8], payload: usize) -> (usize, u32) {
        let id = if self.id.is_some() { 2 } else { 0 };
        let section = self.section.len();
        let section = section.wrapping_add(varint_len(section as u32));
        let head = topic.len().wrapping_add(2).wrapping_add(id).wrapping_add(section);
        let remaining = head.wrapping_add(payload) as u32; // Topic and packet are below 2²⁸.
        (head.wrapping_add(varint_len(remaining)).wrapping_add(1), remaining)
    }

    /// Writes that head.
    fn put_head_with(&self, topic: &[u8], remaining: u32, out: &mut Writer<'_>) {
        out.u8(self.first);
        out.varint(remaining);
        out.binary(topic);
        if let Some(id) = self.id {
            out.u16(id.get());
        }
        out.varint(self.section.len() as u32);
        out.put(self.section);
    }
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
