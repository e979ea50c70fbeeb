//! Payloads that leave: copied when small, held by reference when large and shared.

use core::fmt;

/// The payload of a message to publish.
///
/// A slice is copied. With the feature `bytes`, a `bytes::Bytes` of 4 KiB or more is not copied: it
/// is held by reference and written from where it lies. It is dropped where the client drops it, with
/// its lock held: an owner given to `Bytes::from_owner` must not use the client in its `Drop`.
#[derive(Clone, Copy)]
pub struct Payload<'p>(Source<'p>);

#[derive(Clone, Copy)]
enum Source<'p> {
    Slice(&'p [u8]),
    #[cfg(feature = "bytes")]
    Shared(&'p bytes::Bytes),
}

/// From here on a copy costs more than a write of its own.
#[cfg(feature = "bytes")]
const LARGE: usize = 4096;

impl<'p> Payload<'p> {
    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &'p [u8] {
        match self.0 {
            Source::Slice(bytes) => bytes,
            #[cfg(feature = "bytes")]
            Source::Shared(bytes) => bytes,
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

    /// The payload to hold by reference, if it is worth it.
    #[inline]
    pub(crate) fn shared(&self) -> Option<Shared> {
        match self.0 {
            Source::Slice(_) => None,
            #[cfg(feature = "bytes")]
            Source::Shared(bytes) => (bytes.len() >= LARGE).then(|| Shared(bytes.clone())),
        }
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

/// A payload held by reference. There is none without the feature `bytes`.
#[cfg(feature = "bytes")]
#[derive(Clone)]
pub(crate) struct Shared(bytes::Bytes);

/// A payload held by reference. There is none without the feature `bytes`.
#[cfg(not(feature = "bytes"))]
#[derive(Clone)]
pub(crate) enum Shared {}

impl Shared {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        #[cfg(feature = "bytes")]
        return &self.0;
        #[cfg(not(feature = "bytes"))]
        match *self {}
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({} bytes)", self.as_slice().len())
    }
}
