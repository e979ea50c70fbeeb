//! The read buffer: what was read and not used yet lies at its front.

use mqtt_as_proto::client::{Client, ConnectionError, Handled, Input, Tell};
use mqtt_as_proto::frame::FixedHeader;
use mqtt_as_proto::{Instant, Storage};

pub(crate) use whole::Whole;
use whole::move_to_front;

/// Bytes of a buffer from the heap. It grows beyond the largest only for the head of a message that
/// is larger than what the core takes at once: that ends at the largest packet taken.
const SMALLEST: usize = 512;
const LARGEST: usize = 32 * 1024;
/// A packet of more bytes gets memory of its own, where it stays: it would be copied three times.
const OWN: usize = 8 * 1024;
/// The most bytes that are read behind a packet, and at its beginning, where packets have memory of
/// their own: these are copied to where the next one is.
const FRONT: usize = 4096;

/// Memory for what is read from the transport: a fixed buffer, or one from the heap that starts
/// small and grows with the traffic.
#[derive(Debug)]
pub struct ReadMemory {
    /// Written to once, when it is made: reads find it as the last one left it.
    bytes: Storage<'static, u8>,
    is_fixed: bool,
    filled: usize,
    /// Bytes that are known to come for the packet at the front.
    needed: usize,
    /// The last read found no end: there is likely to be more.
    pub(crate) is_filled: bool,
    /// It found none of the buffer either: the next one may find more, or needs less.
    grows: bool,
    /// A packet that is read into an allocation of its own.
    pub(crate) whole: Whole,
}

impl ReadMemory {
    /// A fixed buffer: it has to hold the largest packet taken.
    #[must_use]
    pub fn lent(bytes: &'static mut [u8]) -> Self {
        Self::new(Storage::borrowed(bytes), true)
    }

    /// A buffer from the heap.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn heap() -> Self {
        Self::new(Storage::owned(usize::MAX), false)
    }

    fn new(bytes: Storage<'static, u8>, is_fixed: bool) -> Self {
        let whole = Whole::default();
        Self { bytes, is_fixed, filled: 0, needed: 0, is_filled: false, grows: false, whole }
    }

    /// Bytes of a fixed buffer.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.is_fixed.then(|| self.bytes.limit())
    }

    /// Room to read into, which a fixed buffer may not have.
    pub(crate) fn room(&mut self) -> Result<&mut [u8], ConnectionError> {
        let least = self.needed.max(self.filled + SMALLEST / 4).max(SMALLEST);
        let twice =
            if core::mem::take(&mut self.grows) { self.bytes.as_slice().len() * 2 } else { 0 };
        let most = if self.filled < LARGEST { LARGEST } else { usize::MAX };
        self.grow_to(least.next_power_of_two().max(twice).min(most));
        let room = self.bytes.as_mut_slice().get_mut(self.filled..).unwrap_or_default();
        let too_large = room.is_empty().then_some(ConnectionError::TooLarge { size: self.needed });
        too_large.map_or(Ok(room), Err)
    }

    /// If it is from the heap.
    fn grow_to(&mut self, len: usize) {
        let _ = self.bytes.grow_to(len);
    }

    /// `n` bytes were read.
    pub(crate) fn fill(&mut self, n: usize) {
        self.filled += n;
        self.is_filled = self.filled == self.bytes.as_slice().len();
        self.grows = self.is_filled;
    }

    /// What was read and not used yet.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.as_slice().get(..self.filled).unwrap_or_default()
    }

    /// What was read and not used yet, beginning with a packet.
    pub(crate) fn front(&mut self) -> &[u8] {
        self.end_whole();
        self.shown()
    }

    /// The same, after [`front`](Self::front).
    pub(crate) fn shown(&self) -> &[u8] {
        self.whole.packet().unwrap_or_else(|| self.bytes())
    }

    /// Gives what was read to the core, and goes on to what was not used.
    pub(crate) fn handle(
        &mut self,
        core: &mut Client<'static>,
        packets: usize,
        now: Instant,
        tell: Tell<'_>,
    ) -> Result<Handled, ConnectionError> {
        self.end_whole();
        if let Some(handled) = self.whole.handle(core, now, tell) {
            return handled;
        }
        let handled = core.handle_bytes(Input::new(first(self.bytes(), packets)), now, tell)?;
        self.needed = handled.needed.unwrap_or(0);
        self.consume(handled.used);
        Ok(handled)
    }

    /// A packet that has memory of its own is there: what came behind it goes back.
    fn end_whole(&mut self) {
        if let Some(rest) = self.whole.end() {
            self.needed = rest.len();
            if let Some(room) = self.room().ok().and_then(|room| room.get_mut(..rest.len())) {
                room.copy_from_slice(&rest);
                self.filled += rest.len();
            }
        }
    }

    /// The first `n` bytes have been used. A large packet that is then at the front gets memory of
    /// its own.
    fn consume(&mut self, n: usize) {
        let Some(filled) = self.bytes.as_mut_slice().get_mut(..self.filled) else { return };
        if n > filled.len() {
            return;
        }
        move_to_front(filled, n);
        let was_filled = core::mem::replace(&mut self.filled, filled.len() - n);
        if self.needed > OWN && !self.is_fixed {
            let len = core::mem::take(&mut self.filled);
            let front = self.bytes.as_slice().get(..len).unwrap_or_default();
            self.whole.begin(self.needed, front);
            // What a read finds of the next large packet is copied to where that is: let it be little.
            self.bytes.shrink_to(FRONT);
            self.grows = false;
        } else if self.filled == 0 {
            self.shrink(was_filled);
        }
    }

    /// Little came: what a burst took of the heap is given back, step by step.
    fn shrink(&mut self, was_filled: usize) {
        let half = self.bytes.as_slice().len() / 2;
        if was_filled * 2 < half && half >= SMALLEST {
            self.bytes.shrink_to(half);
        }
    }

    /// The connection is over: heap memory is given back.
    pub(crate) fn clear(&mut self) {
        (self.filled, self.needed) = (0, 0);
        self.bytes.release();
        self.whole = Whole::default();
    }
}

