//! Topic names and topic filters (section 4.7), judged once.

use core::fmt;

pub use crate::error::TopicError;
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer, has_nul, text};

/// A topic name that is right: what a message is published to (4.7).
///
/// It has 1 to 65,535 bytes of UTF-8 without U+0000 and without wildcards.
///
/// ```
/// # use mqtt_as_proto::{TopicError, TopicName};
/// let name = TopicName::new("sport/tennis")?;
/// assert_eq!(name.as_str(), "sport/tennis");
/// assert_eq!(TopicName::new("sport/#"), Err(TopicError::WildcardInName));
/// # Ok::<(), TopicError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicName<'a>(&'a [u8]);

impl<'a> TopicName<'a> {
    /// The name of a 5.0 PUBLISH that a topic alias stands for (3.3.2.1).
    pub(crate) const EMPTY: TopicName<'static> = TopicName(&[]);

    /// A name that was judged before.
    pub(crate) const fn judged(name: &'a [u8]) -> Self {
        Self(name)
    }

    /// Judges bytes, which must be UTF-8.
    ///
    /// ```
    /// # use mqtt_as_proto::TopicName;
    /// assert_eq!(TopicName::from_bytes(b"sport/tennis")?.as_str(), "sport/tennis");
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// Says which rule of section 4.7 the bytes break.
    #[inline]
    pub fn from_bytes(name: &'a [u8]) -> Result<Self, TopicError> {
        if !is_plain(name) {
            check_name(name)?;
        }
        Ok(Self(name))
    }

    pub(crate) fn read(from: &mut Reader<'a>) -> Self {
        Self::judge(from.binary(), from)
    }

    /// Judges what was read.
    #[inline(never)]
    pub(crate) fn judge(name: &'a [u8], from: &mut Reader<'_>) -> Self {
        Self::from_bytes(name).unwrap_or_else(|error| {
            from.fail(DecodeError::TopicName(error));
            Self::EMPTY
        })
    }

    pub(crate) fn write(self, out: &mut Writer<'_>) {
        if self.is_empty() {
            out.fail(EncodeError::EmptyTopic); // [MQTT-4.7.3-1]
        }
        out.binary(self.0);
    }

    /// True only for a 5.0 PUBLISH with a topic alias in place of its name (3.3.2.1).
    ///
    /// ```
    /// # use mqtt_as_proto::TopicName;
    /// assert!(!TopicName::new("sport/tennis")?.is_empty());
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// A topic filter that is right: what a subscription asks for (4.7).
///
/// It has 1 to 65,535 bytes of UTF-8 without U+0000, with wildcards only where they may stand. A
/// filter that begins with `$share/` is a well-formed shared subscription (4.8.2).
///
/// ```
/// # use mqtt_as_proto::{TopicError, TopicFilter, TopicName};
/// let filter = TopicFilter::new("sport/+/player1/#")?;
/// assert!(filter.matches(TopicName::new("sport/tennis/player1/ranking")?));
/// assert_eq!(TopicFilter::new("sport#"), Err(TopicError::MisplacedWildcard));
/// # Ok::<(), TopicError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicFilter<'a>(&'a [u8]);

impl<'a> TopicFilter<'a> {
    /// Judges bytes, which must be UTF-8.
    ///
    /// ```
    /// # use mqtt_as_proto::TopicFilter;
    /// assert_eq!(TopicFilter::from_bytes(b"sport/#")?.as_str(), "sport/#");
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    ///
    /// # Errors
    /// Says which rule of section 4.7 or 4.8.2 the bytes break.
    pub fn from_bytes(filter: &'a [u8]) -> Result<Self, TopicError> {
        check_text(filter)?;
        let levels = match filter.strip_prefix(SHARE) {
            Some(shared) => well_shared(shared)?,
            None => filter,
        };
        if !wildcards_placed(levels) {
            return Err(TopicError::MisplacedWildcard);
        }
        Ok(Self(filter))
    }

    pub(crate) fn read(from: &mut Reader<'a>) -> Self {
        Self::from_bytes(from.binary()).unwrap_or_else(|error| {
            from.fail(DecodeError::TopicFilter(error));
            Self(&[])
        })
    }

