//! What waits to be written: encoded packets, and large payloads held by reference between them.

use core::fmt;

use crate::payload::Shared;
use crate::storage::Storage;

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
    cuts: Storage<'a, Cut>,
    cuts_len: usize,
    cuts_taken: usize,
    /// Bytes written of the cut at `cuts_taken`.
    cut_done: usize,
    /// Bytes of all payloads held by reference.
    shared: usize,
}

/// A payload held by reference, and where among the bytes it belongs.
#[derive(Default)]
struct Cut {
    at: usize,
    payload: Option<Shared>,
}

/// Room for payloads held by reference: so many at a time, with a heap.
#[cfg(feature = "alloc")]
fn cuts<'a>() -> Storage<'a, Cut> {
    Storage::owned(64)
}

#[cfg(not(feature = "alloc"))]
fn cuts<'a>() -> Storage<'a, Cut> {
    Storage::default()
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
            cuts: cuts(),
            cuts_len: 0,
            cuts_taken: 0,
            cut_done: 0,
            shared: 0,
        }
    }

    /// Whether all has been written.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0 && (!Shared::POSSIBLE || self.cuts_len == 0)
    }

    /// Bytes that one PUBLISH, without a payload held by reference, may take at most.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The next bytes to write: as many as lie in one piece.
    #[must_use]
    pub fn chunk(&self) -> &[u8] {
        match self.next_cut() {
            Some(cut) if cut.at == self.taken => {
                let payload = cut.payload.as_ref().map_or(&[][..], Shared::as_slice);
                payload.get(self.cut_done..).unwrap_or_default()
            }
            Some(cut) => self.bytes.as_slice().get(self.taken..cut.at).unwrap_or_default(),
            None => self.bytes.as_slice().get(self.taken..self.len).unwrap_or_default(),
        }
    }

    /// The first `n` bytes of [`chunk`](Self::chunk) have been written.
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.chunk().len());
        match self.next_cut() {
            Some(cut) if cut.at == self.taken => {
                self.cut_done = self.cut_done.wrapping_add(n);
                if self.chunk().is_empty() {
                    self.drop_cut();
                }
            }
            _ => self.taken = self.taken.wrapping_add(n),
        }
        if self.taken == self.len && self.next_cut().is_none() {
            self.clear();
        }
    }

    #[inline]
    fn next_cut(&self) -> Option<&Cut> {
        if !Shared::POSSIBLE {
            return None;
        }
        self.cuts.as_slice().get(self.cuts_taken..self.cuts_len).and_then(<[Cut]>::first)
    }

    fn drop_cut(&mut self) {
        // Dropped at the end: it may run the program's code, which may panic.
        let _payload = self.take_payload();
    }

    /// The next payload held by reference, which is not written any more.
    pub(crate) fn take_payload(&mut self) -> Option<Shared> {
        let cut = self.cuts.as_mut_slice().get_mut(self.cuts_taken..self.cuts_len)?.first_mut()?;
        self.cuts_taken = self.cuts_taken.wrapping_add(1);
        self.cut_done = 0;
        cut.payload.take()
    }

    /// Forgets what has not been written: the connection is gone.
    pub fn clear(&mut self) {
        while Shared::POSSIBLE && self.cuts_taken < self.cuts_len {
            self.drop_cut();
        }
        (self.len, self.taken, self.shared) = (0, 0, 0);
        (self.cuts_len, self.cuts_taken) = (0, 0);
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
        let cuts = core::mem::size_of_val(self.cuts.as_slice());
        self.bytes.as_slice().len().wrapping_add(cuts)
    }

    /// Room for a control packet of `n` bytes.
    pub(crate) fn has_room(&self, n: usize) -> bool {
        self.len.wrapping_add(n) <= self.bytes.limit()
    }

    /// Room for a PUBLISH of `n` bytes and a payload of `shared` bytes held by reference.
    #[inline]
    pub(crate) fn has_publish_room(&self, n: usize, shared: usize) -> bool {
        self.len.wrapping_add(n) <= self.limit && (shared == 0 || self.has_cut_room(shared))
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

    /// One payload may be larger than the outbox, if it is the only one.
    fn has_cut_room(&self, shared: usize) -> bool {
        let total = self.shared.wrapping_add(shared);
        self.cuts_len < self.cuts.limit() && (self.shared == 0 || total <= self.bytes.limit())
    }

    /// The next `n` bytes, to be filled at once; none if they are not there.
    #[inline]
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
        self.shared = self.shared.wrapping_add(payload.as_slice().len());
        let end = self.cuts_len.wrapping_add(1);
        if self.cuts.grow_to(end)
            && let Some(cut) = self.cuts.get_mut(self.cuts_len)
        {
            *cut = Cut { at: self.len, payload: Some(payload).cloned() };
            self.cuts_len = end;
        }
    }
}

impl fmt::Debug for Outbox<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("bytes", &self.len)
            .field("payloads", &self.cuts_len)
            .field("limit", &self.bytes.limit())
            .finish_non_exhaustive()
    }
}
