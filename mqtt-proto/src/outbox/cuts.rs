//! Payloads held by reference between the bytes of an outbox.

#[cfg(feature = "bytes")]
pub(super) use held::Cuts;
#[cfg(not(feature = "bytes"))]
pub(super) use none::Cuts;

#[cfg(feature = "bytes")]
mod held {
    use alloc::boxed::Box;
    use alloc::collections::VecDeque;

    use crate::payload::Shared;

    /// Payloads, in their order. Most clients never have any.
    #[derive(Default)]
    pub(crate) struct Cuts(Option<Box<Held>>);

    #[derive(Default)]
    struct Held {
        /// Each with its place among the bytes.
        cuts: VecDeque<(usize, Shared)>,
        /// Bytes written of the first one.
        done: usize,
        /// Bytes of all since there were none.
        bytes: usize,
    }

    /// So many at a time.
    const MOST: usize = 64;

    impl Cuts {
        #[inline]
        pub(crate) fn len(&self) -> usize {
            self.0.as_ref().map_or(0, |held| held.cuts.len())
        }

        /// Whether there is room for one more of that many bytes, among `limit` of all. One may be
        /// larger, if it is the only one.
        pub(crate) fn has_room(&self, more: usize, limit: usize) -> bool {
            let Some(held) = &self.0 else { return true };
            let total = held.bytes.wrapping_add(more);
            held.cuts.len() < MOST && (held.bytes == 0 || total <= limit)
        }

        /// The place of the first one, and what was not written of it.
        #[inline]
        pub(crate) fn first(&self) -> Option<(usize, &[u8])> {
            let held = self.0.as_ref()?;
            let (at, payload) = held.cuts.front()?;
            Some((*at, payload.as_slice().get(held.done..).unwrap_or_default()))
        }

        /// So many bytes of the first one were written.
        pub(crate) fn advance(&mut self, n: usize) {
            let Some(held) = &mut self.0 else { return };
            held.done = held.done.wrapping_add(n);
            if self.first().is_some_and(|(_, left)| left.is_empty()) {
                // Dropped at the end: it may run the program's code, which may panic.
                let _payload = self.take();
            }
        }

        /// The first one, which is not written any more.
        pub(crate) fn take(&mut self) -> Option<Shared> {
            let held = self.0.as_mut()?;
            held.done = 0;
            held.cuts.pop_front().map(|(_, payload)| payload)
        }

        pub(crate) fn push(&mut self, at: usize, payload: &Shared) {
            let held = self.0.get_or_insert_default();
            held.bytes = held.bytes.wrapping_add(payload.as_slice().len());
            held.cuts.push_back((at, payload.clone()));
        }

        /// Nothing is left of what there was.
        #[inline]
        pub(crate) fn begin_again(&mut self) {
            if let Some(held) = &mut self.0 {
                held.bytes = 0;
            }
        }

        /// Gives the memory back: there are none.
        pub(crate) fn release(&mut self) {
            self.0 = None;
        }

        /// Bytes of memory that are there now.
        pub(crate) fn allocated(&self) -> usize {
            let one = core::mem::size_of::<(usize, Shared)>();
            self.0.as_ref().map_or(0, |held| held.cuts.capacity().saturating_mul(one))
        }
    }
}

#[cfg(not(feature = "bytes"))]
#[allow(clippy::unused_self)] // As those of the other module.
mod none {
    use crate::payload::Shared;

    /// There are none.
    #[derive(Default)]
    pub(crate) struct Cuts {}

    impl Cuts {
        #[inline]
        pub(crate) fn len(&self) -> usize {
            0
        }

        #[inline]
        pub(crate) fn has_room(&self, _more: usize, _limit: usize) -> bool {
            false
        }

        #[inline]
        pub(crate) fn first(&self) -> Option<(usize, &[u8])> {
            None
        }

        #[inline]
        pub(crate) fn advance(&mut self, _n: usize) {}

        #[inline]
        pub(crate) fn take(&mut self) -> Option<Shared> {
            None
        }

        #[inline]
        pub(crate) fn push(&mut self, _at: usize, payload: &Shared) {
            match *payload {}
        }

        #[inline]
        pub(crate) fn begin_again(&mut self) {}

        #[inline]
        pub(crate) fn release(&mut self) {}

        #[inline]
        pub(crate) fn allocated(&self) -> usize {
            0
        }
    }
}
