//! What the server sends: each packet is judged against the state of the connection.

use super::Client;
use super::error::{ConnectionError, Violation};
use super::event::{Connected, Event, Received};
use super::link::{Method, Phase};
use crate::error::DecodeError;
use crate::frame::{FixedHeader, Frame};
use crate::limits::Limits;
use crate::packet::{
    Ack, Auth, ConnAck, Disconnect, PacketType, Publish, SubAck, UnsubAck, Version,
};
use crate::property::Properties;
use crate::session::resume::LostSession;
use crate::session::{Fate, NotSent};
use crate::time::Instant;
use crate::wire::Reader;

/// What [`Client::handle_bytes`] did.
#[derive(Debug)]
pub struct Handled<'c> {
    /// Bytes used off the front of the input. If it is 0 and there is no event, call again with
    /// more input behind the same bytes, or, if `blocked`, when something has been written.
    pub used: usize,
    /// Bytes of the packet at the front of the input, if it is known and not whole yet.
    pub needed: Option<usize>,
    /// The outbox and the replies are full: the server reads nothing. Write first.
    pub blocked: bool,
    /// What happened.
    pub event: Option<Event<'c>>,
}

impl<'c> Handled<'c> {
    pub(super) fn used(used: usize, event: Option<Event<'c>>) -> Self {
        Self { used, needed: None, blocked: false, event }
    }

    pub(super) fn incomplete(needed: Option<usize>) -> Self {
        Self { used: 0, needed, blocked: false, event: None }
    }
}

