//! The read buffer: chosen anew before each read.

#[cfg(feature = "alloc")]
use bytes::{Bytes, BytesMut};

use mqtt_as_proto::Storage;

/// Memory for what is read from the transport: a fixed buffer, or one from the heap that starts
/// small and grows with the traffic.
#[derive(Debug)]
pub struct ReadMemory(Kind);

#[derive(Debug)]
enum Kind {
    /// As large as the largest packet taken.
    Lent(Storage<'static, u8>),
    #[cfg(feature = "alloc")]
    Heap(Growing),
}

/// A buffer whose used front can be split off without a copy.
#[cfg(feature = "alloc")]
#[derive(Debug)]
struct Growing {
    bytes: BytesMut,
    /// Bytes to ask for: doubles while reads fill it, halves while they do not.
    want: usize,
}

#[cfg(feature = "alloc")]
const SMALLEST: usize = 512;
#[cfg(feature = "alloc")]
const LARGEST: usize = 32 * 1024;

impl ReadMemory {
    /// A fixed buffer: it has to hold the largest packet taken.
    #[must_use]
    pub fn lent(bytes: &'static mut [u8]) -> Self {
        Self(Kind::Lent(Storage::borrowed(bytes)))
    }

    /// Bytes of a fixed buffer.
    pub(crate) fn limit(&self) -> Option<usize> {
        match &self.0 {
            Kind::Lent(bytes) => Some(bytes.limit()),
            #[cfg(feature = "alloc")]
            Kind::Heap(_) => None,
        }
    }

    /// No buffer.
    pub(crate) fn none() -> Self {
        Self(Kind::Lent(Storage::default()))
    }

    /// A buffer from the heap.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn heap() -> Self {
        Self(Kind::Heap(Growing { bytes: BytesMut::new(), want: SMALLEST }))
    }
}

/// A read buffer in use: what was read and not used yet lies at its front.
#[derive(Debug)]
pub(crate) struct ReadBuffer<'m> {
    memory: &'m mut ReadMemory,
    filled: usize,
}

impl<'m> ReadBuffer<'m> {
    /// An empty buffer: a connection begins.
    pub(crate) fn new(memory: &'m mut ReadMemory) -> Self {
        Self { memory, filled: 0 }
    }

    /// Room to read into; `needed` bytes are known to come for the packet at the front.
    #[cfg_attr(not(feature = "alloc"), allow(unused_variables))]
    pub(crate) fn room(&mut self, needed: Option<usize>) -> &mut [u8] {
        let filled = self.filled;
        match &mut self.memory.0 {
            Kind::Lent(bytes) => bytes.as_mut_slice().get_mut(filled..).unwrap_or_default(),
            #[cfg(feature = "alloc")]
            Kind::Heap(growing) => {
                // A large packet is read straight into an allocation of its own size.
                let packet = needed.unwrap_or(0).saturating_sub(filled);
                growing.room(filled, if packet > LARGEST { packet } else { growing.want })
            }
        }
    }

    /// `n` bytes were read.
    pub(crate) fn fill(&mut self, n: usize) {
        self.filled += n;
        #[cfg(feature = "alloc")]
        if let Kind::Heap(growing) = &mut self.memory.0 {
            growing.adapt(n);
        }
    }

    /// What was read and not used yet.
    pub(crate) fn bytes(&self) -> &[u8] {
        let all = match &self.memory.0 {
            Kind::Lent(bytes) => bytes.as_slice(),
            #[cfg(feature = "alloc")]
            Kind::Heap(growing) => &growing.bytes,
        };
        all.get(..self.filled).unwrap_or_default()
    }

    /// The first `n` bytes have been used, and nobody refers to them.
    pub(crate) fn consume(&mut self, n: usize) {
        let (n, filled) = (n.min(self.filled), self.filled);
        self.filled -= n;
        let all = match &mut self.memory.0 {
            Kind::Lent(bytes) => bytes.as_mut_slice(),
            #[cfg(feature = "alloc")]
            Kind::Heap(growing) => &mut growing.bytes,
        };
        let all = all.get_mut(..filled).unwrap_or_default();
        if n <= all.len() {
            all.copy_within(n.., 0);
        }
    }

    /// The first `n` bytes have been used: splits them off for those who refer to them.
    #[cfg(feature = "alloc")]
    pub(crate) fn split(&mut self, n: usize) -> Bytes {
        if let Kind::Heap(growing) = &mut self.memory.0 {
            self.filled -= n.min(self.filled);
            return growing.bytes.split_to(n.min(growing.bytes.len())).freeze();
        }
        let used = Bytes::copy_from_slice(self.bytes().get(..n).unwrap_or_default());
        self.consume(n);
        used
    }
}

#[cfg(feature = "alloc")]
impl Growing {
    /// All of `bytes` is initialised; from `filled` on it is free.
    fn room(&mut self, filled: usize, want: usize) -> &mut [u8] {
        // A large packet, whose rest is wanted, has its place after the first time.
        let least = if want > LARGEST { want } else { SMALLEST };
        if self.bytes.len() - filled < least {
            self.bytes.truncate(filled);
            self.bytes.reserve(want);
            self.bytes.resize(filled + want, 0);
        }
        &mut self.bytes[filled..]
    }

    fn adapt(&mut self, n: usize) {
        if n >= self.want {
            self.want = (self.want * 2).min(LARGEST);
        } else if n < self.want / 4 {
            self.want = (self.want / 2).max(SMALLEST);
        }
    }
}

impl Drop for ReadBuffer<'_> {
    /// The connection is over: heap memory is given back.
    fn drop(&mut self) {
        #[cfg(feature = "alloc")]
        if matches!(self.memory.0, Kind::Heap(_)) {
            *self.memory = ReadMemory::heap();
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_large_packet_is_not_prepared_anew_before_each_read() {
        let mut memory = ReadMemory::heap();
        let mut buffer = ReadBuffer::new(&mut memory);
        buffer.room(Some(1_000_000))[5000] = 7;
        buffer.fill(1000);
        let rest = buffer.room(Some(1_000_000));
        assert_eq!((rest.len(), rest[4000]), (999_000, 7));
    }
}
