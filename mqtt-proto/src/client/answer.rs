//! The server's answers: to PUBLISH and its kin, to SUBSCRIBE, UNSUBSCRIBE and PINGREQ.

use super::Client;
use super::error::{ConnectionError, Violation};
use super::event::{Answer, Event};
use super::input::{Verdict, check_method};
use super::link::{Phase, Ping};
use crate::packet::{Ack, Auth, Disconnect, PacketType, QoS, SubAck, UnsubAck, Version};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::session::outgoing::State;
use crate::wire::PacketId;

impl Client<'_> {
    pub(super) fn on_puback<'f>(&mut self, ack: Ack<'f>) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::PubAck, &ack.properties)?;
        let Some((index, state, qos)) = self.find(ack.id) else { return Ok(Verdict::Nothing) };
        match (state, qos) {
            (State::Sent | State::Interrupted, QoS::AtLeastOnce) => Ok(self.settle(index, &ack)),
            (State::Retired, _) => Ok(self.free_retired(index)),
            // The server cannot answer what was not sent on this connection.
            _ => Err(Violation::PacketId(PacketType::PubAck, ack.id).into()),
        }
    }

    pub(super) fn on_pubrec<'f>(&mut self, ack: Ack<'f>) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::PubRec, &ack.properties)?;
        let known = self.find(ack.id);
        match known {
            Some((index, State::Sent | State::Interrupted, QoS::ExactlyOnce))
                if ack.reason.is_error() =>
            {
                Ok(self.settle(index, &ack)) // [MQTT-4.4.0-2]
            }
            Some((index, State::Sent | State::Interrupted, QoS::ExactlyOnce)) => {
                self.session.outgoing.release(index);
                self.note_progress();
                Ok(Verdict::Nothing)
            }
            Some((index, State::Retired, _)) if ack.reason.is_error() => {
                Ok(self.free_retired(index))
            }
            // PUBREC again after PUBREL: PUBREL again, unless it has still to leave.
            Some((_, State::Released | State::Clearing | State::Retired, _)) => {
                if !ack.reason.is_error() {
                    self.reply(PacketType::PubRel, ack.id, ReasonCode::SUCCESS);
                }
                Ok(Verdict::Nothing)
            }
            None => {
                if !ack.reason.is_error() {
                    self.reply(PacketType::PubRel, ack.id, self.not_found());
                }
                Ok(Verdict::Nothing)
            }
            Some(_) => Err(Violation::PacketId(PacketType::PubRec, ack.id).into()),
        }
    }

    pub(super) fn on_pubcomp<'f>(&mut self, ack: Ack<'f>) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::PubComp, &ack.properties)?;
        let Some((index, state, _)) = self.find(ack.id) else { return Ok(Verdict::Nothing) };
        match state {
            State::Released => {
                // PUBCOMP 0x92 ends the flow too: the server let go of the message before.
                let reason = ReasonCode::SUCCESS;
                Ok(self.settle(index, &Ack { reason, ..ack }))
            }
            State::Clearing => {
                self.cleared(index);
                Ok(Verdict::Nothing)
            }
            State::Retired => Ok(self.free_retired(index)),
            _ => Err(Violation::PacketId(PacketType::PubComp, ack.id).into()),
        }
    }

    pub(super) fn on_pubrel<'f>(&mut self, ack: Ack<'f>) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::PubRel, &ack.properties)?;
        let known = self.session.incoming.release(ack.id);
        let reason = if known { ReasonCode::SUCCESS } else { self.not_found() };
        self.reply(PacketType::PubComp, ack.id, reason); // [MQTT-4.3.3-11]
        Ok(Verdict::Nothing)
    }

    pub(super) fn on_suback<'f>(
        &mut self,
        ack: SubAck<'f>,
    ) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::SubAck, &ack.properties)?;
        let Some((index, state, _)) = self.find(ack.id) else { return Ok(Verdict::Nothing) };
        match state {
            State::Subscribe(count) if usize::from(count) == ack.codes.len() => {
                let answer = self.answer(index, ack.codes, ack.properties);
                Ok(Verdict::Event(Event::Subscribed(answer)))
            }
            State::Subscribe(_) => Err(Violation::ReasonCodes(PacketType::SubAck).into()),
            _ => Err(Violation::PacketId(PacketType::SubAck, ack.id).into()),
        }
    }

    pub(super) fn on_unsuback<'f>(
        &mut self,
        ack: UnsubAck<'f>,
    ) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::UnsubAck, &ack.properties)?;
        let Some((index, state, _)) = self.find(ack.id) else { return Ok(Verdict::Nothing) };
        let v311 = self.config.version == Version::V311;
        match state {
            State::Unsubscribe(count) if v311 || usize::from(count) == ack.codes.len() => {
                let answer = self.answer(index, ack.codes, ack.properties);
                Ok(Verdict::Event(Event::Unsubscribed(answer)))
            }
            State::Unsubscribe(_) => Err(Violation::ReasonCodes(PacketType::UnsubAck).into()),
            _ => Err(Violation::PacketId(PacketType::UnsubAck, ack.id).into()),
        }
    }

    pub(super) fn on_pingresp<'f>(&mut self) -> Verdict<'f> {
        let Some(link) = &mut self.link else { return Verdict::Nothing };
        match link.timers.ping {
            Ping::None | Ping::Owed => Verdict::Nothing, // Unasked: ignored.
            Ping::Queued(_) | Ping::Sent(_) => {
                link.timers.ping = Ping::None;
                Verdict::Event(Event::Pong)
            }
        }
    }

    pub(super) fn on_disconnect<'f>(
        &mut self,
        disconnect: Disconnect<'f>,
    ) -> Result<Verdict<'f>, ConnectionError> {
        if self.config.version == Version::V311 {
            return Err(Violation::Unexpected(PacketType::Disconnect).into());
        }
        if disconnect.properties.session_expiry_interval().is_some() {
            return Err(Violation::SessionExpiry.into()); // [MQTT-3.14.2-2]
        }
        if let Some(link) = &mut self.link {
            link.phase = Phase::Closing;
        }
        Ok(Verdict::Event(Event::Disconnected(disconnect)))
    }

    pub(super) fn on_auth<'f>(&mut self, auth: Auth<'f>) -> Result<Verdict<'f>, ConnectionError> {
        self.check_problem_information(PacketType::Auth, &auth.properties)?;
        let Some(link) = &mut self.link else { return Ok(Verdict::Nothing) };
        let unexpected = || ConnectionError::from(Violation::Unexpected(PacketType::Auth));
        if !link.method.is_some() {
            return Err(unexpected()); // [MQTT-4.12.0-6]
        }
        check_method(&auth.properties, link.method)?;
        match auth.reason {
            ReasonCode::CONTINUE_AUTHENTICATION
                if link.re_authenticating || link.phase == Phase::Connecting => {}
            ReasonCode::SUCCESS if link.re_authenticating => link.re_authenticating = false,
            _ => return Err(unexpected()),
        }
        Ok(Verdict::Event(Event::Auth(auth)))
    }

    fn find(&self, id: PacketId) -> Option<(u16, State, QoS)> {
        let index = self.session.outgoing.table.find(id)?;
        let flight = self.session.outgoing.table.get(index)?;
        let state = match flight.state {
            // Its fate is about to be told: the caller is done with it, the server may not be.
            state if state.is_retired() => State::Retired,
            State::Ended { .. } => return None,
            state => state,
        };
        Some((index, state, flight.qos))
    }

    /// The last acknowledgement of a publish that was given up.
    fn free_retired<'f>(&mut self, index: u16) -> Verdict<'f> {
        let counted = self.session.outgoing.free_retired(index);
        if let Some(link) = &mut self.link {
            link.outstanding = link.outstanding.saturating_sub(u16::from(counted));
        }
        self.note_progress();
        Verdict::Nothing
    }

    /// The last acknowledgement of a publish: its slot and identifier are free again.
    #[inline]
    fn settle<'f>(&mut self, index: u16, ack: &Ack<'f>) -> Verdict<'f> {
        let Some(flight) = self.session.outgoing.remove(index) else { return Verdict::Nothing };
        if let Some(link) = &mut self.link {
            link.outstanding = link.outstanding.saturating_sub(u16::from(flight.counted));
        }
        self.note_progress();
        let (tag, reason, properties) = (flight.tag, ack.reason, ack.properties);
        Verdict::Event(Event::Published { tag, reason, properties })
    }

    fn answer<'f>(
        &mut self,
        index: u16,
        codes: &'f [u8],
        properties: Properties<'f>,
    ) -> Answer<'f> {
        let flight = self.session.outgoing.remove(index);
        self.note_progress();
        Answer { tag: flight.map_or_else(Default::default, |flight| flight.tag), codes, properties }
    }

    fn note_progress(&mut self) {
        if let Some(link) = &mut self.link {
            link.note_progress();
        }
        self.check_overrun();
    }

    /// An identifier that the standard calls not found; 3.1.1 has no word for it.
    fn not_found(&self) -> ReasonCode {
        match self.config.version {
            Version::V5 => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
            Version::V311 => ReasonCode::SUCCESS,
        }
    }

    /// [MQTT-3.1.2-29]
    fn check_problem_information(
        &self,
        kind: PacketType,
        properties: &Properties<'_>,
    ) -> Result<(), ConnectionError> {
        let declined = self.link.as_ref().is_some_and(|link| link.no_problem_information);
        let told = |properties: &Properties<'_>| {
            properties.reason_string().is_some() || properties.user_property().is_some()
        };
        if declined && told(properties) {
            Err(Violation::ProblemInformation(kind).into())
        } else {
            Ok(())
        }
    }
}
