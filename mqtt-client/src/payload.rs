//! What a publish takes as its payload.

use core::fmt;

use mqtt_as_proto::Payload as Lent;

use crate::large::Large;

/// The payload of a message to publish: text or bytes, by reference or by value.
///
/// References are to slices, arrays, `str`, `String`, `Vec<u8>` and `bytes::Bytes`; with a heap all
/// of these are taken by value, too. A `bytes::Bytes` of 32 KiB or more is never copied: it is held
/// by reference and written from where it lies. So is a `Vec` or a `String` by value.
pub struct Payload<'p> {
    pub(crate) lent: Lent<'p>,
    /// It is the program's no more.
    pub(crate) owned: Large,
}

impl Payload<'_> {
    /// Returns the bytes.
    ///
    /// ```
    /// # use mqtt_as_tokio::Payload;
    /// assert_eq!(Payload::from("running").as_slice(), b"running");
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.owned.payload().unwrap_or(self.lent).as_slice()
    }
}

impl<'p, T: ?Sized> From<&'p T> for Payload<'p>
where
    Lent<'p>: From<&'p T>,
{
    #[inline]
    fn from(payload: &'p T) -> Self {
        Self { lent: payload.into(), owned: Large::NONE }
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.as_slice().len())
    }
}

#[cfg(feature = "alloc")]
mod owned {
    use alloc::borrow::Cow;
    use alloc::boxed::Box;
    use alloc::string::String;
    use alloc::vec::Vec;

    use bytes::{Bytes, BytesMut};

    use super::{Large, Lent, Payload};

    impl Payload<'_> {
        fn owned(bytes: impl Into<Bytes>) -> Self {
            Self { lent: Lent::from(&[][..]), owned: Large::owned(bytes.into()) }
        }
    }

    macro_rules! by_value {
        ($($type:ty),+) => {$(
            impl From<$type> for Payload<'_> {
                fn from(payload: $type) -> Self {
                    Self::owned(payload)
                }
            }
        )+};
    }

    by_value!(String, Vec<u8>, Bytes, BytesMut, Box<[u8]>);

    impl<const N: usize> From<[u8; N]> for Payload<'_> {
        fn from(payload: [u8; N]) -> Self {
            Self::owned(Bytes::copy_from_slice(&payload))
        }
    }

    impl<'p> From<Cow<'p, str>> for Payload<'p> {
        fn from(payload: Cow<'p, str>) -> Self {
            match payload {
                Cow::Borrowed(text) => text.into(),
                Cow::Owned(text) => text.into(),
            }
        }
    }

    impl<'p> From<Cow<'p, [u8]>> for Payload<'p> {
        fn from(payload: Cow<'p, [u8]>) -> Self {
            match payload {
                Cow::Borrowed(bytes) => bytes.into(),
                Cow::Owned(bytes) => bytes.into(),
            }
        }
    }
}
