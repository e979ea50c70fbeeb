//! The basic data types of section 1.5: how they are read from and written to bytes.

use core::num::{NonZeroU16, NonZeroU32};

use crate::error::{DecodeError, EncodeError};
use crate::topic::{self, TopicName};

/// The largest value of a variable byte integer, and so of a Remaining Length (1.5.5).
pub const MAX_REMAINING: u32 = 268_435_455;

/// A packet identifier (2.2.1): never 0.
pub type PacketId = NonZeroU16;

/// Takes bytes. Encoding runs twice over one function: into a [`Counter`], then into the output.
pub trait Sink {
    /// Takes all of `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Learns that what is being written breaks a rule. Only a counter remembers it.
    fn fault(&mut self, _error: EncodeError) {}
}

/// Counts bytes and remembers the first fault: the first of the two encoding runs.
#[derive(Debug, Default)]
pub struct Counter {
    len: usize,
    fault: Option<EncodeError>,
}

impl Counter {
    /// The number of bytes, or why they may not be written.
    ///
    /// # Errors
    /// The first fault that the encoding met.
    pub fn result(self) -> Result<usize, EncodeError> {
        self.fault.map_or(Ok(self.len), Err)
    }
}

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len());
    }

    fn fault(&mut self, error: EncodeError) {
        self.fault.get_or_insert(error);
    }
}

/// Writes into a slice. What does not fit is counted, not written.
#[derive(Debug)]
pub struct SliceSink<'a> {
    free: &'a mut [u8],
    len: usize,
}

impl<'a> SliceSink<'a> {
    /// Writes from the start of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { free: out, len: 0 }
    }

    /// Bytes written.
    #[must_use]
    pub fn written(&self) -> usize {
        self.len
    }
}

impl Sink for SliceSink<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let free = core::mem::take(&mut self.free);
        if let Some((here, rest)) = free.split_at_mut_checked(bytes.len()) {
            copy(here, bytes);
            self.free = rest;
        }
        self.len = self.len.saturating_add(bytes.len());
    }
}

#[cfg(feature = "alloc")]
impl Sink for alloc::vec::Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Copies as many bytes as both slices have: `copy_from_slice` without its panic.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Writes a binary field: two bytes of length, then the bytes (1.5.6).
pub(crate) fn put_binary(out: &mut (impl Sink + ?Sized), bytes: &[u8]) {
    match u16::try_from(bytes.len()) {
        Ok(len) => out.put(&len.to_be_bytes()),
        Err(_) => out.fault(EncodeError::TooLong { len: bytes.len() }),
    }
    out.put(bytes);
}

/// Writes a UTF-8 string (1.5.4).
pub(crate) fn put_string(out: &mut (impl Sink + ?Sized), string: &str) {
    if string.as_bytes().contains(&0) {
        out.fault(EncodeError::Nul); // [MQTT-1.5.4-2]
    }
    put_binary(out, string.as_bytes());
}

/// Writes a variable byte integer in its shortest form [MQTT-1.5.5-1].
#[inline]
pub(crate) fn put_varint(out: &mut (impl Sink + ?Sized), value: u32) {
    let (bytes, len) = varint(value);
    out.put(bytes.get(..len).unwrap_or_default());
    if value > MAX_REMAINING {
        out.fault(EncodeError::PacketTooLarge);
    }
}

/// The bytes of a variable byte integer and how many of them count.
#[inline]
pub(crate) fn varint(value: u32) -> ([u8; 4], usize) {
    let seven = |shift: u32| (value >> shift) as u8 & 0x7f;
    match value {
        0..=0x7f => ([seven(0), 0, 0, 0], 1),
        0x80..=0x3fff => ([seven(0) | 0x80, seven(7), 0, 0], 2),
        0x4000..=0x1f_ffff => ([seven(0) | 0x80, seven(7) | 0x80, seven(14), 0], 3),
        _ => ([seven(0) | 0x80, seven(7) | 0x80, seven(14) | 0x80, seven(21)], 4),
    }
}

/// Bytes that a variable byte integer takes.
#[inline]
pub(crate) fn varint_len(value: u32) -> usize {
    varint(value).1
}

/// Reads the basic data types off the front of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The packet must end here.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes) }
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16()?).ok_or(DecodeError::PacketId)
    }

    /// A variable byte integer; `Truncated` if its last byte is not there yet.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0;
        // Counted, not taken from an array: that would be copied onto a device's stack first.
        for index in 0..4_u32 {
            let shift = index.wrapping_mul(7);
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // [MQTT-1.5.5-1] the shortest form: no zero at the end of several bytes.
                let shortest = byte != 0 || shift == 0;
                return shortest.then_some(value).ok_or(DecodeError::VariableByteInteger);
            }
        }
        Err(DecodeError::VariableByteInteger)
    }

    /// Binary data (1.5.6).
    #[inline]
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A UTF-8 string (1.5.4).
    pub(crate) fn string(&mut self) -> Result<&'a str, DecodeError> {
        topic::utf8(self.binary()?).ok_or(DecodeError::String)
    }
}

/// A value of a property: one of the basic data types, with the range the standard gives it.
pub(crate) trait Value<'a>: Sized {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError>;
    fn write(&self, out: &mut dyn Sink);
}

/// A byte that is 0 or 1.
impl<'a> Value<'a> for bool {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match from.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::PropertyValue(0)),
        }
    }

    fn write(&self, out: &mut dyn Sink) {
        out.put(&[u8::from(*self)]);
    }
}

impl<'a> Value<'a> for u16 {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        from.u16()
    }

    fn write(&self, out: &mut dyn Sink) {
        out.put(&self.to_be_bytes());
    }
}

impl<'a> Value<'a> for NonZeroU16 {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::new(from.u16()?).ok_or(DecodeError::PropertyValue(0))
    }

    fn write(&self, out: &mut dyn Sink) {
        self.get().write(out);
    }
}

impl<'a> Value<'a> for u32 {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        from.u32()
    }

    fn write(&self, out: &mut dyn Sink) {
        out.put(&self.to_be_bytes());
    }
}

impl<'a> Value<'a> for NonZeroU32 {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::new(from.u32()?).ok_or(DecodeError::PropertyValue(0))
    }

    fn write(&self, out: &mut dyn Sink) {
        self.get().write(out);
    }
}

impl<'a> Value<'a> for &'a str {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        from.string()
    }

    fn write(&self, out: &mut dyn Sink) {
        put_string(out, self);
    }
}

impl<'a> Value<'a> for &'a [u8] {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        from.binary()
    }

    fn write(&self, out: &mut dyn Sink) {
        put_binary(out, self);
    }
}

impl<'a> Value<'a> for TopicName<'a> {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        TopicName::from_bytes(from.binary()?).map_err(DecodeError::TopicName)
    }

    fn write(&self, out: &mut dyn Sink) {
        if self.is_empty() {
            out.fault(EncodeError::EmptyTopic); // [MQTT-4.7.3-1]
        }
        put_binary(out, self.as_bytes());
    }
}

/// A string pair [MQTT-1.5.7-1].
impl<'a> Value<'a> for (&'a str, &'a str) {
    fn read(from: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok((from.string()?, from.string()?))
    }

    fn write(&self, out: &mut dyn Sink) {
        put_string(out, self.0);
        put_string(out, self.1);
    }
}
