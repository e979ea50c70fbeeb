//! The server's acknowledgements: PUBACK, PUBREC, PUBREL and PUBCOMP (3.4 to 3.7).
//!
//! An acknowledgement finds its message by packet identifier in the outgoing log: at its front, if
//! all is in order. A PUBACK without a reason comes straight to `on_reply`, all others by `on_ack`.

use super::Client;
use super::error::{ConnectionError, Violation};
use super::event::{Event, Fate, Tag, Tell};
use super::outgoing::{NEXT, flag, qos, state};
use crate::log::Record;
use crate::packet::{Ack, PacketType, QoS, Version};
use crate::property::{Properties, Raw};
use crate::reason::ReasonCode;
use crate::wire::{PacketId, Reader};

/// What the server says beside its acknowledgements is told, as [`Event::Explained`].
#[derive(Clone, Copy, Debug)]
pub struct Explanations {
    tell: fn(&Client<'_>, PacketType, &Ack<'_>, Tell<'_>),
}

impl Explanations {
    /// All of it.
    pub const TOLD: Self = Self { tell: |client, kind, ack, tell| client.explain(kind, ack, tell) };
}

impl Client<'_> {
    /// One of the four came.
    pub(super) fn on_ack(
        &mut self,
        kind: PacketType,
        body: &[u8],
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        let (id, reason) = match *body {
            [high, low] if (high | low) != 0 => {
                (u16::from_be_bytes([high, low]), ReasonCode::SUCCESS)
            }
            _ => self.read_ack(kind, body, tell)?,
        };
        if !self.is_connected() {
            return Err(Violation::Unexpected(kind).into()); // [MQTT-3.2.0-1]
        }
        match kind {
            PacketType::PubRel => self.on_pubrel(id),
            PacketType::PubComp if self.cleared.complete(id) => self.note_progress(),
            _ => return self.on_reply(kind, id, reason, tell),
        }
        Ok(())
    }

    /// The long form: a reason code and properties.
    #[cold]
    #[inline(never)]
    fn read_ack(
        &self,
        kind: PacketType,
        body: &[u8],
        tell: Tell<'_>,
    ) -> Result<(u16, ReasonCode), ConnectionError> {
        let mut from = Reader::new(body);
        let ack = Ack::read(&mut from, kind, self.config.version);
        from.end()?;
        self.check_explanation(kind, &ack.properties)?;
        if let Some(explanations) = self.config.explanations {
            (explanations.tell)(self, kind, &ack, tell);
        }
        Ok((ack.id.get(), ack.reason))
    }

    /// Tells what the server says beside an acknowledgement that is awaited: once for each.
    fn explain(&self, kind: PacketType, ack: &Ack<'_>, tell: Tell<'_>) {
        let Some(record) = self.outgoing.log.find(ack.id.get()) else { return };
        let awaited = match kind {
            PacketType::PubAck | PacketType::PubRec => {
                matches!(record.state, state::SENT | state::INTERRUPTED)
            }
            PacketType::PubComp => record.state == state::RELEASED,
            _ => false,
        };
        let tag = Tag(record.who);
        let properties = ack.properties;
        if awaited && tag != Tag::NOBODY && self.is_connected() && !properties.is_empty() {
            tell(Event::Explained { tag, properties });
        }
    }

    /// A packet must not explain anything if that was declined [MQTT-3.1.2-29].
    pub(super) fn check_explanation(
        &self,
        kind: PacketType,
        properties: &Properties<'_>,
    ) -> Result<(), ConnectionError> {
        let explains = |raw: Raw<'_>| matches!(raw.id, 0x1f | 0x26); // Reason String, User Property
        if self.link.no_problem_information && properties.raws().any(explains) {
            return Err(Violation::ProblemInformation(kind).into());
        }
        Ok(())
    }

