//! Memory from the caller or from the heap, behind one type.

use core::fmt;

/// Room for a bounded number of items.
///
/// A device without a heap lends a slice, whose length is the bound. With the feature `alloc`,
/// `Storage::owned` takes memory from the heap as it is needed, up to its bound.
///
/// ```
/// use mqtt_as_proto::Storage;
///
/// let mut memory = [0_u8; 64];
/// let storage = Storage::borrowed(&mut memory);
/// assert_eq!(storage.limit(), 64);
/// ```
pub struct Storage<'a, T>(Memory<'a, T>);

impl<'a, T> Storage<'a, T> {
    /// The caller's memory. Its length is the limit.
    #[must_use]
    pub const fn borrowed(items: &'a mut [T]) -> Self {
        Self(Memory::Borrowed(items))
    }

    /// Memory from the heap: nothing at first, later as much as is needed, never above `limit`
    /// items.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub const fn owned(limit: usize) -> Self {
        Self(Memory::Owned { items: alloc::vec::Vec::new(), limit })
    }

    /// The most items it may ever hold.
    #[must_use]
    pub fn limit(&self) -> usize {
        match &self.0 {
            Memory::Borrowed(items) => items.len(),
            #[cfg(feature = "alloc")]
            Memory::Owned { limit, .. } => *limit,
        }
    }

    /// The items that are there now.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            Memory::Borrowed(items) => items,
            #[cfg(feature = "alloc")]
            Memory::Owned { items, .. } => items,
        }
    }

    /// The items that are there now.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.0 {
            Memory::Borrowed(items) => items,
            #[cfg(feature = "alloc")]
            Memory::Owned { items, .. } => items,
        }
    }

    /// The item at `index`, if it is there now.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.as_slice().get(index)
    }

    /// The item at `index`, if it is there now.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.as_mut_slice().get_mut(index)
    }

    /// Makes at least `len` items present. Heap memory grows by doubling, so that growing one by
    /// one stays cheap; new items have their default value.
    ///
    /// False if `len` is above the limit or the heap has no more memory: nothing has changed then.
    #[inline]
    #[must_use]
    pub fn grow_to(&mut self, len: usize) -> bool
    where
        T: Default,
    {
        self.grow_to_with(len, T::default)
    }

    /// The same, with that for new items.
    #[inline]
    #[must_use]
    #[cfg_attr(not(feature = "alloc"), allow(unused_variables))]
    pub(crate) fn grow_to_with(&mut self, len: usize, new: impl FnMut() -> T) -> bool {
        match &mut self.0 {
            Memory::Borrowed(items) => len <= items.len(),
            #[cfg(feature = "alloc")]
            Memory::Owned { items, limit } => len <= items.len() || grow(items, len, *limit, new),
        }
    }

    /// Gives heap memory back, with the items in it. The caller's memory stays as it is.
    pub fn release(&mut self) {
        match &mut self.0 {
            Memory::Borrowed(_) => {}
            #[cfg(feature = "alloc")]
            Memory::Owned { items, .. } => *items = alloc::vec::Vec::new(),
        }
    }

    /// The same memory, of which at most `limit` items are used.
    #[must_use]
    pub fn limited_to(self, limit: usize) -> Self {
        Self(match self.0 {
            Memory::Borrowed(items) => Memory::Borrowed(first(items, limit)),
            #[cfg(feature = "alloc")]
            Memory::Owned { mut items, limit: own } => {
                items.truncate(limit);
                Memory::Owned { items, limit: own.min(limit) }
            }
        })
    }
}

impl<T> Default for Storage<'_, T> {
    /// No memory at all.
    fn default() -> Self {
        Self::borrowed(&mut [])
    }
}

impl<'a, T> From<&'a mut [T]> for Storage<'a, T> {
    fn from(items: &'a mut [T]) -> Self {
        Self::borrowed(items)
    }
}

impl<'a, T, const N: usize> From<&'a mut [T; N]> for Storage<'a, T> {
    fn from(items: &'a mut [T; N]) -> Self {
        Self::borrowed(items)
    }
}

impl<T> fmt::Debug for Storage<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage")
            .field("len", &self.as_slice().len())
            .field("limit", &self.limit())
            .finish()
    }
}

enum Memory<'a, T> {
    Borrowed(&'a mut [T]),
    #[cfg(feature = "alloc")]
    Owned {
        items: alloc::vec::Vec<T>,
        limit: usize,
    },
}

/// At most the first `limit` items.
fn first<T>(items: &mut [T], limit: usize) -> &mut [T] {
    let len = items.len().min(limit);
    items.get_mut(..len).unwrap_or_default()
}

/// The least that is taken from the heap: fewer would cost more in calls than they save.
#[cfg(feature = "alloc")]
const LEAST: usize = 8;

/// Makes `len` items present, which are more than there are.
#[cfg(feature = "alloc")]
#[cold]
#[inline(never)]
fn grow<T>(
    items: &mut alloc::vec::Vec<T>,
    len: usize,
    limit: usize,
    new: impl FnMut() -> T,
) -> bool {
    if len > limit {
        return false;
    }
    let target = items.len().saturating_mul(2).max(len).max(LEAST).min(limit);
    let more = target.saturating_sub(items.len());
    if items.try_reserve_exact(more).is_err() {
        return false;
    }
    items.resize_with(target, new);
    true
}
