//! The read buffer: what was read and not used yet lies at its front.

#[cfg(feature = "alloc")]
pub use heap::ReadMemory;
#[cfg(not(feature = "alloc"))]
pub use lent::ReadMemory;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::vec::Vec;

    use bytes::{Bytes, BytesMut};
    use mqtt_as_proto::client::{Client, ConnectionError, Handled, Input, Tell};
    use mqtt_as_proto::{Instant, Storage};

    use super::first;

    /// Memory for what is read from the transport: a fixed buffer, or one from the heap that starts
    /// small and grows with the traffic.
    #[derive(Debug)]
    pub struct ReadMemory {
        lent: Storage<'static, u8>,
        /// Written to once, when it is made: reads find it as the last one left it.
        kept: Vec<u8>,
        filled: usize,
        /// A packet that is read into an allocation of its own, and its size.
        pub(crate) large: BytesMut,
        large_len: usize,
        /// The same, when it is whole.
        whole: Option<Bytes>,
    }

    const SMALLEST: usize = 512;
    const LARGEST: usize = 32 * 1024;

    impl ReadMemory {
        /// A fixed buffer: it has to hold the largest packet taken.
        #[must_use]
        pub fn lent(bytes: &'static mut [u8]) -> Self {
            Self { lent: Storage::borrowed(bytes), ..Self::heap() }
        }

        /// A buffer from the heap.
        #[must_use]
        pub fn heap() -> Self {
            Self {
                lent: Storage::default(),
                kept: Vec::new(),
                filled: 0,
                large: BytesMut::new(),
                large_len: 0,
                whole: None,
            }
        }

        /// Bytes of a fixed buffer.
        pub(crate) fn limit(&self) -> Option<usize> {
            Some(self.lent.limit()).filter(|limit| *limit != 0)
        }

        /// Room to read into; `needed` bytes are known to come for the packet at the front.
        pub(crate) fn room(&mut self, needed: usize) -> &mut [u8] {
            if self.lent.limit() != 0 {
                return self.lent.as_mut_slice().get_mut(self.filled..).unwrap_or_default();
            }
            let least = needed.max(self.filled + SMALLEST / 4).max(SMALLEST);
            if self.kept.len() < least {
                self.kept.resize(least.next_power_of_two(), 0);
            }
            self.kept.get_mut(self.filled..).unwrap_or_default()
        }

        /// `n` bytes were read.
        pub(crate) fn fill(&mut self, n: usize) {
            self.filled += n;
            // The next read may find more, or needs less.
            let (len, filled) = (self.kept.len(), self.filled);
            if filled == len && len < LARGEST && self.lent.limit() == 0 {
                self.kept.resize(len * 2, 0);
            }
        }

        /// What was read and not used yet.
        #[inline]
        pub(crate) fn bytes(&self) -> &[u8] {
            let all = if self.lent.limit() != 0 { self.lent.as_slice() } else { &self.kept };
            all.get(..self.filled).unwrap_or_default()
        }

        /// Gives what was read to the core, and goes on to what was not used.
        pub(crate) fn handle(
            &mut self,
            core: &mut Client<'static>,
            packets: usize,
            now: Instant,
            tell: Tell<'_>,
        ) -> Result<Handled, ConnectionError> {
            if self.is_large() && self.large.len() >= self.large_len {
                self.end_large();
            }
            if let Some(whole) = &self.whole {
                let handled = core.handle_bytes(Input::shared(whole), now, tell)?;
                self.whole = self.whole.take().filter(|_| handled.used == 0);
                return Ok(handled);
            }
            if self.is_large() {
                return core.handle_bytes(Input::new(&self.large), now, tell);
            }
            let handled = core.handle_bytes(Input::new(first(self.bytes(), packets)), now, tell)?;
            self.consume(handled.used, handled.needed.unwrap_or(0));
            Ok(handled)
        }

        /// Whether the rest of a large packet is being read.
        pub(crate) fn is_large(&self) -> bool {
            self.large_len != 0
        }

        /// The large packet is whole: what came behind it, if the allocation was larger, goes back.
        fn end_large(&mut self) {
            let rest = self.large.split_off(core::mem::take(&mut self.large_len));
            self.whole = Some(core::mem::take(&mut self.large).freeze());
            if let Some(room) = self.room(rest.len()).get_mut(..rest.len()) {
                room.copy_from_slice(&rest);
                self.filled += rest.len();
            }
        }

        /// The first `n` bytes have been used. `needed` are known to come for the packet that is
        /// then at the front: a large one gets memory of its own.
        fn consume(&mut self, n: usize, needed: usize) {
            let (n, filled) = (n.min(self.filled), self.filled);
            self.filled -= n;
            let lent = self.lent.limit() != 0;
            if needed > LARGEST && !lent {
                self.large = BytesMut::with_capacity(needed);
                self.large_len = needed;
                self.large.extend_from_slice(self.kept.get(n..filled).unwrap_or_default());
                self.filled = 0;
                return;
            }
            let all = if lent { self.lent.as_mut_slice() } else { &mut self.kept };
            if n != 0 && n != filled {
                all.get_mut(..filled).unwrap_or_default().copy_within(n.., 0);
            }
            if !lent && self.filled == 0 && filled * 4 < self.kept.len() {
                self.shrink();
            }
        }

        /// Little came: what a burst took is given back, step by step.
        fn shrink(&mut self) {
            let half = self.kept.len() / 2;
            if half >= SMALLEST {
                self.kept.truncate(half);
                self.kept.shrink_to_fit();
            }
        }

        /// The connection is over: heap memory is given back.
        pub(crate) fn clear(&mut self) {
            self.filled = 0;
            self.kept = Vec::new();
            self.large = BytesMut::new();
            self.large_len = 0;
            self.whole = None;
        }
    }
}

