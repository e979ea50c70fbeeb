//! The 15 control packets (chapter 3): borrowed, one type for both versions, judged when decoded.

mod connect;
mod disconnect;
mod publish;
mod subscribe;

use crate::error::{DecodeError, EncodeError};
use crate::frame::Frame;
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::wire::{Counter, MAX_REMAINING, Reader, Sink, SliceSink, put_varint};

pub(crate) use crate::packet_type::WILL;
pub use crate::packet_type::{PacketType, QoS, Version};
pub use connect::{ConnAck, Connect, Will};
pub use disconnect::{Auth, Disconnect};
pub use publish::{Ack, Delivery, Publish};
pub(crate) use publish::{DUP, Measure};
pub use subscribe::{
    Filters, RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions, Subscriptions,
    UnsubAck, Unsubscribe,
};

/// A control packet of either version, borrowed from the bytes or from the caller.
///
/// What comes out of [`decode`](Self::decode) obeys every rule that one packet alone can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each variant is documented at its type.
pub enum Packet<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Reads one whole packet. The version of a CONNECT is its own; `version` is that of the
    /// connection.
    ///
    /// # Errors
    /// [`DecodeError`] names the rule that the bytes break.
    pub fn decode(frame: Frame<'a>, version: Version) -> Result<Self, DecodeError> {
        let kind = judge_first_byte(frame)?;
        let from = &mut Reader::new(frame.body);
        let packet = match kind {
            PacketType::Connect => Self::Connect(Connect::read(from)?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::read(from, version)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::read(from, version)?),
            _ => return Self::decode_from_server(frame, version),
        };
        from.end()?;
        Ok(packet)
    }

    /// Reads a packet of a server's. Of one that only clients send it tells no more than its type:
    /// a client need not know how it is read.
    pub(crate) fn decode_from_server(
        frame: Frame<'a>,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let kind = judge_first_byte(frame)?;
        let from = &mut Reader::new(frame.body);
        let packet = match kind {
            PacketType::ConnAck => Self::ConnAck(ConnAck::read(from, version)?),
            PacketType::Publish => return Publish::decode(frame, version).map(Self::Publish),
            PacketType::PubAck => Self::PubAck(Ack::read(from, kind, version)?),
            PacketType::PubRec => Self::PubRec(Ack::read(from, kind, version)?),
            PacketType::PubRel => Self::PubRel(Ack::read(from, kind, version)?),
            PacketType::PubComp => Self::PubComp(Ack::read(from, kind, version)?),
            PacketType::SubAck => Self::SubAck(SubAck::read(from, version)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::read(from, version)?),
            PacketType::PingReq => Self::PingReq,
            PacketType::PingResp => Self::PingResp,
            PacketType::Disconnect => Self::Disconnect(Disconnect::read(from, version)?),
            PacketType::Auth => Self::Auth(Auth::read(from, version)?),
            PacketType::Connect | PacketType::Subscribe | PacketType::Unsubscribe => {
                return Err(DecodeError::PacketType);
            }
        };
        from.end()?;
        Ok(packet)
    }

    /// The packet's type.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::PubAck(_) => PacketType::PubAck,
            Self::PubRec(_) => PacketType::PubRec,
            Self::PubRel(_) => PacketType::PubRel,
            Self::PubComp(_) => PacketType::PubComp,
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }

    /// Writes the whole packet and returns its length. A CONNECT is written in its own version.
    ///
    /// # Errors
    /// [`EncodeError`] says what to change; then nothing was written.
    pub fn encode(&self, version: Version, out: &mut dyn Sink) -> Result<usize, EncodeError> {
        let kind = self.packet_type();
        match self {
            Self::Publish(publish) => publish.encode(version, out),
            Self::Connect(packet) => packet.encode_body(version, out),
            Self::ConnAck(packet) => packet.encode_body(version, out),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(kind, version, out)
            }
            Self::Subscribe(packet) => packet.encode_body(version, out),
            Self::SubAck(packet) => packet.encode_body(version, out),
            Self::Unsubscribe(packet) => packet.encode_body(version, out),
            Self::UnsubAck(packet) => packet.encode_body(version, out),
            Self::PingReq | Self::PingResp => encode_framed(kind, out, &|_| {}),
            Self::Disconnect(packet) => packet.encode_body(version, out),
            Self::Auth(packet) => packet.encode_body(version, out),
        }
    }

    /// Bytes that the packet takes on the wire.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        self.encode(version, &mut Counter::default())
    }

    /// Writes the packet to the front of `out` and returns its length.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and [`EncodeError::NoRoom`]; then `out` holds no whole packet.
    pub fn encode_to_slice(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        let room = out.len();
        let needed = self.encode(version, &mut SliceSink::new(out))?;
        if needed > room { Err(EncodeError::NoRoom { needed }) } else { Ok(needed) }
    }
}

