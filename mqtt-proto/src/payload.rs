//! Payloads that leave: copied when small, held by reference when large and shared.

use core::fmt;

/// The payload of a message to publish.
///
/// A slice is copied. With the feature `bytes`, a `bytes::Bytes` of 32 KiB or more is not copied: it
/// is held by reference and written from where it lies.
#[derive(Clone, Copy)]
pub struct Payload<'p>(Source<'p>);

#[derive(Clone, Copy)]
enum Source<'p> {
    Slice(&'p [u8]),
    #[allow(dead_code)] // Not without the feature `bytes`.
    Shared(&'p Lender),
}

/// From here on a copy costs more than a write of its own.
const LARGE: usize = 32 * 1024;

impl<'p> Payload<'p> {
    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &'p [u8] {
        match self.0 {
            Source::Slice(bytes) => bytes,
            Source::Shared(lender) => lender,
        }
    }

    /// The payload as `Bytes`: shared if it is, else copied.
    #[cfg(feature = "bytes")]
    #[must_use]
    pub fn to_shared(&self) -> bytes::Bytes {
        match self.0 {
            Source::Slice(bytes) => bytes::Bytes::copy_from_slice(bytes),
            Source::Shared(bytes) => bytes.clone(),
        }
    }

    /// What it is held by reference from, if it is worth that.
    #[inline]
    fn lender(&self) -> Option<&'p Lender> {
        match self.0 {
            Source::Shared(lender) if lender.len() >= LARGE => Some(lender),
            _ => None,
        }
    }

    /// How many bytes of it are worth to be held by reference: all or none.
    #[inline]
    pub(crate) fn shared_len(&self) -> usize {
        self.lender().map_or(0, |_| self.as_slice().len())
    }

    /// The payload to hold by reference, if it is worth it.
    #[inline]
    pub(crate) fn shared(&self) -> Option<Shared> {
        self.lender().map(Shared::of)
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.as_slice().len())
    }
}

impl<'p> From<&'p [u8]> for Payload<'p> {
    fn from(bytes: &'p [u8]) -> Self {
        Self(Source::Slice(bytes))
    }
}

impl<'p, const N: usize> From<&'p [u8; N]> for Payload<'p> {
    fn from(bytes: &'p [u8; N]) -> Self {
        Self(Source::Slice(bytes))
    }
}

#[cfg(feature = "alloc")]
impl<'p> From<&'p alloc::vec::Vec<u8>> for Payload<'p> {
    fn from(bytes: &'p alloc::vec::Vec<u8>) -> Self {
        Self(Source::Slice(bytes))
    }
}

#[cfg(feature = "alloc")]
impl<'p> From<&'p alloc::string::String> for Payload<'p> {
    fn from(text: &'p alloc::string::String) -> Self {
        Self(Source::Slice(text.as_bytes()))
    }
}

impl<'p> From<&'p str> for Payload<'p> {
    fn from(text: &'p str) -> Self {
        Self(Source::Slice(text.as_bytes()))
    }
}

#[cfg(feature = "bytes")]
impl<'p> From<&'p bytes::Bytes> for Payload<'p> {
    fn from(bytes: &'p bytes::Bytes) -> Self {
        Self(Source::Shared(bytes))
    }
}

use shared::Lender;
pub(crate) use shared::Owners;
/// A payload held by reference, in what is shared without the feature `bytes`: nothing.
pub use shared::Shared;

#[cfg(feature = "bytes")]
mod shared {
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    /// What bytes are held by reference from.
    pub(super) type Lender = bytes::Bytes;

    /// Bytes held by reference.
    #[derive(Clone)]
    pub struct Shared(pub(crate) bytes::Bytes);

    impl Shared {
        /// Whether there are any at all.
        pub(crate) const POSSIBLE: bool = true;

        pub(super) fn of(lender: &Lender) -> Self {
            Self(lender.clone())
        }

        /// The bytes.
        #[must_use]
        #[inline]
        pub fn as_slice(&self) -> &[u8] {
            &self.0
        }
    }

    /// Payloads that wait to be dropped.
    const MOST_RELEASED: usize = 1024;

