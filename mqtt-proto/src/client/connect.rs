//! CONNECT and CONNACK (3.1, 3.2): how a connection begins, and what it makes of the session.

use super::Client;
use super::error::{ConnectionError, OperationError, Violation};
use super::event::{Connected, Event, Tell};
use super::link::{Link, Method, Phase};
use super::timers::Timer;
use crate::error::{DecodeError, EncodeError};
use crate::limits::Limits;
use crate::packet::{ConnAck, Connect, PacketType, Version};
use crate::time::Instant;
use crate::wire::{Body, MAX_REMAINING, Reader, Writer, packet_len, put_packet, remaining};

/// Something legal that is probably not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A kept session with an expiry of 0 is resumed, but ends with this connection.
    SessionExpiresAtOnce,
}

impl Client<'_> {
    /// The transport is open: sends CONNECT. The version is the client's; the limits that the
    /// client announces, and a session expiry if the session is to be kept, are added.
    ///
    /// # Errors
    /// [`OperationError`] says what to change; nothing is sent.
    pub fn connect(
        &mut self,
        connect: &Connect<'_>,
        now: Instant,
    ) -> Result<Option<Warning>, OperationError> {
        if self.link.phase != Phase::Down {
            return Err(OperationError::AlreadyConnected);
        }
        self.check_connect(connect)?;
        self.note_time(now);
        let expiry = connect.properties.number(SESSION_EXPIRY);
        let (receive_maximum, topic_alias_maximum) = self.announced();
        let own = Announced {
            version: self.config.version,
            session_expiry: expiry.or((!connect.clean_start).then_some(u32::MAX)),
            maximum_packet_size: self.announced_packet_size(),
            receive_maximum,
            topic_alias_maximum,
        };
        self.outbox.clear();
        // The limits of an earlier connection forbid nothing here.
        self.limits = Limits::default();
        self.link = Link::default();
        self.disconnect_details = None;
        self.encode(PacketType::Connect, u32::MAX, &|out| own.write(connect, out))?;
        let (now, link) = (self.ms(), &mut self.link);
        link.phase = Phase::Connecting;
        link.clean_start = connect.clean_start;
        (link.receive_maximum, link.topic_alias_maximum) = (receive_maximum, topic_alias_maximum);
        link.method = Method::new(connect.properties.bytes(METHOD));
        link.no_problem_information = connect.properties.number(PROBLEM_INFORMATION) == Some(0);
        link.session_ends = expiry.map_or(connect.clean_start, |seconds| seconds == 0);
        link.expiry_zero = link.session_ends;
        link.keep_alive = u32::from(connect.keep_alive).saturating_mul(1000);
        (link.last_sent, link.last_received) = (now, now);
        self.timers.arm(Timer::Connect, now, self.config.connect_timeout);
        let ends = !connect.clean_start && expiry == Some(0);
        Ok(ends.then_some(Warning::SessionExpiresAtOnce))
    }

    fn announced_packet_size(&self) -> u32 {
        let streamed = self.config.streams_in.map_or(0, super::StreamsIn::largest);
        self.config.maximum_packet_size.max(streamed)
    }

    /// Judges a CONNECT, so that nothing need be opened for one that cannot be sent.
    ///
    /// # Errors
    /// [`OperationError`] says what to change.
    pub fn check_connect(&self, connect: &Connect<'_>) -> Result<(), OperationError> {
        let version = self.config.version;
        // What the client announces of itself is not the program's to give.
        for property in connect.properties.raws() {
            match property.id {
                0x21 | 0x22 | 0x27 => return Err(EncodeError::RepeatedProperty(property.id).into()),
                METHOD if self.config.authentication.is_none() => {
                    return Err(OperationError::Authentication);
                }
                _ => {}
            }
        }
        let size = packet_len(remaining(&|out| connect.write_as(version, out))?);
        let room = self.outbox.limit();
        if size > room {
            return Err(OperationError::TooLarge { size, room });
        }
        let v311 = version == Version::V311;
        if v311 && connect.client_id.is_empty() && !connect.clean_start {
            return Err(OperationError::ClientIdMissing);
        }
        Ok(())
    }

    /// The Receive Maximum and the Topic Alias Maximum that the server is told.
    fn announced(&self) -> (u16, u16) {
        let longest = self.config.longest_topic().saturating_add(crate::log::HEADER);
        let bytes = self.aliases.get(0).map_or(0, |aliases| aliases.coming.limit());
        let by_memory = bytes.checked_div(longest).unwrap_or(0);
        let by_memory = u16::try_from(by_memory).unwrap_or(u16::MAX);
        (self.config.receive_maximum, self.config.topic_alias_maximum.min(by_memory))
    }

    /// CONNACK came.
    // Once a connection, and out of line: less stack on the way of every other packet.
    #[cold]
    #[inline(never)]
    pub(super) fn on_connack(
        &mut self,
        body: &[u8],
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        let mut said = Said::default();
        let ack = said.read(body, self.config.version)?;
        if self.link.phase != Phase::Connecting {
            return Err(Violation::Unexpected(PacketType::ConnAck).into());
        }
        if ack.reason.is_error() {
            self.link.phase = Phase::Closing;
            self.link.accepted = Some(false);
            tell(Event::Refused(ack));
            return Ok(());
        }
        self.check_method(said.method)?;
        if ack.session_present && self.link.clean_start {
            return Err(Violation::SessionPresent.into()); // [MQTT-3.2.2-2]
        }
        let unknown = ack.session_present && !self.exists;
        if unknown && !self.config.adopt_session && !self.begun {
            self.link.accepted = Some(false);
            return Err(ConnectionError::SessionUnknown); // [MQTT-3.2.2-4]
        }
        let unanswered = self.begun;
        self.come_up(&said);
        tell(Event::Connected(Connected {
            session_present: ack.session_present,
            adopted: unknown,
            unanswered,
            server_keep_alive: said.keep_alive,
            session_expiry: said.session_expiry,
            limits: &said.limits,
            properties: ack.properties,
        }));
        self.begin_session(ack.session_present, unknown, tell);
        Ok(())
    }

    fn come_up(&mut self, said: &Said) {
        let now = self.ms();
        self.link.phase = Phase::Connected;
        self.link.accepted = Some(true);
        self.limits = said.limits;
        if !self.v5() {
            self.limits.receive_maximum = self.config.send_window.max(1);
        }
        self.timers.stop(Timer::Connect);
        if let Some(seconds) = said.keep_alive {
            self.link.keep_alive = u32::from(seconds).saturating_mul(1000); // [MQTT-3.1.2-21]
        }
        if let Some(expiry) = said.session_expiry {
            self.link.session_ends = expiry == 0;
        }
        self.link.last_received = now;
        self.begin_keep_alive();
        (self.exists, self.begun) = (true, false);
    }

    /// Encodes a control packet into the outbox, if it is not larger than that.
    pub(super) fn encode(
        &mut self,
        kind: PacketType,
        maximum: u32,
        body: Body<'_>,
    ) -> Result<(), OperationError> {
        let remaining = remaining(body)?;
        let len = packet_len(remaining);
        if len > maximum as usize {
            return Err(crate::limits::Limit::MaximumPacketSize.into());
        }
        if self.link.stream_out.is_some() {
            return Err(OperationError::NoRoom);
        }
        if !self.outbox.has_room(len) {
            return Err(super::publish::no_room(len, self.outbox.limit()));
        }
        let room = self.outbox.append(len).ok_or(OperationError::NoRoom)?;
        put_packet(&mut Writer::new(room), kind.first_byte(), remaining, body);
        self.link.count(len);
        Ok(())
    }
}

