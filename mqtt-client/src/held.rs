//! What a client keeps of the program's: borrowed for ever, or owned with a heap.

use core::fmt;
use core::ops::{Deref, Range};

use place::Place;

/// Something that a client keeps: borrowed for ever, or owned with a heap.
pub struct Held<T: ?Sized + 'static>(Place<T>);

/// Text that a client keeps.
pub type Text = Held<str>;

/// Bytes that a client keeps.
pub type Binary = Held<[u8]>;

impl<T: ?Sized> Held<T> {
    /// What lives for ever is taken as it is, with and without a heap.
    ///
    /// ```
    /// # use mqtt_as_tokio::Held;
    /// const TOPIC: Held<str> = Held::<str>::from_static("plant/7/state");
    /// assert_eq!(TOPIC.as_str(), "plant/7/state");
    /// ```
    #[must_use]
    pub const fn from_static(value: &'static T) -> Self {
        Self(place::fixed(value))
    }
}

impl Text {
    /// The text.
    ///
    /// ```
    /// # use mqtt_as_tokio::Text;
    /// assert_eq!(Text::from("pump-7").as_str(), "pump-7");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        self
    }

    /// That part of it, which begins and ends between characters.
    pub(crate) fn part(&self, part: Range<usize>) -> Option<Self> {
        place::part(&self.0, part).map(Self)
    }
}

impl Binary {
    /// The bytes.
    ///
    /// ```
    /// # use mqtt_as_tokio::Binary;
    /// assert_eq!(Binary::from("secret").as_slice(), b"secret");
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self
    }
}

impl<T: ?Sized> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        Deref::deref(&self.0)
    }
}

impl<T: ?Sized> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self(Clone::clone(&self.0))
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Held<T> {}

impl Default for Text {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Text {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.as_str().format(f);
    }
}

/// Shows the length only: it may be a password.
impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// Ways to come by something that is kept.
macro_rules! from {
    ($($held:ty: $given:ident: $from:ty => $made:expr;)+) => {$(
        impl From<$from> for $held {
            fn from($given: $from) -> Self {
                $made
            }
        }
    )+};
}

#[cfg(feature = "alloc")]
mod place {
    use alloc::boxed::Box;
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use core::ops::{Deref, Range};

    use super::{Binary, Held, Text};

    pub(super) enum Place<T: ?Sized + 'static> {
        Fixed(&'static T),
        Owned(Arc<T>),
    }

    pub(super) const fn fixed<T: ?Sized>(value: &'static T) -> Place<T> {
        Place::Fixed(value)
    }

    impl<T: ?Sized> Clone for Place<T> {
        fn clone(&self) -> Self {
            match self {
                Self::Fixed(value) => Self::Fixed(value),
                Self::Owned(value) => Self::Owned(value.clone()),
            }
        }
    }

    impl<T: ?Sized> Deref for Place<T> {
        type Target = T;

        fn deref(&self) -> &T {
            match self {
                Self::Fixed(value) => value,
                Self::Owned(value) => value,
            }
        }
    }

    pub(super) fn part(text: &Place<str>, part: Range<usize>) -> Option<Place<str>> {
        match text {
            Place::Fixed(text) => text.get(part).map(Place::Fixed),
            Place::Owned(text) => text.get(part).map(|part| Place::Owned(part.into())),
        }
    }

    fn owned<T: ?Sized>(value: impl Into<Arc<T>>) -> Held<T> {
        Held(Place::Owned(value.into()))
    }

    impl<T> Held<T> {
        pub(crate) fn owned(value: T) -> Self {
            owned(Arc::new(value))
        }
    }

    impl<T: ?Sized> From<Box<T>> for Held<T> {
        fn from(value: Box<T>) -> Self {
            owned(value)
        }
    }

    from! {
        Text: text: &str => owned(text);
        Text: text: String => owned(text);
        Binary: text: &str => owned(text.as_bytes());
        Binary: bytes: &[u8] => owned(bytes);
        Binary: bytes: Vec<u8> => owned(bytes);
    }
}

#[cfg(not(feature = "alloc"))]
mod place {
    use core::ops::Range;

    use super::{Binary, Text};

    pub(super) type Place<T> = &'static T;

    pub(super) const fn fixed<T: ?Sized>(value: &'static T) -> Place<T> {
        value
    }

    pub(super) fn part(text: &Place<str>, part: Range<usize>) -> Option<Place<str>> {
        text.get(part)
    }

    from! {
        Text: text: &'static str => Self::from_static(text);
        Binary: text: &'static str => Self::from_static(text.as_bytes());
        Binary: bytes: &'static [u8] => Self::from_static(bytes);
    }
}