    /// PUBACK, PUBREC or PUBCOMP came for a message of ours.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(super) fn on_reply(
        &mut self,
        kind: PacketType,
        id: u16,
        reason: ReasonCode,
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        let Some(record) = self.outgoing.log.find(id) else {
            if kind == PacketType::PubRec && !reason.is_error() {
                self.put_ack(PacketType::PubRel, id, self.not_found());
            }
            return Ok(());
        };
        let at_least_once = qos(&record) == QoS::AtLeastOnce;
        match (kind, record.state) {
            // An interrupted stream was sent on an earlier connection, and may be answered on this
            // one. PUBREC with an error ends the flow [MQTT-4.4.0-2].
            (PacketType::PubAck, state::SENT | state::INTERRUPTED) if at_least_once => {
                self.settle(&record, Fate::Acknowledged(reason), tell);
            }
            // The server cannot answer with another packet, nor what is no message at QoS 2.
            _ if qos(&record) != QoS::ExactlyOnce => return Err(unexpected(kind, id)),
            (PacketType::PubRec, state::SENT | state::INTERRUPTED) if reason.is_error() => {
                self.settle(&record, Fate::Acknowledged(reason), tell);
            }
            (PacketType::PubRec, state::SENT | state::INTERRUPTED) => self.release(record, reason),
            // PUBREC again after PUBREL: PUBREL again, unless it has still to leave.
            (PacketType::PubRec, state::RELEASED) if !reason.is_error() => {
                self.put_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
            }
            (PacketType::PubRec, state::RELEASE | state::RELEASED) => {}
            // PUBCOMP 0x92 ends the flow too: the server let go of the message before. What it made
            // of the message is what PUBREC said.
            (PacketType::PubComp, state::RELEASED) => {
                let reason = ReasonCode::from_u8(record.extra as u8);
                self.settle(&record, Fate::Acknowledged(reason), tell);
            }
            _ => return Err(unexpected(kind, id)), // It was not sent on this connection.
        }
        Ok(())
    }

    fn on_pubrel(&mut self, id: u16) {
        let reason = if self.complete(id) { ReasonCode::SUCCESS } else { self.not_found() };
        self.put_ack(PacketType::PubComp, id, reason); // [MQTT-4.3.3-11]
    }

    /// The last acknowledgement of a publish: its room and its identifier are free again.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    fn settle(&mut self, record: &Record, fate: Fate, tell: Tell<'_>) {
        if record.has(flag::COUNTED) {
            self.link.outstanding = self.link.outstanding.saturating_sub(1);
        }
        self.outgoing.end(record, fate, tell);
        self.note_progress();
    }

    /// PUBREC came: what is owed is PUBREL, in the order of the PUBRECs [MQTT-4.6.0-4], which is
    /// that of the log from here on.
    fn release(&mut self, record: Record, reason: ReasonCode) {
        self.note_progress();
        let retired = record.has(flag::RETIRED);
        if record.state == state::INTERRUPTED && !retired {
            self.outgoing.retired = self.outgoing.retired.saturating_sub(1);
        }
        self.outgoing.log.end_record(&record);
        // Those before it, if any wait for room, leave first. None does: what PUBREC is for was sent
        // behind them.
        let sent = self.outgoing.releases == 0
            && self.put_ack(PacketType::PubRel, record.id, ReasonCode::SUCCESS);
        let kept = flag::QOS | flag::COUNTED | flag::RETIRED | flag::STREAM;
        let mut release = Record {
            id: record.id,
            state: if sent { state::RELEASED } else { state::RELEASE },
            flags: record.flags & kept,
            who: record.who,
            extra: u32::from(reason.as_u8()),
            ..Record::default()
        };
        self.outgoing.releases = self.outgoing.releases.wrapping_add(u16::from(!sent));
        let at_end = self.outgoing.log.at_cursor(NEXT).is_none();
        // There is room: what has ended took more.
        if !self.outgoing.log.append(&mut release) {
            self.outgoing.retired = self.outgoing.retired.saturating_sub(u32::from(retired));
        } else if at_end {
            self.outgoing.log.set_cursor(NEXT, release.end());
        }
    }

    /// An acknowledgement came.
    #[inline]
    pub(super) fn note_progress(&mut self) {
        self.link.note_progress();
        if self.link.shed != 0 {
            self.check_overrun();
        }
    }

    /// An identifier that the standard calls not found; 3.1.1 has no word for it.
    fn not_found(&self) -> ReasonCode {
        match self.config.version {
            Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            Version::V311 => ReasonCode::SUCCESS,
        }
    }
}

/// The server cannot answer what was not sent on this connection, nor with another packet.
fn unexpected(kind: PacketType, id: u16) -> ConnectionError {
    Violation::PacketId(kind, PacketId::new(id).unwrap_or(PacketId::MIN)).into()
}
