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
        Self(Memory::Owned(Heap::new(limit)))
    }

    /// The most items it may ever hold.
    #[must_use]
    pub fn limit(&self) -> usize {
        match &self.0 {
            Memory::Borrowed(items) => items.len(),
            Memory::Owned(heap) => heap.limit(),
        }
    }

    /// Whether the memory is the caller's. Without a heap all is.
    #[inline]
    pub(crate) const fn is_lent(&self) -> bool {
        matches!(self.0, Memory::Borrowed(_))
    }

    /// The items that are there now.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            Memory::Borrowed(items) => items,
            Memory::Owned(heap) => heap.items(),
        }
    }

    /// The items that are there now.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        match &mut self.0 {
            Memory::Borrowed(items) => items,
            Memory::Owned(heap) => heap.items_mut(),
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
    pub(crate) fn grow_to_with(&mut self, len: usize, new: impl FnMut() -> T) -> bool {
        match &mut self.0 {
            Memory::Borrowed(items) => len <= items.len(),
            Memory::Owned(heap) => heap.grow_to(len, usize::MAX, new),
        }
    }

    /// Makes at least `len` items present, as [`grow_to`](Self::grow_to) does, but takes no more than
    /// `most` for that.
    #[must_use]
    pub(crate) fn grow_within(&mut self, len: usize, most: usize) -> bool
    where
        T: Default,
    {
        match &mut self.0 {
            Memory::Borrowed(items) => len <= items.len(),
            Memory::Owned(heap) => heap.grow_to(len, most, T::default),
        }
    }

    /// Gives heap memory back, with the items in it. The caller's memory stays as it is.
    pub fn release(&mut self) {
        self.shrink_to(0);
    }

    /// Gives the heap memory behind the first `len` items back. The caller's memory stays as it is.
    pub fn shrink_to(&mut self, len: usize) {
        if let Memory::Owned(heap) = &mut self.0 {
            heap.shrink_to(len);
        }
    }

    /// The same memory, of which at most `limit` items are used.
    #[must_use]
    pub fn limited_to(self, limit: usize) -> Self {
        Self(match self.0 {
            Memory::Borrowed(items) => {
                let len = items.len().min(limit);
                Memory::Borrowed(items.get_mut(..len).unwrap_or_default())
            }
            Memory::Owned(heap) => Memory::Owned(heap.limited_to(limit)),
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
    #[allow(dead_code)] // Not without the feature `alloc`.
    Owned(Heap<T>),
}

pub(crate) use heap::Heap;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::vec::Vec;

    /// The least that is taken from the heap: fewer would cost more in calls than they save, unless
    /// they are large.
    const LEAST: usize = 8;
    const LEAST_LARGE: usize = 2;
    const LARGE: usize = 32;

    /// Memory from the heap, up to a limit.
    #[derive(Debug)]
    pub(crate) struct Heap<T> {
        items: Vec<T>,
        limit: usize,
    }

    impl<T> Heap<T> {
        pub(crate) const fn new(limit: usize) -> Self {
            Self { items: Vec::new(), limit }
        }

        pub(crate) fn limit(&self) -> usize {
            self.limit
        }

        #[inline]
        pub(crate) fn items(&self) -> &[T] {
            &self.items
        }

        #[inline]
        pub(crate) fn items_mut(&mut self) -> &mut [T] {
            &mut self.items
        }

        /// Makes `len` items present, and takes no more than `most` for that.
        #[inline]
        pub(crate) fn grow_to(&mut self, len: usize, most: usize, new: impl FnMut() -> T) -> bool {
            len <= self.items.len() || self.grow(len, most, new)
        }

        #[cold]
        #[inline(never)]
        fn grow(&mut self, len: usize, most: usize, new: impl FnMut() -> T) -> bool {
            let (items, most) = (&mut self.items, most.min(self.limit));
            if len > most {
                return false;
            }
            let least = if size_of::<T>() > LARGE { LEAST_LARGE } else { LEAST };
            let target = items.len().saturating_mul(2).max(len).max(least).min(most);
            let more = target.saturating_sub(items.len());
            if items.try_reserve_exact(more).is_err() {
                return false;
            }
            items.resize_with(target, new);
            true
        }

        pub(crate) fn shrink_to(&mut self, len: usize) {
            self.items.truncate(len);
            self.items.shrink_to_fit();
        }

        pub(crate) fn limited_to(mut self, limit: usize) -> Self {
            self.items.truncate(limit);
            Self { limit: self.limit.min(limit), ..self }
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod heap {
    use core::convert::Infallible;
    use core::marker::PhantomData;

    /// Memory from the heap: there is none.
    #[derive(Debug)]
    pub(crate) struct Heap<T>(Infallible, PhantomData<T>);

    #[allow(clippy::needless_pass_by_value)] // As those of the other module.
    impl<T> Heap<T> {
        pub(crate) fn limit(&self) -> usize {
            match self.0 {}
        }

        pub(crate) fn items(&self) -> &[T] {
            match self.0 {}
        }

        pub(crate) fn items_mut(&mut self) -> &mut [T] {
            match self.0 {}
        }

        pub(crate) fn grow_to(&mut self, _len: usize, _most: usize, _: impl FnMut() -> T) -> bool {
            match self.0 {}
        }

        pub(crate) fn shrink_to(&mut self, _len: usize) {
            match self.0 {}
        }

        pub(crate) fn limited_to(self, _limit: usize) -> Self {
            match self.0 {}
        }
    }
}