    /// The share name, if this is a shared subscription (4.8.2): `g` of `$share/g/sport/#`.
    ///
    /// Only 5.0 has shared subscriptions. To 3.1.1 it is a filter like any other, though many
    /// servers share it too.
    ///
    /// ```
    /// # use mqtt_as_proto::TopicFilter;
    /// assert_eq!(TopicFilter::new("$share/g/sport/#")?.share_name(), Some("g"));
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    #[must_use]
    pub fn share_name(self) -> Option<&'a str> {
        self.share().map(|(name, _)| text(name))
    }

    /// Whether this is a shared subscription.
    pub(crate) fn is_shared(self) -> bool {
        self.share().is_some()
    }

    /// The filter that names are matched with: `sport/#` of `$share/g/sport/#`.
    ///
    /// ```
    /// # use mqtt_as_proto::TopicFilter;
    /// let filter = TopicFilter::new("$share/g/sport/#")?;
    /// assert_eq!(filter.without_share().as_str(), "sport/#");
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    #[must_use]
    pub fn without_share(self) -> Self {
        self.share().map_or(self, |(_, filter)| Self(filter))
    }

    /// Whether it may match more than one name.
    ///
    /// ```
    /// # use mqtt_as_proto::TopicFilter;
    /// assert!(TopicFilter::new("sport/+")?.has_wildcard());
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    #[must_use]
    pub fn has_wildcard(self) -> bool {
        has_wildcard(self.0)
    }

    /// Whether a message published to `name` is one of those that the filter asks for (4.7).
    ///
    /// Bytes are compared as they are, without normalising [MQTT-4.7.3-4]. A shared subscription
    /// matches as its filter does.
    ///
    /// ```
    /// # use mqtt_as_proto::{TopicFilter, TopicName};
    /// let filter = TopicFilter::new("sport/#")?;
    /// assert!(filter.matches(TopicName::new("sport/tennis")?));
    /// assert!(!filter.matches(TopicName::new("news")?));
    /// # Ok::<(), mqtt_as_proto::TopicError>(())
    /// ```
    #[must_use]
    pub fn matches(self, name: TopicName<'_>) -> bool {
        let Self(filter) = self.without_share();
        if name.0.first() == Some(&b'$') && matches!(filter.first(), Some(b'+' | b'#')) {
            return false; // [MQTT-4.7.2-1]
        }
        levels_match(filter, name.0)
    }

    /// The share name and the filter after it.
    fn share(self) -> Option<(&'a [u8], &'a [u8])> {
        split_level(self.0.strip_prefix(SHARE)?)
    }
}

macro_rules! topics {
    ($($topic:ident)+) => {
        $(impl<'a> $topic<'a> {
            /// Judges a string.
            ///
            /// ```
            /// # use mqtt_as_proto::{TopicFilter, TopicName};
            /// assert!(TopicName::new("sport/tennis").is_ok() && TopicName::new("sport/+").is_err());
            /// assert!(TopicFilter::new("sport/+").is_ok() && TopicFilter::new("sport+").is_err());
            /// ```
            ///
            /// # Errors
            /// Says which rule of section 4.7 or 4.8.2 the string breaks.
            pub fn new(topic: &'a str) -> Result<Self, TopicError> {
                Self::from_bytes(topic.as_bytes())
            }

            /// Its bytes.
            ///
            /// ```
            /// # use mqtt_as_proto::{TopicFilter, TopicName};
            /// assert_eq!(TopicName::new("sport/tennis")?.as_bytes(), b"sport/tennis");
            /// assert_eq!(TopicFilter::new("sport/+")?.as_bytes(), b"sport/+");
            /// # Ok::<(), mqtt_as_proto::TopicError>(())
            /// ```
            #[inline]
            #[must_use]
            pub const fn as_bytes(self) -> &'a [u8] {
                self.0
            }

            /// The same as a string. Its UTF-8 is checked again: keep the string if it is needed
            /// often.
            ///
            /// ```
            /// # use mqtt_as_proto::{TopicFilter, TopicName};
            /// assert_eq!(TopicName::new("sport/tennis")?.as_str(), "sport/tennis");
            /// assert_eq!(TopicFilter::new("sport/+")?.as_str(), "sport/+");
            /// # Ok::<(), mqtt_as_proto::TopicError>(())
            /// ```
            #[must_use]
            pub fn as_str(self) -> &'a str {
                text(self.0)
            }
        }

        impl<'a> TryFrom<&'a str> for $topic<'a> {
            type Error = TopicError;

            fn try_from(topic: &'a str) -> Result<Self, TopicError> {
                Self::new(topic)
            }
        }

        impl fmt::Display for $topic<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $topic<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($topic)).field(&self.as_str()).finish()
            }
        })+
    };
}

