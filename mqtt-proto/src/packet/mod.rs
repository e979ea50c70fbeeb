//! The 15 control packets (chapter 3): borrowed, one type for both versions, judged when decoded.

mod connect;
mod publish;
mod reason;
mod subscribe;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::error::{DecodeError, EncodeError};
use crate::frame::Frame;
use crate::wire::{Reader, Writer, write_packet};

pub(crate) use crate::packet_type::WILL;
pub use crate::packet_type::{Carrier, PacketType, QoS, Version};
pub use connect::{ConnAck, Connect, Will};
pub use publish::{Ack, Delivery, Publish};
pub(crate) use publish::{DUP, Received};
pub use reason::{Auth, Disconnect};
pub use subscribe::{
    Filters, List, Request, RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions,
    Subscriptions, UnsubAck, Unsubscribe,
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
        let kind = frame.packet_type()?;
        let from = &mut Reader::new(frame.body);
        let packet = match kind {
            PacketType::Connect => Self::Connect(Connect::read(from)),
            PacketType::ConnAck => Self::ConnAck(ConnAck::read(from, version)),
            PacketType::Publish => Self::Publish(Publish::read(frame.first, from, version)),
            PacketType::PubAck => Self::PubAck(Ack::read(from, kind, version)),
            PacketType::PubRec => Self::PubRec(Ack::read(from, kind, version)),
            PacketType::PubRel => Self::PubRel(Ack::read(from, kind, version)),
            PacketType::PubComp => Self::PubComp(Ack::read(from, kind, version)),
            PacketType::Subscribe => Self::Subscribe(Subscribe::read(from, version)),
            PacketType::SubAck => Self::SubAck(SubAck::read(from, kind, version)),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::read(from, version)),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::read(from, kind, version)),
            PacketType::PingReq => Self::PingReq,
            PacketType::PingResp => Self::PingResp,
            PacketType::Disconnect => Self::Disconnect(Disconnect::read(from, kind, version)),
            PacketType::Auth => Self::Auth(Auth::read(from, kind, version)),
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
    pub fn encode(&self, version: Version, out: &mut Writer<'_>) -> Result<usize, EncodeError> {
        let first = match self {
            Self::Publish(publish) => publish.first_byte(),
            _ => self.packet_type().first_byte(),
        };
        write_packet(out, first, &|out| self.write(version, out))
    }

    /// Writes all behind the fixed header.
    fn write(&self, version: Version, out: &mut Writer<'_>) {
        match self {
            Self::Connect(packet) => packet.write(out),
            Self::ConnAck(packet) => packet.write(version, out),
            Self::Publish(packet) => packet.write(version, out),
            Self::PubAck(ack) | Self::PubRec(ack) | Self::PubRel(ack) | Self::PubComp(ack) => {
                ack.write(self.packet_type(), version, out);
            }
            Self::Subscribe(packet) => packet.write(version, out),
            Self::Unsubscribe(packet) => packet.write(version, out),
            Self::SubAck(ack) | Self::UnsubAck(ack) => ack.write(self.packet_type(), version, out),
            Self::PingReq | Self::PingResp => {}
            Self::Disconnect(packet) | Self::Auth(packet) => {
                packet.write(self.packet_type(), version, out);
            }
        }
    }

    /// Returns how many bytes the packet takes on the wire.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        self.encode(version, &mut Writer::counting())
    }

    /// Writes the packet to the front of `out` and returns its length.
    ///
    /// # Errors
    /// As [`encode`](Self::encode): [`EncodeError::NoRoom`] if `out` is too small.
    pub fn encode_to_slice(&self, version: Version, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.encode(version, &mut Writer::new(out))
    }

    /// Returns the whole packet.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[cfg(feature = "alloc")]
    pub fn encode_to_vec(&self, version: Version) -> Result<Vec<u8>, EncodeError> {
        let mut bytes = alloc::vec![0; self.encoded_len(version)?];
        self.encode_to_slice(version, &mut bytes)?;
        Ok(bytes)
    }
}
