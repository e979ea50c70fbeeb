//! The basic data types of section 1.5: how they are read from and written to bytes.
//!
//! Reader and writer remember the first fault they meet, so that a packet is read or written
//! straight through and asked once, at its end, whether it was right.

use core::num::NonZeroU16;

use crate::error::{DecodeError, EncodeError};

/// The largest value of a variable byte integer, and so of a Remaining Length (1.5.5).
pub const MAX_REMAINING: u32 = 268_435_455;

/// A packet identifier (2.2.1): never 0.
pub type PacketId = NonZeroU16;

/// Copies as many bytes as both slices have: `copy_from_slice` without its panic.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from; // A loop that compilers know as a call of `memcpy`.
    }
}

/// Moves the bytes from `from` on to the front, as far as there are any: `copy_within` without its
/// panic. It goes piece by piece, each as long as the way: on a device that is a tenth of the code.
pub fn move_to_front(bytes: &mut [u8], from: usize) {
    let mut rest = bytes;
    while let Some((free, behind)) = rest.split_at_mut_checked(from) {
        copy(free, behind);
        if behind.len() <= from || from == 0 {
            break;
        }
        rest = behind;
    }
}

/// Reverses the bytes: the slice's own method may panic, as a compiler for small code sees it.
pub(crate) fn reverse(mut bytes: &mut [u8]) {
    while let [first, between @ .., last] = bytes {
        core::mem::swap(first, last);
        bytes = between;
    }
}

/// Reads the basic data types off the front of a packet.
///
/// A missing or malformed field reads as zero or empty. The first fault is remembered, and after it
/// nothing is left to read.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    fault: Option<DecodeError>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, fault: None }
    }

    /// Returns what has not been read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Remembers what is wrong, unless something was wrong before.
    #[cfg_attr(feature = "alloc", inline)]
    #[cfg_attr(not(feature = "alloc"), inline(never))] // Flash counts more there.
    pub(crate) fn fail(&mut self, fault: DecodeError) {
        self.fault = Some(first_fault(self.fault, fault));
        self.rest = &[];
    }

    /// Returns the fault as an error, if there was one.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        self.fault.map_or(Ok(()), Err)
    }

    /// The same where the packet must end.
    #[inline]
    pub(crate) fn end(&mut self) -> Result<(), DecodeError> {
        if !self.rest.is_empty() {
            self.fail(DecodeError::TrailingBytes);
        }
        self.check()
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            self.fail(DecodeError::Truncated);
            return &[];
        };
        self.rest = rest;
        head
    }

    /// Returns all that is left.
    #[inline]
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Reads a byte if it is a zero, and says whether it was.
    #[inline]
    pub(crate) fn skip_zero(&mut self) -> bool {
        let [0, rest @ ..] = self.rest else { return false };
        self.rest = rest;
        true
    }

    /// A number of that many bytes, at most 4.
    pub(crate) fn number(&mut self, width: usize) -> u32 {
        self.take(width).iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.number(1) as u8
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).first_chunk().copied().unwrap_or_default())
    }

    #[inline]
    pub(crate) fn packet_id(&mut self) -> PacketId {
        PacketId::new(self.u16()).unwrap_or_else(|| {
            self.fail(DecodeError::PacketId); // [MQTT-2.2.1-3]
            PacketId::MIN
        })
    }

    /// A variable byte integer; `Truncated` if its last byte is not there yet.
    pub(crate) fn varint(&mut self) -> u32 {
        let mut value = 0;
        for shift in [0_u32, 7, 14, 21] {
            let byte = self.number(1);
            value |= (byte & 0x7f) << shift;
            // [MQTT-1.5.5-1] the shortest form: no zero at the end.
            if byte < 0x80 && (byte != 0 || shift == 0) {
                return value;
            }
            if byte == 0 {
                break;
            }
        }
        self.fail(DecodeError::VariableByteInteger);
        0
    }

    /// Binary data (1.5.6).
    #[inline]
    pub(crate) fn binary(&mut self) -> &'a [u8] {
        let len = self.u16();
        self.take(usize::from(len))
    }

    /// A UTF-8 string (1.5.4).
    pub(crate) fn string(&mut self) -> &'a str {
        utf8(self.binary()).unwrap_or_else(|| {
            self.fail(DecodeError::String);
            ""
        })
    }
}