/// What CONNACK said that counts here.
#[derive(Default)]
struct Said {
    limits: Limits,
    keep_alive: Option<u16>,
    session_expiry: Option<u32>,
    method: Method,
}

impl Said {
    fn read<'p>(&mut self, body: &'p [u8], version: Version) -> Result<ConnAck<'p>, DecodeError> {
        let mut from = Reader::new(body);
        let ack = ConnAck::read(&mut from, version);
        from.end()?;
        for property in ack.properties.raws() {
            match property.id {
                SESSION_EXPIRY => self.session_expiry = Some(property.number),
                0x13 => self.keep_alive = Some(property.number as u16),
                METHOD => self.method = Method::new(Some(property.bytes)),
                id => self.limits.set(id, property.number),
            }
        }
        Ok(ack)
    }
}

/// Identifiers of properties that count here.
pub(super) const SESSION_EXPIRY: u8 = 0x11;
pub(super) const METHOD: u8 = 0x15;
const PROBLEM_INFORMATION: u8 = 0x17;

/// What the client announces of itself in CONNECT.
struct Announced {
    version: Version,
    session_expiry: Option<u32>,
    maximum_packet_size: u32,
    receive_maximum: u16,
    topic_alias_maximum: u16,
}

impl Announced {
    /// Writes a CONNECT that announces it before the properties of the program.
    fn write(&self, connect: &Connect<'_>, out: &mut Writer<'_>) {
        connect.write_with(self.version, &|out| self.write_own(out), SESSION_EXPIRY, out);
    }

    fn write_own(&self, out: &mut Writer<'_>) {
        if let Some(seconds) = self.session_expiry {
            out.u8(SESSION_EXPIRY);
            out.u32(seconds);
        }
        if self.maximum_packet_size <= MAX_REMAINING {
            out.u8(0x27);
            out.u32(self.maximum_packet_size);
        }
        if self.receive_maximum != u16::MAX {
            out.u8(0x21);
            out.u16(self.receive_maximum);
        }
        if self.topic_alias_maximum != 0 {
            out.u8(0x22);
            out.u16(self.topic_alias_maximum);
        }
    }
}

impl Client<'_> {
    /// Every packet of an authentication names CONNECT's method [MQTT-4.12.0-5] [MQTT-4.12.0-6].
    pub(super) fn check_method(&self, method: Method) -> Result<(), ConnectionError> {
        if method == self.link.method {
            Ok(())
        } else {
            Err(Violation::AuthenticationMethod.into())
        }
    }
}