/// A packet with a fixed header that only its type decides, for one encoding function: of those
/// that a program does not send, nothing is linked.
pub(crate) trait Body {
    fn kind(&self) -> PacketType;

    /// Writes what follows the fixed header.
    fn write(&self, version: Version, out: &mut dyn Sink);

    fn encode_body(&self, version: Version, out: &mut dyn Sink) -> Result<usize, EncodeError>
    where
        Self: Sized,
    {
        encode(self, version, out)
    }
}

/// Writes the whole packet and returns its length.
pub(crate) fn encode(
    packet: &dyn Body,
    version: Version,
    out: &mut dyn Sink,
) -> Result<usize, EncodeError> {
    encode_framed(packet.kind(), out, &|out| packet.write(version, out))
}

/// Bytes that the packet takes on the wire.
pub(crate) fn encoded_len(packet: &dyn Body, version: Version) -> Result<usize, EncodeError> {
    encode(packet, version, &mut Counter::default())
}

macro_rules! bodies {
    ($($packet:ident)+) => {$(
        impl Body for $packet<'_> {
            fn kind(&self) -> PacketType {
                PacketType::$packet
            }

            fn write(&self, version: Version, out: &mut dyn Sink) {
                self.write_body(version, out);
            }
        }
    )+};
}

bodies! { Connect ConnAck Subscribe SubAck Unsubscribe UnsubAck Disconnect Auth }

/// The type of a packet, whose flags are what they have to be (2.1.3).
fn judge_first_byte(frame: Frame<'_>) -> Result<PacketType, DecodeError> {
    let kind = PacketType::from_first_byte(frame.first).ok_or(DecodeError::PacketType)?;
    if kind != PacketType::Publish && frame.first != kind.first_byte() {
        return Err(DecodeError::Flags(kind));
    }
    Ok(kind)
}

/// Writes fixed header and body; `body` runs twice, to count and to write.
fn encode_framed(
    kind: PacketType,
    out: &mut dyn Sink,
    body: &dyn Fn(&mut dyn Sink),
) -> Result<usize, EncodeError> {
    let mut counter = Counter::default();
    body(&mut counter);
    let len = counter.result()?;
    let written = put_fixed_header(kind.first_byte(), len, out)?;
    body(out);
    Ok(written)
}

/// Writes a fixed header and returns the length of the whole packet.
#[inline]
fn put_fixed_header(
    first: u8,
    remaining: usize,
    out: &mut (impl Sink + ?Sized),
) -> Result<usize, EncodeError> {
    let Some(len) = u32::try_from(remaining).ok().filter(|len| *len <= MAX_REMAINING) else {
        return Err(EncodeError::PacketTooLarge);
    };
    out.put(&[first]);
    put_varint(out, len);
    Ok(remaining.saturating_add(1).saturating_add(crate::wire::varint_len(len)))
}

/// Writes a reason code that `kind` may carry.
fn put_code(kind: PacketType, reason: ReasonCode, out: &mut dyn Sink) {
    if !reason.is_listed_for(kind) {
        out.fault(EncodeError::ReasonCode(kind, reason.as_u8()));
    }
    out.put(&[reason.as_u8()]);
}

/// Writes a property section: 5.0 only.
fn put_properties(version: Version, place: u16, properties: &Properties<'_>, out: &mut dyn Sink) {
    match version {
        Version::V5 => {
            if let Err(fault) = properties.check_place(place) {
                out.fault(fault);
            }
            properties.write(out);
        }
        Version::V311 if !properties.is_empty() => out.fault(EncodeError::PropertiesNeedV5),
        Version::V311 => {}
    }
}

/// Reads a property section: 5.0 only.
fn read_properties<'a>(
    from: &mut Reader<'a>,
    version: Version,
    place: u16,
) -> Result<Properties<'a>, DecodeError> {
    match version {
        Version::V5 => Properties::read(from, place),
        Version::V311 => Ok(Properties::NONE),
    }
}
