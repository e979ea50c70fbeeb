//! The memory of a log: lent, or from the heap.

#[cfg(feature = "alloc")]
use super::HEADER;
use super::index::Index;
use crate::storage::Storage;

/// Bytes of the headers of records for all identifiers that there are.
#[cfg(feature = "alloc")]
const IDENTIFIERS: usize = (u16::MAX as usize + 1) * HEADER;

/// Memory of a log.
#[derive(Debug, Default)]
pub struct LogMemory<'a> {
    pub(super) bytes: Storage<'a, u8>,
    pub(super) index: Index,
    pub(super) limit: usize,
}

impl<'a> LogMemory<'a> {
    /// Memory of the caller's: its length is the limit.
    #[must_use]
    pub const fn borrowed(bytes: &'a mut [u8]) -> Self {
        let limit = bytes.len();
        let bytes = Storage::borrowed(bytes);
        Self { bytes, index: Index::none(), limit }
    }

    /// Memory from the heap for records of `limit` bytes, taken as it is needed. Identifiers alone
    /// do not count: there are 65,535 at most.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn owned(limit: usize) -> Self {
        let bytes = Storage::owned(limit.saturating_add(IDENTIFIERS).saturating_mul(2));
        Self { bytes, index: Index::owned(), limit }
    }

    /// Bytes that records, each with a header of 16 bytes, may take together.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// The same memory, of which at most `limit` bytes are used.
    #[must_use]
    pub fn limited_to(self, limit: usize) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }
}
