//! Publishing: a message is judged, stored if it has to be acknowledged, and sent if it may be.

use super::Client;
use super::error::OperationError;
use super::event::Tag;
use super::expiry::PREFIX;
use super::link::Phase;
use super::message::{Message, Sizes, write_publish};
use super::outgoing::{flag, state};
use super::transmit::Step;
use crate::error::EncodeError;
use crate::log::Record;
use crate::packet::{PacketType, QoS, Version};
use crate::property::Properties;
use crate::time::Instant;
use crate::wire::{PacketId, Writer};

/// What an accepted publish waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Nothing: it is QoS 0, and on its way.
    Left,
    /// An event with its tag: at QoS 1 and 2 the acknowledgement, at QoS 0 a connection.
    Pending(PacketId),
}

impl Client<'_> {
    /// Publishes a message. It is accepted whole or not at all; accepted, it will have one fate,
    /// told by an event with its tag unless it has left at once.
    ///
    /// Without a connection it waits for one. `now` matters only to a message with an expiry.
    ///
    /// # Errors
    /// [`OperationError`] says what to change, or [`OperationError::NoRoom`] to wait.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub fn publish(
        &mut self,
        message: &Message<'_>,
        tag: Tag,
        now: Instant,
    ) -> Result<Published, OperationError> {
        let sizes = self.judge(message, message.payload.as_slice().len())?;
        let direct = message.qos == QoS::AtMostOnce
            && self.is_connected()
            && self.outgoing.waiting_qos0 == 0
            && self.config.aliases_out.is_none();
        if direct {
            return self.publish_now(message, sizes);
        }
        self.note_time(now);
        self.publish_stored(message, sizes, tag)
    }

    /// Judges a message by the standard and by the server's limits.
    #[inline]
    pub(super) fn judge(
        &self,
        message: &Message<'_>,
        payload: usize,
    ) -> Result<Sizes, OperationError> {
        let section = match message.properties.is_empty() {
            true => usize::from(self.v5()),
            false => section_len(&message.properties, self.config.version)?,
        };
        let fixed = if message.qos == QoS::AtMostOnce { 2 } else { 4 };
        let topic = message.topic.as_bytes().len();
        if topic == 0 {
            return Err(EncodeError::EmptyTopic.into());
        }
        let head = topic.wrapping_add(fixed).wrapping_add(section);
        let sizes = Sizes::new(head.saturating_add(payload), section);
        let sizes = sizes.ok_or(EncodeError::PacketTooLarge)?;
        match self.link.phase {
            Phase::Connected => {
                self.limits.check_publish(message.qos, message.retain, sizes.packet())?;
            }
            // Limits are known at CONNACK; what waits is judged again there.
            Phase::Closing => return Err(OperationError::NotConnected),
            Phase::Down | Phase::Connecting => {}
        }
        Ok(sizes)
    }

    /// Whether the outbox takes a message whole, with its payload copied.
    #[must_use]
    pub fn fits_outbox(&self, message: &Message<'_>) -> bool {
        let sizes = self.judge(message, message.payload.as_slice().len());
        sizes.is_ok_and(|sizes| sizes.packet() <= self.outbox.limit())
    }

    /// QoS 0 with a connection: straight into the outbox.
    #[inline]
    fn publish_now(
        &mut self,
        message: &Message<'_>,
        sizes: Sizes,
    ) -> Result<Published, OperationError> {
        if message.payload.shared_len() != 0 {
            return self.publish_shared(message, sizes);
        }
        if self.link.stream_out.is_some() {
            return Err(OperationError::NoRoom);
        }
        let Some(room) = self.outbox.append_publish(sizes.packet(), 0) else {
            return Err(no_room(sizes.packet(), self.outbox.limit()));
        };
        write_publish(room, message, sizes, 0);
        self.count_qos0(sizes);
        Ok(Published::Left)
    }

    /// The same with a payload that is held by reference.
    #[cold]
    #[inline(never)]
    fn publish_shared(
        &mut self,
        message: &Message<'_>,
        sizes: Sizes,
    ) -> Result<Published, OperationError> {
        let by_reference = message.payload.shared_len();
        let copied = sizes.packet().wrapping_sub(by_reference);
        if self.link.stream_out.is_some() {
            return Err(OperationError::NoRoom);
        }
        let Some(room) = self.outbox.append_publish(copied, by_reference) else {
            return Err(no_room(copied, self.outbox.limit()));
        };
        write_publish(room, message, sizes, 0);
        if let Some(shared) = message.payload.shared() {
            self.outbox.append_shared(&shared);
        }
        self.count_qos0(sizes);
        Ok(Published::Left)
    }

    #[inline]
    fn count_qos0(&mut self, sizes: Sizes) {
        self.link.count(sizes.packet());
        self.link.unwritten_qos0 = self.link.unwritten_qos0.wrapping_add(1);
    }

    /// QoS 1 and 2, and QoS 0 without a connection: into the log, and from there into the outbox at
    /// once if nothing stands before it.
    fn publish_stored(
        &mut self,
        message: &Message<'_>,
        sizes: Sizes,
        tag: Tag,
    ) -> Result<Published, OperationError> {
        let by_reference = message.payload.shared_len();
        let expiry = self.expiry_of(message);
        let copied = sizes.packet().wrapping_sub(by_reference);
        let (prefix, expires) = if expiry.is_some() { (PREFIX, flag::EXPIRES) } else { (0, 0) };
        let len = copied.wrapping_add(prefix);
        self.check_place(len, by_reference, copied)?;
        let is_next = self.is_connected() && self.outgoing.next_waiting().is_none();
        let before = self.outgoing.last_id;
        let id = self.outgoing.next_id();
        let mut record = Record {
            len: len as u32, // At most the limit of the log.
            id,
            state: state::WAITING,
            flags: message.qos as u8 | expires,
            who: tag.0,
            ..Record::default()
        };
        let fits = match by_reference {
            0 => self.outgoing.log.append_in_room(&mut record),
            _ => self.append_shared(&mut record, message),
        };
        if !fits {
            return Err(OperationError::NoRoom);
        }
        let place = self.outgoing.log.data_mut(&record).get_mut(prefix..);
        write_publish(place.unwrap_or_default(), message, sizes, id);
        if let Some(expiry) = expiry {
            (expiry.begin)(self, &record, message);
        }
        let qos0 = message.qos == QoS::AtMostOnce;
        self.outgoing.waiting_qos0 = self.outgoing.waiting_qos0.wrapping_add(u16::from(qos0));
        if is_next && self.fill_publish(&mut record) == Step::Next && qos0 {
            self.outgoing.remove(&record);
            self.outgoing.last_id = before; // It was not used.
            return Ok(Published::Left);
        }
        Ok(Published::Pending(PacketId::new(id).unwrap_or(PacketId::MIN)))
    }

    /// A record whose payload is held by reference.
    #[cold]
    #[inline(never)]
    fn append_shared(&mut self, record: &mut Record, message: &Message<'_>) -> bool {
        self.outgoing.log.append_with(record, message.payload.shared())
    }

    /// Whether one more record is taken, of so many bytes, of which `copied` go into the outbox.
    pub(super) fn check_place(
        &self,
        len: usize,
        by_reference: usize,
        copied: usize,
    ) -> Result<(), OperationError> {
        let room = self.outgoing.log.largest();
        let size = len.saturating_add(by_reference);
        if size > room {
            return Err(OperationError::TooLarge { size, room });
        }
        if copied > self.outbox.limit() {
            return Err(OperationError::TooLarge { size: copied, room: self.outbox.limit() });
        }
        if !self.has_place() || !self.outgoing.log.has_room(len, by_reference) {
            return Err(OperationError::NoRoom);
        }
        Ok(())
    }

    /// Whether one more record is taken, of whatever length.
    pub(super) fn has_place(&self) -> bool {
        self.outgoing.log.count() < u32::from(self.config.in_flight.min(u16::MAX - 1))
    }
}

/// Returns the length of the section of properties. Topic aliases and subscription identifiers are
/// not the caller's to give [MQTT-3.3.4-6].
#[cold]
#[inline(never)]
fn section_len(properties: &Properties<'_>, version: Version) -> Result<usize, OperationError> {
    if let Some(id) = [0x23, 0x0b].into_iter().find(|id| properties.raw(*id).is_some()) {
        return Err(EncodeError::MisplacedProperty(PacketType::Publish.into(), id).into());
    }
    let mut out = Writer::counting();
    properties.write(version, PacketType::Publish.bit(), &mut out);
    Ok(out.result()?)
}

pub(super) fn no_room(size: usize, room: usize) -> OperationError {
    if size > room { OperationError::TooLarge { size, room } } else { OperationError::NoRoom }
}
