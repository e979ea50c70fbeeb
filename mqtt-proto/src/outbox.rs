//! What waits to be written: encoded packets, and large payloads held by reference between them.

mod cuts;
#[cfg(all(any(test, fuzzing), feature = "alloc"))]
pub(crate) mod model;

use core::fmt;

use crate::payload::Shared;
use crate::storage::Storage;
use cuts::Cuts;

/// Bytes to write to the transport, in order.
///
/// The driver owns one and the client another. `Client::poll_transmit` swaps them, so that bytes
/// are written from one while packets are encoded into the other. Write what [`chunk`](Self::chunk)
/// gives, tell [`advance`](Self::advance) how much of it went out, until [`is_empty`](Self::is_empty).
pub struct Outbox<'a> {
    bytes: Storage<'a, u8>,
    /// Bytes up to which PUBLISH packets may reach.
    limit: usize,
    len: usize,
    taken: usize,
    /// Payloads held by reference, and where among the bytes they belong.
    cuts: Cuts,
}

/// Bytes that PUBLISH packets leave free, for acknowledgements, PINGREQ and DISCONNECT.
const RESERVE: usize = 64;

impl<'a> Outbox<'a> {
    /// An empty outbox in that memory.
    #[must_use]
    pub fn new(bytes: Storage<'a, u8>) -> Self {
        let limit = bytes.limit();
        Self {
            bytes,
            limit: limit.saturating_sub(RESERVE.min(limit >> 3)),
            len: 0,
            taken: 0,
            cuts: Cuts::default(),
        }
    }

    /// Whether all has been written.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0 && self.cuts.len() == 0
    }

    /// Bytes that one PUBLISH, without a payload held by reference, may take at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The next bytes to write: as many as lie in one piece.
    #[must_use]
    pub fn chunk(&self) -> &[u8] {
        match self.cuts.first() {
            Some((at, payload)) if at == self.taken => payload,
            Some((at, _)) => self.bytes.as_slice().get(self.taken..at).unwrap_or_default(),
            None => self.bytes.as_slice().get(self.taken..self.len).unwrap_or_default(),
        }
    }

    /// The first `n` bytes of [`chunk`](Self::chunk) have been written.
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.chunk().len());
        match self.cuts.first() {
            Some((at, _)) if at == self.taken => self.cuts.advance(n),
            _ => self.taken = self.taken.wrapping_add(n),
        }
        if self.taken == self.len && self.cuts.len() == 0 {
            self.clear();
        }
    }

    /// The next payload held by reference, which is not written any more.
    pub(crate) fn take_payload(&mut self) -> Option<Shared> {
        self.cuts.take()
    }

    /// Forgets what has not been written: the connection is gone.
    pub fn clear(&mut self) {
        // Their drops may run the program's code, which may panic.
        while self.cuts.take().is_some() {}
        self.cuts.begin_again();
        (self.len, self.taken) = (0, 0);
    }

    /// Gives heap memory back if all has been written.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.bytes.release();
            self.cuts.release();
        }
    }

    /// Bytes of memory that are there now.
    pub(crate) fn allocated(&self) -> usize {
        self.bytes.as_slice().len().wrapping_add(self.cuts.allocated())
    }

    /// Room for a control packet of `n` bytes.
    pub(crate) fn has_room(&self, n: usize) -> bool {
        self.len.wrapping_add(n) <= self.bytes.limit()
    }

    /// Room for a PUBLISH of `n` bytes and a payload of `shared` bytes held by reference.
    #[inline]
    pub(crate) fn has_publish_room(&self, n: usize, shared: usize) -> bool {
        self.len.wrapping_add(n) <= self.limit
            && (shared == 0 || self.cuts.has_room(shared, self.bytes.limit()))
    }

    /// The next `n` bytes, to be filled at once, of such a PUBLISH; none if there is no room.
    #[inline]
    pub(crate) fn append_publish(&mut self, n: usize, shared: usize) -> Option<&mut [u8]> {
        if self.has_publish_room(n, shared) { self.append(n) } else { None }
    }

    /// Bytes of a PUBLISH that there is room for.
    pub(crate) fn publish_room(&self) -> usize {
        self.limit.saturating_sub(self.len)
    }

    /// The next `n` bytes, to be filled at once; none if they are not there.
    #[cfg_attr(feature = "alloc", inline(always))] // For each message.
    pub(crate) fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        let end = self.len.checked_add(n)?;
        if !self.bytes.grow_to(end) {
            return None;
        }
        let start = core::mem::replace(&mut self.len, end);
        self.bytes.as_mut_slice().get_mut(start..)?.get_mut(..n)
    }

    /// The last `n` bytes appended.
    #[inline]
    pub(crate) fn last(&mut self, n: usize) -> &mut [u8] {
        let start = self.len.saturating_sub(n);
        self.bytes.as_mut_slice().get_mut(start..self.len).unwrap_or_default()
    }

    /// Appends a payload by reference. The caller has asked for room.
    pub(crate) fn append_shared(&mut self, payload: &Shared) {
        self.cuts.push(self.len, payload);
    }
}

impl fmt::Debug for Outbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("bytes", &self.len)
            .field("payloads", &self.cuts.len())
            .field("limit", &self.bytes.limit())
            .finish_non_exhaustive()
    }
}