// By value: a reference would keep the reader out of registers.
#[cold]
#[inline(never)]
fn first_fault(known: Option<DecodeError>, fault: DecodeError) -> DecodeError {
    known.unwrap_or(fault)
}

/// Writes the basic data types into a slice, or only counts their bytes.
///
/// What does not fit is counted, not written. The first fault is kept: that of what was given to
/// write comes before a lack of room.
#[derive(Debug)]
pub struct Writer<'a> {
    out: Option<&'a mut [u8]>,
    len: usize,
    fault: Option<EncodeError>,
}

impl<'a> Writer<'a> {
    /// Writes from the start of `out`.
    #[must_use]
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self { out: Some(out), len: 0, fault: None }
    }

    /// Only counts.
    #[must_use]
    pub const fn counting() -> Writer<'static> {
        Writer { out: None, len: 0, fault: None }
    }

    /// Returns the number of bytes so far, with those that did not fit.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns true if nothing was written or counted yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of bytes, or why they are not all there.
    ///
    /// # Errors
    /// The first fault, or [`EncodeError::NoRoom`].
    pub fn result(&self) -> Result<usize, EncodeError> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.has_room(0) => Ok(self.len),
            None => Err(EncodeError::NoRoom { needed: self.len }),
        }
    }

    fn has_room(&self, more: usize) -> bool {
        let len = self.len.saturating_add(more);
        self.out.as_ref().is_none_or(|out| len <= out.len())
    }

    /// Remembers which rule is broken, unless one was before.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail(&mut self, fault: EncodeError) {
        self.fault.get_or_insert(fault);
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if let Some(out) = &mut self.out
            && let Some(free) = out.get_mut(self.len..)
            && let Some(place) = free.get_mut(..bytes.len())
        {
            copy(place, bytes);
        }
        self.len = self.len.saturating_add(bytes.len());
    }

    #[inline]
    pub(crate) fn u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    /// A number of that many bytes, at most 4.
    pub(crate) fn number(&mut self, value: u32, width: usize) {
        let bytes = value.to_be_bytes();
        self.put(bytes.get(bytes.len().saturating_sub(width)..).unwrap_or_default());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    /// A variable byte integer in its shortest form [MQTT-1.5.5-1].
    #[inline]
    pub(crate) fn varint(&mut self, value: u32) {
        if value > MAX_REMAINING {
            self.fail(EncodeError::PacketTooLarge);
        }
        let mut rest = value;
        while rest > 0x7f {
            self.u8(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.u8(rest as u8);
    }

    /// A section: its length, then what `content` writes. To be counted it is written once.
    pub(crate) fn section(&mut self, content: Body<'_>) {
        let mut count = Writer::counting();
        content(&mut count);
        if let Some(fault) = count.fault {
            self.fail(fault);
        }
        self.varint(u32::try_from(count.len).unwrap_or(u32::MAX));
        match self.out {
            Some(_) => content(self),
            None => self.len = self.len.saturating_add(count.len),
        }
    }

    /// Binary data: two bytes of length, then the bytes (1.5.6).
    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        let len = bytes.len();
        if len > usize::from(u16::MAX) {
            self.fail(EncodeError::TooLong { len });
        }
        self.u16(len as u16);
        self.put(bytes);
    }

    /// A UTF-8 string (1.5.4).
    pub(crate) fn string(&mut self, string: &str) {
        self.text(string.as_bytes());
    }

    /// A UTF-8 string whose bytes are known to be one, but for U+0000.
    pub(crate) fn text(&mut self, bytes: &[u8]) {
        if has_nul(bytes) {
            self.fail(EncodeError::Nul); // [MQTT-1.5.4-2]
        }
        self.binary(bytes);
    }
}

/// Returns how many bytes a variable byte integer takes: one for every seven bits.
#[inline]
pub(crate) const fn varint_len(value: u32) -> usize {
    let bits = u32::BITS.wrapping_sub((value | 1).leading_zeros());
    (bits.wrapping_add(6) / 7) as usize
}

/// The bytes as a UTF-8 encoded string of section 1.5.4, if they are one.
pub(crate) fn utf8(bytes: &[u8]) -> Option<&str> {
    // [MQTT-1.5.4-1] no surrogates either: Rust's UTF-8 has none.
    core::str::from_utf8(bytes).ok().filter(|_| !has_nul(bytes)) // [MQTT-1.5.4-2]
}

/// Bytes that were judged to be UTF-8, as a string.
pub(crate) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

#[allow(clippy::manual_contains)] // Which is four times the code on a device.
pub(crate) fn has_nul(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| *byte == 0)
}

