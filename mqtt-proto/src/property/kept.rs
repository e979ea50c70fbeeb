//! Properties that are kept until they are sent: borrowed for ever, or owned with a heap.

use super::{Properties, Property};
use crate::error::EncodeError;

/// Properties that are kept: without a heap they are borrowed for ever, with one they are copied.
#[derive(Clone, Debug)]
pub struct PropertyList(place::Place);

impl PropertyList {
    /// No properties.
    ///
    /// ```
    /// # use mqtt_as_proto::Properties;
    /// # use mqtt_as_proto::property::PropertyList;
    /// assert_eq!(PropertyList::new().get(), Ok(Properties::NONE));
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(place::NONE)
    }

    /// Returns them.
    ///
    /// ```
    /// # use mqtt_as_proto::Property;
    /// # use mqtt_as_proto::property::PropertyList;
    /// static LIST: [Property<'static>; 1] = [Property::ContentType("text/plain")];
    /// assert_eq!(PropertyList::from(&LIST).get()?.content_type(), Some("text/plain"));
    /// # Ok::<(), mqtt_as_proto::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// [`EncodeError`] if one of those given could not be written.
    pub fn get(&self) -> Result<Properties<'_>, EncodeError> {
        place::get(&self.0)
    }
}

impl Default for PropertyList {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "alloc")]
mod place {
    use super::{EncodeError, Properties, Property, PropertyList};
    use crate::property::OwnedProperties;

    pub(super) type Place = Result<OwnedProperties, EncodeError>;

    pub(super) const NONE: Place = Ok(OwnedProperties::NONE);

    pub(super) fn get(place: &Place) -> Result<Properties<'_>, EncodeError> {
        place.as_ref().map(OwnedProperties::get).map_err(|error| *error)
    }

    impl From<Properties<'_>> for PropertyList {
        fn from(properties: Properties<'_>) -> Self {
            Self(OwnedProperties::new(&properties))
        }
    }

    impl From<&[Property<'_>]> for PropertyList {
        fn from(list: &[Property<'_>]) -> Self {
            Properties::new(list).into()
        }
    }

    impl<const N: usize> From<&[Property<'_>; N]> for PropertyList {
        fn from(list: &[Property<'_>; N]) -> Self {
            Properties::new(list).into()
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod place {
    use super::{EncodeError, Properties, Property, PropertyList};

    pub(super) type Place = &'static [Property<'static>];

    pub(super) const NONE: Place = &[];

    #[allow(clippy::unnecessary_wraps)] // With a heap a copy may have failed.
    pub(super) fn get(place: &Place) -> Result<Properties<'_>, EncodeError> {
        Ok(Properties::new(place))
    }

    impl From<&'static [Property<'static>]> for PropertyList {
        fn from(list: &'static [Property<'static>]) -> Self {
            Self(list)
        }
    }

    impl<const N: usize> From<&'static [Property<'static>; N]> for PropertyList {
        fn from(list: &'static [Property<'static>; N]) -> Self {
            Self(list)
        }
    }
}
