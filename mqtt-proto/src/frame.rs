//! From bytes to whole frames: the fixed header (2.1).

use crate::error::DecodeError;
use crate::packet_type::PacketType;
use crate::wire::Reader;

/// One whole MQTT control packet: the first byte and everything after the Remaining Length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Packet type and flags.
    pub first: u8,
    /// Variable header and payload.
    pub body: &'a [u8],
}

/// The fixed header of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedHeader {
    /// Packet type and flags.
    pub first: u8,
    /// Bytes of this header, 2 to 5.
    pub len: usize,
    /// The Remaining Length: bytes that follow this header.
    pub remaining: usize,
}

impl FixedHeader {
    /// Reads a fixed header; `None` if `bytes` end before it does.
    ///
    /// # Errors
    /// [`DecodeError::VariableByteInteger`] for a malformed Remaining Length.
    #[inline]
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        if let [first, remaining @ 0..=0x7f, ..] = *bytes {
            return Ok(Some(Self { first, len: 2, remaining: usize::from(remaining) }));
        }
        Self::read_any(bytes)
    }

    /// The same, however many bytes the Remaining Length has.
    fn read_any(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut from = Reader::new(bytes);
        let (first, remaining) = (from.u8(), from.varint() as usize);
        let len = bytes.len().saturating_sub(from.rest().len());
        match from.check() {
            Err(DecodeError::Truncated) => Ok(None),
            checked => checked.map(|()| Some(Self { first, len, remaining })),
        }
    }

    /// Bytes of the whole packet.
    #[must_use]
    pub const fn packet_len(&self) -> usize {
        self.len.wrapping_add(self.remaining)
    }

    /// The packet that begins with this header in `bytes`, if all of it is there.
    #[must_use]
    #[inline]
    pub fn frame<'a>(&self, bytes: &'a [u8]) -> Option<Frame<'a>> {
        let body = bytes.get(self.len..self.packet_len())?;
        Some(Frame { first: self.first, body })
    }
}

impl<'a> Frame<'a> {
    /// The first packet in `bytes` and what follows it; `None` if it is not whole yet.
    ///
    /// # Errors
    /// [`DecodeError::VariableByteInteger`] for a malformed Remaining Length.
    pub fn split(bytes: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, DecodeError> {
        let Some(header) = FixedHeader::read(bytes)? else { return Ok(None) };
        Ok(header.frame(bytes).zip(bytes.get(header.packet_len()..)))
    }
}

impl Frame<'_> {
    /// The type of the packet. Its flags are judged, but for those of PUBLISH.
    pub(crate) fn packet_type(self) -> Result<PacketType, DecodeError> {
        let kind = PacketType::from_first_byte(self.first).ok_or(DecodeError::PacketType)?;
        if kind != PacketType::Publish && self.first != kind.first_byte() {
            return Err(DecodeError::Flags(kind));
        }
        Ok(kind)
    }
}