/// What writes the body of a packet. It runs twice, to count and to write.
pub(crate) type Body<'b> = &'b dyn Fn(&mut Writer<'_>);

/// Returns the Remaining Length of a packet with that body.
pub(crate) fn remaining(body: Body<'_>) -> Result<u32, EncodeError> {
    let mut count = Writer::counting();
    body(&mut count);
    match u32::try_from(count.result()?) {
        Ok(remaining) if remaining <= MAX_REMAINING => Ok(remaining),
        _ => Err(EncodeError::PacketTooLarge),
    }
}

/// Returns the length of a whole packet with that Remaining Length.
#[inline]
pub(crate) const fn packet_len(remaining: u32) -> usize {
    varint_len(remaining).saturating_add(1).saturating_add(remaining as usize)
}

/// Writes a packet, whose Remaining Length was counted.
pub(crate) fn put_packet(out: &mut Writer<'_>, first: u8, remaining: u32, body: Body<'_>) {
    out.u8(first);
    out.varint(remaining);
    body(out);
}

/// Writes one packet, its fixed header and `body`, and returns its length. On an error nothing was
/// written.
pub(crate) fn write_packet(
    out: &mut Writer<'_>,
    first: u8,
    body: Body<'_>,
) -> Result<usize, EncodeError> {
    let remaining = remaining(body)?;
    let needed = packet_len(remaining);
    if !out.has_room(needed) {
        return Err(EncodeError::NoRoom { needed });
    }
    put_packet(out, first, remaining, body);
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_kept_and_nothing_is_left_to_read() {
        let mut from = Reader::new(&[0, 0, 0xff, 0xff, 1]);
        assert_eq!((from.packet_id(), from.check()), (PacketId::MIN, Err(DecodeError::PacketId)));
        assert_eq!((from.u8(), from.number(4), from.varint()), (0, 0, 0));
        assert_eq!((from.string(), from.binary()), ("", &[][..]));
        assert_eq!((from.is_empty(), from.end()), (true, Err(DecodeError::PacketId)));
    }

    // 5.0 [MQTT-1.5.5-1]
    #[test]
    fn varints_end_where_the_standard_says() {
        for (value, bytes) in [
            (0, &[0][..]),
            (0x7f, &[0x7f]),
            (0x80, &[0x80, 1]),
            (0x3fff, &[0xff, 0x7f]),
            (0x4000, &[0x80, 0x80, 1]),
            (0x1f_ffff, &[0xff, 0xff, 0x7f]),
            (0x20_0000, &[0x80, 0x80, 0x80, 1]),
            (MAX_REMAINING, &[0xff, 0xff, 0xff, 0x7f]),
        ] {
            let mut out = [0; 5];
            let mut writer = Writer::new(&mut out);
            writer.varint(value);
            assert_eq!(writer.result(), Ok(bytes.len()));
            assert_eq!((&out[..bytes.len()], varint_len(value)), (bytes, bytes.len()));
            let mut from = Reader::new(bytes);
            assert_eq!((from.varint(), from.end()), (value, Ok(())));
            let mut cut = Reader::new(&bytes[..bytes.len() - 1]);
            assert_eq!((cut.varint(), cut.check()), (0, Err(DecodeError::Truncated)));
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_and_nothing_after_it_is_written() {
        let mut out = [7; 4];
        let mut writer = Writer::new(&mut out);
        writer.u16(1);
        writer.u32(2);
        writer.u8(3);
        assert_eq!((writer.len(), writer.result()), (7, Err(EncodeError::NoRoom { needed: 7 })));
        writer.string("\0");
        writer.varint(u32::MAX);
        assert_eq!(writer.result(), Err(EncodeError::Nul));
        assert_eq!(out, [0, 1, 7, 7]);
    }
}
