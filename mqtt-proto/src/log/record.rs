//! One record of a log: its header of 16 bytes.

use crate::payload::Shared;

/// Bytes of a record's header.
pub(crate) const HEADER: usize = 16;

/// The state of a record that is over: 0, so that memory that nobody has used holds none.
pub(super) const DEAD: u8 = 0;

/// Marks beside a record's length, which has 29 bits at most.
pub(super) const SHARED: u32 = 1 << 31;
pub(super) const EMPTY: u32 = 1 << 30;

/// What the log knows of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where it lies.
    pub(crate) at: u32,
    /// Bytes behind its header.
    pub(crate) len: u32,
    /// `SHARED`, `EMPTY`: see there.
    pub(crate) marks: u32,
    /// Its packet identifier; 0 if it has none.
    pub(crate) id: u16,
    /// Where its flow stands, as its log's owner counts it; never 0.
    pub(crate) state: u8,
    pub(crate) flags: u8,
    /// The mark of the call that waits for it, or the serial number of a received message.
    pub(crate) who: u32,
    /// A number that its kind of record needs: where the payload begins, a reason code, filters.
    pub(crate) extra: u32,
}

impl Record {
    /// Where the next one begins.
    #[inline]
    pub(crate) fn end(&self) -> u32 {
        self.at.wrapping_add(HEADER as u32).wrapping_add(self.len)
    }

    #[inline]
    pub(crate) fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Further bytes of it are held by reference: the first four of its own name them.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        Shared::POSSIBLE && self.marks & SHARED != 0
    }

    /// It stands for its identifier alone: its bytes, if any are left, mean nothing.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.marks & EMPTY != 0
    }

    #[inline]
    pub(crate) fn set_flag(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER] {
        let words = u128::from(self.len | self.marks)
            | u128::from(self.id) << 32
            | u128::from(self.state) << 48
            | u128::from(self.flags) << 56
            | u128::from(self.who) << 64
            | u128::from(self.extra) << 96;
        words.to_le_bytes()
    }

    pub(super) fn from_bytes(at: u32, bytes: [u8; HEADER]) -> Self {
        let words = u128::from_le_bytes(bytes);
        let len = words as u32;
        Self {
            at,
            len: len & !(SHARED | EMPTY),
            marks: len & (SHARED | EMPTY),
            id: (words >> 32) as u16,
            state: (words >> 48) as u8,
            flags: (words >> 56) as u8,
            who: (words >> 64) as u32,
            extra: (words >> 96) as u32,
        }
    }
}
