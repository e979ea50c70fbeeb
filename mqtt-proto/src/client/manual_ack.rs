//! Acknowledgement by hand: the program says when, and with which reason.
//!
//! It may come before the message was finished, whose data is wanted until then: so a record knows
//! the reason that it is finished with.

use super::Client;
use super::incoming::{Acknowledged, flag, state};
use super::stored::AckToken;
use crate::log::Record;
use crate::packet::{PacketType, Version};
use crate::reason::ReasonCode;

/// That messages are acknowledged by [`Client::acknowledge`] alone.
#[derive(Clone, Copy, Debug)]
pub struct ManualAck {
    pub(super) finish: fn(&mut Client<'_>, Record),
}

impl ManualAck {
    /// All are.
    pub const ALL: Self = Self { finish: |client, record| client.finish_by_hand(record) };
}

/// The reason with which a held message was acknowledged.
fn early_reason(state: u8) -> Option<ReasonCode> {
    match state {
        state::ACKNOWLEDGED => Some(ReasonCode::SUCCESS),
        reason @ 0x10.. => Some(ReasonCode::from_u8(reason)),
        _ => None,
    }
}

impl Client<'_> {
    /// All are done with a message. It is over if it was acknowledged before; else that is awaited.
    fn finish_by_hand(&mut self, mut record: Record) {
        if let Some(early) = early_reason(self.early_state(&record)) {
            return self.finish_with(record, early);
        }
        self.incoming.held = self.incoming.held.saturating_sub(1);
        self.skip_rest(&record);
        record.state = state::FINISHED;
        self.incoming.log.drop_data(&mut record);
        self.note_room();
    }

    /// The state that an acknowledgement by hand has given to a message that is not finished.
    fn early_state(&self, record: &Record) -> u8 {
        match record.state {
            state::STREAM => self.incoming.log.data(record).first().copied().unwrap_or(0),
            state => state,
        }
    }

    fn set_early_state(&mut self, record: &mut Record, early: u8) {
        if record.state != state::STREAM {
            record.state = early;
            self.incoming.log.set(record);
        } else if let Some(place) = self.incoming.log.data_mut(record).first_mut() {
            *place = early;
        }
    }

    /// Acknowledges a message, as the setting `manual_ack` asks for. In 5.0 a `reason` of 0x80 or
    /// more refuses it.
    pub fn acknowledge(&mut self, token: AckToken, reason: ReasonCode) -> Acknowledged {
        let reason = self.fitting_reason(reason);
        let Some(mut record) = self.incoming.find(token) else { return Acknowledged::Stale };
        let done = match record.state {
            state::FINISHED => self.make_ready(record, reason),
            // Its data is still wanted: the acknowledgement leaves when it was finished.
            state::HELD | state::STREAM if self.config.manual_ack.is_some() && record.id != 0 => {
                let success = reason == ReasonCode::SUCCESS;
                let early = if success { state::ACKNOWLEDGED } else { reason.as_u8() };
                self.set_early_state(&mut record, early);
                let queued = record.has(flag::LINK);
                if queued { Acknowledged::Queued } else { Acknowledged::Stale }
            }
            _ => Acknowledged::Stale,
        };
        self.check_overrun();
        done
    }

    /// A reason that PUBACK and PUBREC may carry.
    fn fitting_reason(&self, reason: ReasonCode) -> ReasonCode {
        match self.config.version {
            Version::V311 => ReasonCode::SUCCESS, // Its PUBACK and PUBREC cannot refuse.
            Version::V5 if reason.is_listed_for(PacketType::PubAck) => reason,
            Version::V5 if reason.is_error() => ReasonCode::UNSPECIFIED_ERROR,
            Version::V5 => ReasonCode::SUCCESS,
        }
    }
}
