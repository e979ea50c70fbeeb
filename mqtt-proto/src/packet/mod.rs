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
        let kind = PacketType::of(frame)?;
        let from = &mut Reader::new(frame.body);
        let packet = match kind {
            PacketType::Connect => Self::Connect(Connect::read(from)?),
            PacketType::ConnAck => Self::ConnAck(ConnAck::read(from, version)?),
            PacketType::Publish => return Publish::decode(frame, version).map(Self::Publish),
            PacketType::PubAck => Self::PubAck(Ack::read(from, kind, version)?),
            PacketType::PubRec => Self::PubRec(Ack::read(from, kind, version)?),
            PacketType::PubRel => Self::PubRel(Ack::read(from, kind, version)?),
            PacketType::PubComp => Self::PubComp(Ack::read(from, kind, version)?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::read(from, version)?),
            PacketType::SubAck => Self::SubAck(SubAck::read(from, version)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::read(from, version)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::read(from, version)?),
            PacketType::PingReq => Self::PingReq,
            PacketType::PingResp => Self::PingResp,
            PacketType::Disconnect => Self::Disconnect(Disconnect::read(from, version)?),
            PacketType::Auth => Self::Auth(Auth::read(from, version)?),
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
            Self::Connect(connect) => encode_framed(kind, out, &|out| connect.write(out)),
            Self::ConnAck(ack) => encode_framed(kind, out, &|out| ack.write(version, out)),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.encode(kind, version, out)
            }
            Self::Subscribe(packet) => encode_framed(kind, out, &|out| packet.write(version, out)),
            Self::SubAck(packet) => encode_framed(kind, out, &|out| packet.write(version, out)),
            Self::Unsubscribe(packet) => {
                encode_framed(kind, out, &|out| packet.write(version, out))
            }
            Self::UnsubAck(packet) => encode_framed(kind, out, &|out| packet.write(version, out)),
            Self::PingReq | Self::PingResp => encode_framed(kind, out, &|_| {}),
            Self::Disconnect(packet) => encode_framed(kind, out, &|out| packet.write(version, out)),
            Self::Auth(packet) => encode_framed(kind, out, &|out| packet.write(version, out)),
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

/// The body of a packet. It runs twice, to count and to write.
pub(crate) type Body<'b> = &'b dyn Fn(&mut dyn Sink);

/// Writes fixed header and body.
pub(crate) fn encode_framed(
    kind: PacketType,
    out: &mut dyn Sink,
    body: Body<'_>,
) -> Result<usize, EncodeError> {
    let remaining = remaining_len(body)?;
    let written = put_fixed_header(kind.first_byte(), remaining, out)?;
    body(out);
    Ok(written)
}

/// Bytes of a packet with that body.
pub(crate) fn framed_len(body: Body<'_>) -> Result<usize, EncodeError> {
    put_fixed_header(0, remaining_len(body)?, &mut Counter::default())
}

fn remaining_len(body: Body<'_>) -> Result<usize, EncodeError> {
    let mut counter = Counter::default();
    body(&mut counter);
    counter.result()
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