    /// Bytes held by reference, by number. Those let go of wait to be dropped by the caller: a drop
    /// may run code of the program. Most clients never have any.
    #[derive(Default)]
    pub(crate) struct Owners(Option<Box<Held>>);

    #[derive(Default)]
    struct Held {
        slots: Vec<Option<Shared>>,
        free: Vec<u32>,
        bytes: usize,
        released: Vec<Shared>,
    }

    impl Owners {
        /// Bytes of all that is held.
        #[inline]
        pub(crate) fn bytes(&self) -> usize {
            self.0.as_ref().map_or(0, |held| held.bytes)
        }

        pub(crate) fn add(&mut self, shared: Shared) -> u32 {
            let held = self.0.get_or_insert_default();
            held.bytes = held.bytes.saturating_add(shared.as_slice().len());
            if let Some(key) = held.free.pop()
                && let Some(slot) = held.slots.get_mut(key as usize)
            {
                *slot = Some(shared);
                return key;
            }
            held.slots.push(Some(shared));
            held.slots.len().saturating_sub(1) as u32
        }

        pub(crate) fn get(&self, key: u32) -> Option<&Shared> {
            self.0.as_ref()?.slots.get(key as usize)?.as_ref()
        }

        pub(crate) fn release(&mut self, key: u32) {
            let Some(held) = &mut self.0 else { return };
            let shared = held.slots.get_mut(key as usize).and_then(Option::take);
            if let Some(shared) = shared {
                held.bytes = held.bytes.saturating_sub(shared.as_slice().len());
                held.free.push(key);
                self.let_go(shared);
            }
        }

        /// It waits to be dropped by the caller. A caller who asks for none does not mind that the
        /// oldest is dropped here.
        pub(crate) fn let_go(&mut self, shared: Shared) {
            let released = &mut self.0.get_or_insert_default().released;
            if released.len() >= MOST_RELEASED {
                drop(released.swap_remove(0));
            }
            released.push(shared);
        }

        pub(crate) fn take_released(&mut self) -> Option<Shared> {
            self.0.as_mut()?.released.pop()
        }

        #[inline]
        pub(crate) fn has_released(&self) -> bool {
            self.0.as_ref().is_some_and(|held| !held.released.is_empty())
        }

        /// Gives memory back if nothing is held.
        pub(crate) fn trim(&mut self) {
            let is_held = |held: &Held| held.free.len() != held.slots.len();
            if self.0.as_ref().is_some_and(|held| !is_held(held) && held.released.is_empty()) {
                self.0 = None;
            }
        }
    }
}

#[cfg(not(feature = "bytes"))]
mod shared {
    pub(super) type Lender = Shared;

    /// Bytes held by reference: without the feature `bytes` there are none.
    #[derive(Clone)]
    pub enum Shared {}

    impl core::ops::Deref for Shared {
        type Target = [u8];

        fn deref(&self) -> &[u8] {
            match *self {}
        }
    }

    impl Shared {
        /// Whether there are any at all.
        pub(crate) const POSSIBLE: bool = false;

        pub(super) fn of(lender: &Lender) -> Self {
            match *lender {}
        }

        /// The bytes.
        #[must_use]
        pub fn as_slice(&self) -> &[u8] {
            match *self {}
        }
    }

    #[derive(Default)]
    pub(crate) struct Owners {}

    #[allow(clippy::unused_self, clippy::needless_pass_by_value)] // As those of the other module.
    impl Owners {
        pub(crate) fn bytes(&self) -> usize {
            0
        }

        pub(crate) fn add(&mut self, shared: Shared) -> u32 {
            match shared {}
        }

        pub(crate) fn get(&self, _key: u32) -> Option<&Shared> {
            None
        }

        pub(crate) fn release(&mut self, _key: u32) {}

        pub(crate) fn let_go(&mut self, shared: Shared) {
            match shared {}
        }

        pub(crate) fn take_released(&mut self) -> Option<Shared> {
            None
        }

        pub(crate) fn has_released(&self) -> bool {
            false
        }

        pub(crate) fn trim(&mut self) {}
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} bytes)", self.as_slice().len())
    }
}
