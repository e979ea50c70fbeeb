//! What the server sends: packet by packet, judged against the state of the connection.

use super::Client;
use super::connect::SESSION_EXPIRY;
use super::error::{ConnectionError, Violation};
use super::event::{Event, Tell};
use super::link::{Phase, Ping};
use super::ring::Ring;
use super::stream_in::StreamsIn;
use super::timers::{Timer, is_past};
use crate::error::DecodeError;
use crate::frame::{FixedHeader, Frame};
use crate::packet::{Disconnect, PacketType, Received};
use crate::payload::Shared;
use crate::reason::ReasonCode;
use crate::time::Instant;
use crate::topic::TopicName;
use crate::wire::Reader;

/// Bytes that came.
#[derive(Clone, Copy, Debug)]
pub struct Input<'i> {
    bytes: &'i [u8],
    shared: Option<Lender<'i>>,
}

#[cfg(feature = "bytes")]
type Lender<'i> = &'i bytes::Bytes;
#[cfg(not(feature = "bytes"))]
type Lender<'i> = &'i core::convert::Infallible;

impl<'i> Input<'i> {
    /// Bytes that are copied, if they have to be kept.
    #[must_use]
    pub const fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, shared: None }
    }

    /// Bytes of which large messages are kept by reference.
    #[cfg(feature = "bytes")]
    #[must_use]
    pub fn shared(bytes: &'i bytes::Bytes) -> Self {
        Self { bytes, shared: Some(bytes) }
    }

    /// A packet among them, held by reference if it is worth that.
    #[inline]
    pub(super) fn share(&self, packet: &[u8]) -> Option<Shared> {
        self.shared.and_then(|lender| share(lender, packet))
    }
}

impl<'i> From<&'i [u8]> for Input<'i> {
    fn from(bytes: &'i [u8]) -> Self {
        Self::new(bytes)
    }
}

/// From here on a reference pins less than a copy costs.
#[cfg(feature = "bytes")]
const LARGE: usize = 4096;

#[cfg(feature = "bytes")]
#[inline]
fn share(lender: Lender<'_>, packet: &[u8]) -> Option<Shared> {
    (packet.len() >= LARGE).then(|| Shared(lender.slice_ref(packet)))
}

#[cfg(not(feature = "bytes"))]
fn share(lender: Lender<'_>, _packet: &[u8]) -> Option<Shared> {
    match *lender {}
}

/// What [`Client::handle_bytes`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// Bytes used off the front of the input. What follows them is to be given again, with more
    /// behind it, or after what `stop` says.
    pub used: usize,
    /// Bytes of the packet at the front of what was not used, if it is known and not whole yet.
    pub needed: Option<usize>,
    /// Why it stopped in front of a whole packet.
    pub stop: Option<Stop>,
    /// At least one message was stored.
    pub messages: bool,
}

impl Handled {
    /// It has to wait: nothing is used.
    fn wait(&mut self, stop: Stop) -> usize {
        self.stop = Some(stop);
        0
    }
}

/// Why reading has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Something has to be written first: a reply would find no room.
    Write,
    /// There is no room for a message: some have to be taken first, unless a reply of the server is
    /// awaited from now on. See [`Client::is_full`].
    Take,
}