impl Client<'_> {
    /// Bytes came: uses at most one packet off their front.
    ///
    /// # Errors
    /// [`ConnectionError`] says why the connection has to end. The session is intact.
    #[inline]
    pub fn handle_bytes<'c>(
        &'c mut self,
        input: &'c [u8],
        now: Instant,
    ) -> Result<Handled<'c>, ConnectionError> {
        let Some(link) = self.link.as_mut().filter(|link| link.phase != Phase::Closing) else {
            return Ok(Handled::used(input.len(), None));
        };
        if input.len() > link.unread {
            link.timers.last_received = now;
            if link.unread | link.skip != 0 {
                link.timers.hold_pong(now);
            }
        }
        link.unread = input.len();
        if link.skip != 0 {
            let used = link.skip.min(input.len());
            link.skip = link.skip.saturating_sub(used);
            link.unread = input.len().saturating_sub(used);
            let piece = input.get(..used).filter(|_| link.stream_in.is_some() && used != 0);
            link.stream_in = link.stream_in.filter(|_| link.skip != 0);
            return Ok(Handled::used(used, piece.map(Event::Piece)));
        }
        let header = match FixedHeader::read(input) {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(Handled::incomplete(None)),
            Err(error) => return Err(self.fail(error.into())),
        };
        if header.packet_len() > self.config.maximum_packet_size as usize {
            return self.handle_too_large(header, input, now);
        }
        let Some(frame) = header.frame(input) else {
            return Ok(Handled::incomplete(Some(header.packet_len())));
        };
        if self.is_blocked() {
            return Ok(Handled { used: 0, needed: None, blocked: true, event: None });
        }
        if let Some(link) = &mut self.link {
            link.unread = input.len().saturating_sub(header.packet_len());
        }
        let event = self.handle_frame(frame, now)?;
        Ok(Handled::used(header.packet_len(), event))
    }

    /// One whole packet came, and there is room for a reply.
    #[inline]
    fn handle_frame<'c>(
        &'c mut self,
        frame: Frame<'c>,
        now: Instant,
    ) -> Result<Option<Event<'c>>, ConnectionError> {
        // The borrow of a result cannot end early, so the error is dealt with by its value.
        match self.judge_frame(frame, now) {
            Ok(verdict) => Ok(self.event(verdict)),
            Err(error) => Err(self.fail(error)),
        }
    }

    pub(super) fn is_blocked(&mut self) -> bool {
        let full = |client: &Self| client.link.as_ref().is_some_and(|link| link.replies.is_full());
        if full(self) {
            self.fill_replies();
        }
        full(self)
    }

    #[inline]
    fn judge_frame<'f>(
        &mut self,
        frame: Frame<'f>,
        now: Instant,
    ) -> Result<Verdict<'f>, ConnectionError> {
        let version = self.config.version;
        let connected = self.is_connected();
        if frame.first >> 4 == PacketType::Publish as u8 && connected {
            return self.on_publish(Publish::decode(frame, version)?, frame.body.len(), now);
        }
        if let Some((kind, ack)) = Ack::shortest(frame).filter(|_| connected) {
            return self.on_ack(kind, ack);
        }
        if frame.first == PacketType::ConnAck.first_byte() && !connected {
            return self.on_connack(frame, now);
        }
        self.judge_other(frame)
    }

    /// What is neither a message nor the short form of an acknowledgement. Out of line: the way of
    /// those is longer on the stack, and this one takes more of it.
    #[inline(never)]
    fn judge_other<'f>(&mut self, frame: Frame<'f>) -> Result<Verdict<'f>, ConnectionError> {
        let version = self.config.version;
        let connected = self.is_connected();
        // Only what servers send is read: a client links no code for the other packets.
        let kind = PacketType::of(frame)?;
        let unexpected = Violation::Unexpected(kind); // [MQTT-3.2.0-1]
        let expected = if connected { Ok(()) } else { Err(unexpected) };
        match kind {
            PacketType::ConnAck => {
                whole(frame, |from| ConnAck::read(from, version))?;
                Err(unexpected.into())
            }
            PacketType::Auth => self.on_auth(whole(frame, |from| Auth::read(from, version))?),
            PacketType::Publish => {
                Publish::decode(frame, version)?;
                Err(unexpected.into())
            }
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                let ack = whole(frame, |from| Ack::read(from, kind, version))?;
                expected?;
                self.on_ack(kind, ack)
            }
            PacketType::SubAck => {
                let ack = whole(frame, |from| SubAck::read(from, version))?;
                expected?;
                self.on_suback(ack)
            }
            PacketType::UnsubAck => {
                let ack = whole(frame, |from| UnsubAck::read(from, version))?;
                expected?;
                self.on_unsuback(ack)
            }
            PacketType::PingResp => {
                whole(frame, |_| Ok(()))?;
                expected?;
                Ok(self.on_pingresp())
            }
            PacketType::Disconnect => {
                let disconnect = whole(frame, |from| Disconnect::read(from, version))?;
                expected?;
                self.on_disconnect(disconnect)
            }
            _ => Err(unexpected.into()),
        }
    }

    #[inline]
    fn on_ack<'f>(
        &mut self,
        kind: PacketType,
        ack: Ack<'f>,
    ) -> Result<Verdict<'f>, ConnectionError> {
        match kind {
            PacketType::PubAck => self.on_puback(ack),
            PacketType::PubRec => self.on_pubrec(ack),
            PacketType::PubRel => self.on_pubrel(ack),
            _ => self.on_pubcomp(ack),
        }
    }

    /// Turns a verdict, which borrows the input alone, into an event, which may borrow a topic.
    #[inline]
    fn event<'c>(&'c self, verdict: Verdict<'c>) -> Option<Event<'c>> {
        match verdict {
            Verdict::Nothing => None,
            Verdict::Event(event) => Some(event),
            Verdict::Aliased(alias, mut received) => {
                received.publish.topic = self.aliases_in.get(alias)?;
                Some(Event::Message(received))
            }
        }
    }

    // Once a connection, and out of line: less stack on the way of every other packet.
    #[inline(never)]
    fn on_connack<'f>(
        &mut self,
        frame: Frame<'f>,
        now: Instant,
    ) -> Result<Verdict<'f>, ConnectionError> {
        let ack = whole(frame, |from| ConnAck::read(from, self.config.version))?;
        let Some(link) = self.link.as_mut() else { return Ok(Verdict::Nothing) };
        if ack.reason.is_error() {
            link.phase = Phase::Closing;
            link.accepted = Some(false);
            return Ok(Verdict::Event(Event::Refused(ack)));
        }
        check_method(&ack.properties, link.method)?;
        if ack.session_present && link.clean_start {
            return Err(Violation::SessionPresent.into());
        }
        let adopt = self.config.adopt_session.unwrap_or(self.config.version == Version::V311);
        let unknown = ack.session_present && !self.session.exists;
        if unknown && !adopt && !self.session.begun {
            link.accepted = Some(false);
            return Err(ConnectionError::SessionUnknown); // [MQTT-3.2.2-4]
        }
        link.phase = Phase::Connected;
        link.accepted = Some(true);
        self.limits = Limits::new(&ack.properties);
        if self.config.version == Version::V311 {
            self.limits.receive_maximum = self.config.send_window.max(1);
        }
        link.timers.connect = None;
        let keep_alive = u16::try_from(link.timers.keep_alive.checked_div(1000).unwrap_or(0));
        let keep_alive = ack.properties.server_keep_alive().unwrap_or(keep_alive.unwrap_or(0));
        link.timers.set_keep_alive(keep_alive, self.config.ping_interval); // [MQTT-3.1.2-21]
        link.timers.last_received = now;
        if let Some(expiry) = ack.properties.session_expiry_interval() {
            link.session_ends = expiry == 0;
        }
        (self.session.exists, self.session.begun) = (true, false);
        self.begin_session(ack.session_present, unknown);
        let (session_present, properties) = (ack.session_present, ack.properties);
        let connected = Connected { session_present, adopted: unknown, properties };
        Ok(Verdict::Event(Event::Connected(connected)))
    }

    /// Brings the session in line with the server's, and its messages with the server's limits.
    fn begin_session(&mut self, present: bool, adopted: bool) {
        let outgoing = &mut self.session.outgoing;
        self.session.adopted = present && (self.session.adopted || adopted);
        if !present || adopted {
            // [MQTT-3.2.2-5]; and what is adopted is declared empty.
            self.session.incoming.lose_session();
            outgoing.lose_session(LostSession {
                republish_qos1: self.config.republish,
                republish_qos2: self.config.republish_exactly_once,
            });
        }
        let mut released: u16 = 0;
        let mut next = outgoing.released.head();
        while let Some(index) = next {
            next = outgoing.table.next(index);
            released = released.saturating_add(1);
            if let Some(flight) = outgoing.table.get_mut(index) {
                flight.counted = true;
            }
        }
        let interrupted = outgoing.count_interrupted();
        if let Some(link) = &mut self.link {
            link.outstanding = released.saturating_add(interrupted);
        }
        self.judge_waiting();
    }

    /// Ends waiting messages that the server does not allow.
    fn judge_waiting(&mut self) {
        let Some(limits) = self.limits().copied() else { return };
        let outgoing = &mut self.session.outgoing;
        let mut next = outgoing.waiting.head();
        while let Some(index) = next {
            next = outgoing.table.next(index);
            let Some(flight) = outgoing.table.get(index) else { continue };
            let first = outgoing.read(flight).next().and_then(|bytes| bytes.first());
            let retain = first.is_some_and(|first| first & 1 != 0);
            let shared = flight.payload.as_ref().map_or(0, |payload| payload.as_slice().len());
            let size = flight.chain.len().saturating_add(shared);
            let Err(limit) = limits.check_publish(flight.qos, retain, size) else { continue };
            if flight.sent_before {
                outgoing.end_and_retire(index, Fate::Unknown { received: false });
            } else {
                outgoing.end(index, Fate::NeverSent(NotSent::Forbidden(limit)));
            }
        }
    }
}

/// Reads a packet to its end.
#[inline]
fn whole<'f, T>(
    frame: Frame<'f>,
    read: impl FnOnce(&mut Reader<'f>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let from = &mut Reader::new(frame.body);
    let packet = read(from)?;
    from.end()?;
    Ok(packet)
}

/// [MQTT-4.12.0-5] [MQTT-4.12.0-6]
pub(super) fn check_method(
    properties: &Properties<'_>,
    method: Method,
) -> Result<(), ConnectionError> {
    let same = Method::new(properties.authentication_method()) == method;
    if same { Ok(()) } else { Err(Violation::AuthenticationMethod.into()) }
}

/// What a packet amounts to, before the topic of an alias is looked up.
pub(super) enum Verdict<'f> {
    Nothing,
    Event(Event<'f>),
    Aliased(u16, Received<'f>),
}