topics!(TopicName TopicFilter);

/// How a shared subscription begins [MQTT-4.8.2-1].
const SHARE: &[u8] = b"$share/";

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

fn has_wildcard(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| matches!(byte, b'+' | b'#'))
}

/// A topic has 1 to 65,535 bytes of UTF-8 without U+0000.
fn check_text(topic: &[u8]) -> Result<(), TopicError> {
    match topic.len() {
        0 => Err(TopicError::Empty),            // [MQTT-4.7.3-1]
        0x1_0000.. => Err(TopicError::TooLong), // [MQTT-4.7.3-3]
        _ if core::str::from_utf8(topic).is_err() => Err(TopicError::NotUtf8), // [MQTT-1.5.4-1]
        _ if has_nul(topic) => Err(TopicError::Nul), // [MQTT-4.7.3-2] [MQTT-1.5.4-2]
        _ => Ok(()),
    }
}

/// A topic name has no wildcards.
#[cold]
#[inline(never)]
fn check_name(name: &[u8]) -> Result<(), TopicError> {
    check_text(name)?;
    if has_wildcard(name) {
        return Err(TopicError::WildcardInName); // [MQTT-4.7.0-1] [MQTT-3.3.2-2]
    }
    Ok(())
}

/// As many bytes as are looked at at once.
type Word = [u8; size_of::<usize>()];

/// Whether a topic has only bytes from `,` to U+007F, of which no rule speaks.
///
/// Nearly all topics are like that, so this is what judging costs: one pass, a word at a time. The
/// last two words may cover the same bytes, which does no harm.
#[inline]
fn is_plain(topic: &[u8]) -> bool {
    let Some(last) = topic.last_chunk() else {
        return !topic.is_empty() && topic.iter().all(|byte| (b','..0x80).contains(byte));
    };
    let (words, _) = topic.as_chunks();
    let plain = words.iter().fold(plain_bytes(*last), |plain, word| plain & plain_bytes(*word));
    plain == each(0x80) && topic.len() <= 0xffff
}

/// Returns the highest bit of each byte: of an ASCII byte it is 0, and with `0x80 - b','` added it
/// is 1 from `,` on.
#[inline]
fn plain_bytes(word: Word) -> usize {
    let word = usize::from_ne_bytes(word);
    word.wrapping_add(each(0x80 - b',')) & !word & each(0x80)
}

/// The same byte in each place of a word.
const fn each(byte: u8) -> usize {
    usize::from_ne_bytes([byte; size_of::<Word>()])
}

/// The first level and what comes after the `/` that ends it.
fn split_level(topic: &[u8]) -> Option<(&[u8], &[u8])> {
    let (level, after) = topic.split_at_checked(topic.iter().position(is_slash)?)?;
    Some((level, after.get(1..)?))
}

/// What follows `$share/` must be a share name and a filter, which is given back.
fn well_shared(shared: &[u8]) -> Result<&[u8], TopicError> {
    let (name, filter) = split_level(shared).unwrap_or((shared, &[]));
    if name.is_empty() || has_wildcard(name) {
        return Err(TopicError::ShareName); // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    }
    if filter.is_empty() {
        return Err(TopicError::ShareFilter); // [MQTT-4.8.2-2]
    }
    Ok(filter)
}

/// `+` fills its level [MQTT-4.7.1-2], `#` the last one [MQTT-4.7.1-1].
fn wildcards_placed(filter: &[u8]) -> bool {
    let mut levels = filter.split(is_slash);
    while let Some(level) = levels.next() {
        let fits = match level {
            b"+" => true,
            b"#" => levels.next().is_none(),
            _ => !has_wildcard(level),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Compares level by level. `#` also takes the level above it: `sport/#` matches `sport`.
fn levels_match(filter: &[u8], name: &[u8]) -> bool {
    let (mut wanted, mut given) = (filter.split(is_slash), name.split(is_slash));
    loop {
        match (wanted.next(), given.next()) {
            (Some(b"#"), _) | (None, None) => return true,
            (Some(b"+"), Some(_)) => {}
            (Some(want), Some(have)) if want == have => {}
            _ => return false,
        }
    }
}