impl Client<'_> {
    /// Bytes came: deals with all whole packets at their front.
    ///
    /// # Errors
    /// [`ConnectionError`] says why the connection has to end. The session is intact, and the
    /// messages in front of the fault came all the same.
    pub fn handle_bytes(
        &mut self,
        input: Input<'_>,
        now: Instant,
        tell: Tell<'_>,
    ) -> Result<Handled, ConnectionError> {
        self.note_time(now);
        self.note_received(input.bytes.len());
        let mut handled = Handled::default();
        if matches!(self.link.end, Some(ConnectionError::StreamNotTaken)) {
            // What lies behind the message that comes again does so, too: in order.
            handled.used = input.bytes.len();
            return Ok(handled);
        }
        let received = self.counts.received;
        while let Some(rest @ [_, ..]) = input.bytes.get(handled.used..) {
            match self.handle_packet(rest, input, &mut handled, tell) {
                Ok(0) => break,
                Ok(used) => handled.used = handled.used.wrapping_add(used),
                Err(error) => return Err(self.fail(error)),
            }
        }
        handled.messages = self.counts.received != received;
        self.link.unread = input.bytes.len().saturating_sub(handled.used);
        self.note_stop(handled.stop == Some(Stop::Take));
        Ok(handled)
    }

    /// Any byte received is a sign of life.
    #[inline]
    fn note_received(&mut self, len: usize) {
        if len > self.link.unread {
            self.link.last_received = self.ms();
            if let Ping::Sent { heard } = &mut self.link.ping {
                *heard = true;
            }
        }
    }

    /// While nothing is read, nothing is awaited of the server.
    fn note_stop(&mut self, full: bool) {
        let now = self.ms();
        if full {
            self.link.is_full = true;
            self.link.is_paused = true;
            self.timers.hold(now);
        } else if core::mem::take(&mut self.link.is_paused) {
            self.link.is_full = false;
            let time = self.timers.go_on(now);
            let moved = self.link.last_received.wrapping_add(time);
            // It may have been moved already: by what came after the pause.
            self.link.last_received = if is_past(moved, now) { moved } else { now };
        }
    }

    /// Uses at most one packet off the front. Returns how many bytes; none if it has to wait, for
    /// what `handled` says.
    #[inline]
    fn handle_packet(
        &mut self,
        rest: &[u8],
        input: Input<'_>,
        handled: &mut Handled,
        tell: Tell<'_>,
    ) -> Result<usize, ConnectionError> {
        if self.link.phase != Phase::Connected {
            if self.link.phase != Phase::Connecting {
                return Ok(rest.len());
            }
            if let Some(others) = self.config.other_protocols {
                (others.judge)(rest)?;
            }
        }
        if self.link.skip != 0 {
            return Ok(self.handle_rest(rest, handled, tell));
        }
        // The plainest packet first: a PUBACK that says no more than that.
        if let [0x40, 2, high, low, ..] = *rest
            && (high | low) != 0
            && self.is_connected()
        {
            let id = u16::from_be_bytes([high, low]);
            self.on_reply(PacketType::PubAck, id, ReasonCode::SUCCESS, tell)?;
            return Ok(4);
        }
        let Some(header) = FixedHeader::read(rest)? else { return Ok(0) };
        let size = header.packet_len();
        let is_large = size > self.config.maximum_packet_size as usize;
        if is_large && !self.takes_parts_of(header) {
            return Err(ConnectionError::TooLarge { size });
        }
        if !is_large && rest.len() < size {
            handled.needed = Some(size);
            return Ok(0);
        }
        let packet = rest.get(..size).unwrap_or(rest);
        let body = packet.get(header.len..).unwrap_or_default();
        if header.first >> 4 == PacketType::Publish as u8 {
            let mut from = Reader::new(body);
            let received = Received::read(header.first, &mut from, self.config.version);
            return match from.check() {
                Err(DecodeError::Truncated) if is_large => self.await_head(packet, size),
                Err(error) => Err(error.into()),
                Ok(()) if is_large => self.on_large(received, packet, size, handled, tell),
                Ok(()) if self.on_publish(&received, packet, input, tell)? => Ok(size),
                Ok(()) => Ok(handled.wait(Stop::Take)),
            };
        }
        // PUBREC and PUBREL may have to be answered.
        if matches!(header.first, 0x50 | 0x62) && !self.has_reply_room() {
            return Ok(handled.wait(Stop::Write));
        }
        self.handle_control(Frame { first: header.first, body }, tell)?;
        Ok(size)
    }

    /// A packet that is no message.
    #[inline(never)] // It is kept away from what messages need.
    fn handle_control(&mut self, frame: Frame<'_>, tell: Tell<'_>) -> Result<(), ConnectionError> {
        let kind = frame.packet_type()?;
        match kind {
            PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp => {
                self.on_ack(kind, frame.body, tell)
            }
            PacketType::SubAck | PacketType::UnsubAck => self.on_answer(kind, frame.body, tell),
            PacketType::ConnAck => self.on_connack(frame.body, tell),
            PacketType::PingResp => self.on_pingresp(frame.body, tell),
            PacketType::Disconnect => self.on_disconnect(frame.body, tell),
            PacketType::Auth => self.handle_auth(frame.body, tell),
            _ => Err(Violation::Unexpected(kind).into()),
        }
    }

    fn on_pingresp(&mut self, body: &[u8], tell: Tell<'_>) -> Result<(), ConnectionError> {
        Reader::new(body).end()?;
        if !self.is_connected() {
            return Err(Violation::Unexpected(PacketType::PingResp).into());
        }
        if matches!(self.link.ping, Ping::Queued(_) | Ping::Sent { .. }) {
            self.link.ping = Ping::None;
            self.timers.stop(Timer::Pong);
            self.begin_keep_alive();
            self.check_overrun();
            tell(Event::Pong);
        }
        Ok(()) // Unasked it is ignored.
    }

    #[cold]
    #[inline(never)]
    fn on_disconnect(&mut self, body: &[u8], tell: Tell<'_>) -> Result<(), ConnectionError> {
        let mut from = Reader::new(body);
        let disconnect = Disconnect::read(&mut from, PacketType::Disconnect, self.config.version);
        from.end()?;
        if !self.v5() || !self.is_connected() {
            return Err(Violation::Unexpected(PacketType::Disconnect).into());
        }
        if disconnect.properties.raw(SESSION_EXPIRY).is_some() {
            return Err(Violation::SessionExpiry.into()); // [MQTT-3.14.2-2]
        }
        self.link.phase = Phase::Closing;
        tell(Event::Disconnected(disconnect));
        Ok(())
    }

    /// The rest of a payload that is skipped, or streamed.
    #[cold]
    #[inline(never)]
    fn handle_rest(&mut self, rest: &[u8], handled: &mut Handled, tell: Tell<'_>) -> usize {
        let most = self.link.skip as usize;
        let piece = rest.get(..most).unwrap_or(rest);
        let used = match (self.link.stream_in, self.config.streams_in) {
            (Some(_), Some(streams)) => (streams.hook.push_piece)(self, piece, tell),
            _ => piece.len(),
        };
        self.link.skip = self.link.skip.saturating_sub(used as u32);
        if used == 0 { handled.wait(Stop::Take) } else { used }
    }

    /// Whether a packet larger than we take at once is dealt with all the same: a message may come
    /// piece by piece, and 3.1.1 cannot tell the server what is too large, so there it is skipped.
    fn takes_parts_of(&self, header: FixedHeader) -> bool {
        header.first >> 4 == PacketType::Publish as u8
            && self.is_connected()
            && (self.skips_large() || self.streams(header.packet_len()).is_some())
    }

    fn skips_large(&self) -> bool {
        !self.v5() && !self.config.close_if_too_large
    }

    /// How messages of that size come piece by piece, if they do.
    fn streams(&self, size: usize) -> Option<StreamsIn> {
        self.config.streams_in.filter(|streams| size <= streams.largest() as usize)
    }

    /// Not even what stands before the payload of a large message is all there.
    fn await_head(&self, packet: &[u8], size: usize) -> Result<usize, ConnectionError> {
        let more = packet.len() < self.config.maximum_packet_size as usize;
        if more { Ok(0) } else { Err(ConnectionError::TooLarge { size }) }
    }

    /// The front of a message larger than we take at once came. What stands before its payload is
    /// used.
    #[cold]
    #[inline(never)]
    fn on_large(
        &mut self,
        received: Received<'_>,
        packet: &[u8],
        size: usize,
        handled: &mut Handled,
        tell: Tell<'_>,
    ) -> Result<usize, ConnectionError> {
        let room = self.config.maximum_packet_size as usize;
        let head = packet.len().saturating_sub(received.payload.len());
        let payload = size.saturating_sub(head);
        let least = head.wrapping_add(Ring::LEAST);
        match self.streams(size).filter(|_| least <= room) {
            Some(streams) => {
                if !(streams.hook.begin)(self, &received, packet, payload)? {
                    return Ok(handled.wait(Stop::Take));
                }
            }
            None if self.skips_large() => {
                self.skip_message(&received)?;
                let topic = TopicName::judged(received.topic);
                tell(Event::TooLarge { topic, size, room });
            }
            None => return Err(ConnectionError::TooLarge { size }),
        }
        self.link.skip = payload as u32; // Below 2²⁸.
        Ok(head)
    }
}
