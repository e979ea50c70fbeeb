//! The server's acknowledgements: PUBACK, PUBREC, PUBREL and PUBCOMP (3.4 to 3.7).
//!
//! An acknowledgement finds its message by packet identifier in the outgoing log (`known`): at its
//! front, if all is in order. A PUBACK without a reason comes straight to `on_puback`, all others
//! by `on_ack`.

use super::Client;
use super::error::{ConnectionError, Violation};
use super::event::{Fate, Tell};
use super::outgoing::{NEXT, flag, qos, state};
use crate::log::Record;
use crate::packet::{Ack, PacketType, QoS, Version};
use crate::property::{Properties, Raw};
use crate::reason::ReasonCode;
use crate::wire::{PacketId, Reader};

/// What there is for a packet identifier of ours.
enum Known {
    Nothing,
    /// It is used for something that this packet cannot acknowledge.
    Otherwise,
    Record(Record),
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
            _ => self.read_ack(kind, body)?,
        };
        if !self.is_connected() {
            return Err(Violation::Unexpected(kind).into()); // [MQTT-3.2.0-1]
        }
        match kind {
            PacketType::PubAck => self.on_puback(id, reason, tell),
            PacketType::PubRec => self.on_pubrec(id, reason, tell),
            PacketType::PubRel => self.on_pubrel(id),
            _ => self.on_pubcomp(id, tell),
        }
    }

    /// The long form: a reason code and properties.
    #[cold]
    #[inline(never)]
    fn read_ack(
        &self,
        kind: PacketType,
        body: &[u8],
    ) -> Result<(u16, ReasonCode), ConnectionError> {
        let mut from = Reader::new(body);
        let ack = Ack::read(&mut from, kind, self.config.version);
        from.end()?;
        self.check_explanation(kind, &ack.properties)?;
        Ok((ack.id.get(), ack.reason))
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

    #[inline]
    pub(super) fn on_puback(
        &mut self,
        id: u16,
        reason: ReasonCode,
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        match self.known(id, QoS::AtLeastOnce) {
            Known::Record(record) if is_sent(&record) => {
                self.settle(&record, Fate::Acknowledged(reason), tell);
                Ok(())
            }
            Known::Nothing => Ok(()),
            _ => Err(unexpected(PacketType::PubAck, id)),
        }
    }

    fn on_pubrec(
        &mut self,
        id: u16,
        reason: ReasonCode,
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        match self.known(id, QoS::ExactlyOnce) {
            Known::Record(record) if is_sent(&record) => {
                if reason.is_error() {
                    self.settle(&record, Fate::Acknowledged(reason), tell); // [MQTT-4.4.0-2]
                } else {
                    self.release(record);
                }
                Ok(())
            }
            // PUBREC again after PUBREL: PUBREL again, unless it has still to leave.
            Known::Record(record) if record.state == state::RELEASED => {
                if !reason.is_error() {
                    self.put_ack(PacketType::PubRel, id, ReasonCode::SUCCESS);
                }
                Ok(())
            }
            Known::Record(record) if record.state == state::RELEASE => Ok(()),
            Known::Nothing => {
                if !reason.is_error() {
                    self.put_ack(PacketType::PubRel, id, self.not_found());
                }
                Ok(())
            }
            _ => Err(unexpected(PacketType::PubRec, id)),
        }
    }

    fn on_pubcomp(&mut self, id: u16, tell: Tell<'_>) -> Result<(), ConnectionError> {
        if self.cleared.complete(id) {
            self.note_progress();
            return Ok(());
        }
        match self.known(id, QoS::ExactlyOnce) {
            Known::Record(record) if record.state == state::RELEASED => {
                // PUBCOMP 0x92 ends the flow too: the server let go of the message before.
                self.settle(&record, Fate::Acknowledged(ReasonCode::SUCCESS), tell);
                Ok(())
            }
            Known::Nothing => Ok(()),
            _ => Err(unexpected(PacketType::PubComp, id)),
        }
    }

    fn on_pubrel(&mut self, id: u16) -> Result<(), ConnectionError> {
        let reason = if self.complete(id) { ReasonCode::SUCCESS } else { self.not_found() };
        self.put_ack(PacketType::PubComp, id, reason); // [MQTT-4.3.3-11]
        Ok(())
    }

    #[inline]
    fn known(&self, id: u16, wanted: QoS) -> Known {
        let Some(record) = self.outgoing.log.find(id) else { return Known::Nothing };
        let request = matches!(record.state, state::SUBSCRIBE | state::UNSUBSCRIBE);
        if request || qos(&record) != wanted { Known::Otherwise } else { Known::Record(record) }
    }

    /// The last acknowledgement of a publish: its room and its identifier are free again.
    #[inline]
    fn settle(&mut self, record: &Record, fate: Fate, tell: Tell<'_>) {
        if record.has(flag::COUNTED) {
            self.link.outstanding = self.link.outstanding.saturating_sub(1);
        }
        self.outgoing.end(record, fate, tell);
        self.note_progress();
    }

    /// PUBREC came: what is owed is PUBREL, in the order of the PUBRECs [MQTT-4.6.0-4], which is
    /// that of the log from here on.
    fn release(&mut self, record: Record) {
        self.note_progress();
        let retired = record.has(flag::RETIRED);
        if record.state == state::INTERRUPTED && !retired {
            self.outgoing.retired = self.outgoing.retired.saturating_sub(1);
        }
        self.outgoing.log.end_record(&record);
        let kept = flag::QOS | flag::COUNTED | flag::RETIRED | flag::STREAM;
        let release = Record {
            id: record.id,
            state: state::RELEASE,
            flags: record.flags & kept,
            who: record.who,
            ..Record::default()
        };
        let at_end = self.outgoing.log.at_cursor(NEXT).is_none();
        // There is room: what has ended took more.
        let Some(mut release) = self.outgoing.log.push(release) else {
            self.outgoing.retired = self.outgoing.retired.saturating_sub(u32::from(retired));
            return;
        };
        if at_end {
            self.outgoing.log.set_cursor(NEXT, release.end());
        }
        // Those before it, if any wait for room, leave first.
        if self.outgoing.releases == 0
            && self.put_ack(PacketType::PubRel, release.id, ReasonCode::SUCCESS)
        {
            release.state = state::RELEASED;
            self.outgoing.log.set(&release);
        } else {
            self.outgoing.releases = self.outgoing.releases.wrapping_add(1);
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

/// An interrupted stream was sent on an earlier connection, and may be answered on this one.
fn is_sent(record: &Record) -> bool {
    matches!(record.state, state::SENT | state::INTERRUPTED)
}

/// The server cannot answer what was not sent on this connection, nor with another packet.
fn unexpected(kind: PacketType, id: u16) -> ConnectionError {
    Violation::PacketId(kind, PacketId::new(id).unwrap_or(PacketId::MIN)).into()
}