use mqtt_as_proto::frame::FixedHeader;

/// The first packet alone, where one is dealt with at a time.
fn first(bytes: &[u8], packets: usize) -> &[u8] {
    if packets > 1 {
        return bytes;
    }
    let header = FixedHeader::read(bytes).ok().flatten();
    header.and_then(|header| bytes.get(..header.packet_len())).unwrap_or(bytes)
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::client::{Client, ConnectionError, Handled, Input, Tell};
    use mqtt_as_proto::wire::move_to_front;
    use mqtt_as_proto::{Instant, Storage};

    use super::first;

    /// Memory for what is read from the transport: a fixed buffer.
    #[derive(Debug)]
    pub struct ReadMemory {
        bytes: Storage<'static, u8>,
        filled: usize,
    }

    impl ReadMemory {
        /// A fixed buffer: it has to hold the largest packet taken.
        #[must_use]
        pub fn lent(bytes: &'static mut [u8]) -> Self {
            Self { bytes: Storage::borrowed(bytes), filled: 0 }
        }

        /// Bytes of a fixed buffer.
        pub(crate) fn limit(&self) -> Option<usize> {
            Some(self.bytes.limit())
        }

        /// Room to read into.
        pub(crate) fn room(&mut self, _needed: usize) -> &mut [u8] {
            self.bytes.as_mut_slice().get_mut(self.filled..).unwrap_or_default()
        }

        /// `n` bytes were read.
        pub(crate) fn fill(&mut self, n: usize) {
            self.filled += n;
        }

        /// What was read and not used yet.
        pub(crate) fn bytes(&self) -> &[u8] {
            self.bytes.as_slice().get(..self.filled).unwrap_or_default()
        }

        /// Gives what was read to the core, and goes on to what was not used.
        pub(crate) fn handle(
            &mut self,
            core: &mut Client<'static>,
            packets: usize,
            now: Instant,
            tell: Tell<'_>,
        ) -> Result<Handled, ConnectionError> {
            let handled = core.handle_bytes(Input::new(first(self.bytes(), packets)), now, tell)?;
            let filled = self.bytes.as_mut_slice().get_mut(..self.filled).unwrap_or_default();
            if handled.used <= filled.len() {
                move_to_front(filled, handled.used);
                self.filled -= handled.used;
            }
            Ok(handled)
        }

        /// Whether the rest of a large packet is being read: here none is large.
        pub(crate) fn is_large(&self) -> bool {
            false
        }

        /// The connection is over.
        pub(crate) fn clear(&mut self) {
            self.filled = 0;
        }
    }
}