/// The first packet alone, where one is dealt with at a time.
fn first(bytes: &[u8], packets: usize) -> &[u8] {
    if packets > 1 {
        return bytes;
    }
    let header = FixedHeader::read(bytes).ok().flatten();
    header.and_then(|header| bytes.get(..header.packet_len())).unwrap_or(bytes)
}

#[cfg(feature = "alloc")]
mod whole {
    use alloc::boxed::Box;

    use bytes::{Bytes, BytesMut};

    use super::{Client, ConnectionError, FRONT, Handled, Input, Instant, Tell};

    /// Moves the bytes from `from` on to the front: there are so many at least.
    pub(super) fn move_to_front(bytes: &mut [u8], from: usize) {
        bytes.copy_within(from.., 0);
    }

    /// A packet that is read into an allocation of its own, and is held there by reference.
    #[derive(Debug, Default)]
    pub(crate) struct Whole(Option<Box<Packet>>);

    #[derive(Debug)]
    struct Packet {
        bytes: BytesMut,
        len: usize,
        whole: Option<Bytes>,
    }

    impl Whole {
        /// The packet begins with these bytes. A read may end behind it: that spares one for the
        /// beginning of the next packet, and is a small part of what the message keeps.
        pub(crate) fn begin(&mut self, len: usize, front: &[u8]) {
            let mut bytes = BytesMut::with_capacity(len + FRONT.min(len / 4));
            bytes.extend_from_slice(front);
            self.0 = Some(Box::new(Packet { bytes, len, whole: None }));
        }

        /// What there is of a packet whose rest is being read.
        pub(crate) fn unfinished(&mut self) -> Option<&mut BytesMut> {
            let packet = self.0.as_deref_mut().filter(|packet| packet.whole.is_none());
            packet.map(|packet| &mut packet.bytes)
        }

        /// The packet, if it is all there and has ended.
        pub(super) fn packet(&self) -> Option<&[u8]> {
            self.0.as_deref()?.whole.as_deref()
        }

        /// The packet ends, if it is all there. Gives what came behind it, if the allocation was
        /// larger.
        pub(super) fn end(&mut self) -> Option<BytesMut> {
            let packet = self.0.as_deref_mut()?;
            if packet.whole.is_some() || packet.bytes.len() < packet.len {
                return None;
            }
            let rest = packet.bytes.split_off(packet.len);
            packet.whole = Some(core::mem::take(&mut packet.bytes).freeze());
            Some(rest)
        }

        /// Gives the packet, or what there is of it, to the core.
        pub(super) fn handle(
            &mut self,
            core: &mut Client<'static>,
            now: Instant,
            tell: Tell<'_>,
        ) -> Option<Result<Handled, ConnectionError>> {
            let packet = self.0.as_deref()?;
            let Some(whole) = &packet.whole else {
                return Some(core.handle_bytes(Input::new(&packet.bytes), now, tell));
            };
            let handled = core.handle_bytes(Input::shared(whole), now, tell);
            if handled.as_ref().is_ok_and(|handled| handled.used != 0) {
                self.0 = None;
            }
            Some(handled)
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod whole {
    pub(super) use mqtt_as_proto::wire::move_to_front;

    use super::{Client, ConnectionError, Handled, Instant, Tell};

    /// Without a heap no packet has memory of its own.
    #[derive(Debug, Default)]
    pub(crate) struct Whole {}

    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut)] // As with a heap.
    impl Whole {
        pub(super) fn begin(&mut self, _len: usize, _front: &[u8]) {}

        pub(super) fn packet(&self) -> Option<&[u8]> {
            None
        }

        pub(super) fn end(&mut self) -> Option<[u8; 0]> {
            None
        }

        pub(super) fn handle(
            &mut self,
            _core: &mut Client<'static>,
            _now: Instant,
            _tell: Tell<'_>,
        ) -> Option<Result<Handled, ConnectionError>> {
            None
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::ReadMemory;

    #[test]
    fn a_connection_that_ends_gives_all_memory_back() {
        let mut memory = ReadMemory::heap();
        for _ in 0..4 {
            let room = memory.room().unwrap().len();
            memory.fill(room);
        }
        assert!(memory.bytes.as_slice().len() >= 4096);
        memory.clear();
        assert!(memory.bytes().is_empty());
        assert_eq!(memory.bytes.as_slice().len(), 0);
    }
}
