//! Where the records of a long log lie, by their identifiers.

use super::Record;
use crate::storage::Heap;

/// Live records from which on identifiers are found by an index.
const INDEXED: u32 = 8;

/// The position of the live record with an identifier, plus 1, at the identifier modulo its length.
/// Its length is 0 or a power of two, such that no two live records share a place.
///
/// Only a log on the heap is long enough for it.
#[derive(Debug, Default)]
pub(super) struct Index(Option<Heap<u32>>);

impl Index {
    #[cfg(feature = "alloc")]
    pub(super) const fn owned() -> Self {
        Self(Some(Heap::new(1 << 16)))
    }

    pub(super) const fn none() -> Self {
        Self(None)
    }

    #[inline]
    pub(super) fn places(&self) -> &[u32] {
        self.0.as_ref().map_or(&[], Heap::items)
    }

    /// What stands at the place of an identifier, 0 if nothing does; none without an index.
    #[inline]
    pub(super) fn get(&self, id: u16) -> Option<u32> {
        let places = self.places();
        places.get(usize::from(id) & places.len().wrapping_sub(1)).copied()
    }

    #[inline]
    fn get_mut(&mut self, id: u16) -> Option<&mut u32> {
        let mask = self.places().len().checked_sub(1)?;
        self.0.as_mut()?.items_mut().get_mut(usize::from(id) & mask)
    }

    /// Enters a record, of so many. False if the index has to be made anew.
    #[inline]
    pub(super) fn enter(&mut self, record: &Record, count: u32) -> bool {
        if record.id == 0 {
            return true;
        }
        match self.get_mut(record.id) {
            Some(free @ 0) => *free = record.at.wrapping_add(1),
            Some(_) => return false,
            None => return self.0.is_none() || count <= INDEXED,
        }
        true
    }

    #[inline]
    pub(super) fn leave(&mut self, record: &Record) {
        if record.id != 0
            && let Some(place) = self.get_mut(record.id)
            && *place == record.at.wrapping_add(1)
        {
            *place = 0;
        }
    }

    /// How many places so many records want at least.
    pub(super) fn wanted(&self, count: u32) -> usize {
        let least = (count as usize).saturating_mul(2).max(64).next_power_of_two();
        least.min(self.0.as_ref().map_or(0, Heap::limit))
    }

    /// Makes it empty, with so many places or more. False if that cannot be.
    pub(super) fn begin(&mut self, len: usize) -> bool {
        let Some(places) = &mut self.0 else { return false };
        let grown = places.grow_to(len, usize::MAX, u32::default);
        places.items_mut().fill(0);
        grown && places.items().len().is_power_of_two()
    }

    /// Without it, records are found by walking.
    pub(super) fn release(&mut self) {
        if let Some(places) = &mut self.0 {
            places.shrink_to(0);
        }
    }
}
