//! Properties that a client keeps, and how several lists of them become one section.

use mqtt_as_proto::{Properties, Property};

use crate::error::ConnectError;
pub use place::PropertyList;

/// Properties of one section at most.
const MOST: usize = 16;

/// A section that is put together from several lists.
pub(crate) struct Section<'p> {
    list: [Property<'p>; MOST],
    count: usize,
}

impl<'p> Section<'p> {
    pub(crate) const fn new() -> Self {
        Self { list: [Property::PayloadFormatIndicator(false); MOST], count: 0 }
    }

    pub(crate) fn add(&mut self, property: Property<'p>) -> Result<(), ConnectError> {
        let too_many = ConnectError::TooManyProperties { most: MOST };
        *self.list.get_mut(self.count).ok_or(too_many)? = property;
        self.count += 1;
        Ok(())
    }

    pub(crate) fn add_all(&mut self, properties: Properties<'p>) -> Result<(), ConnectError> {
        properties.into_iter().try_for_each(|property| self.add(property))
    }

    pub(crate) fn get(&self) -> Properties<'_> {
        Properties::new(self.list.get(..self.count).unwrap_or_default())
    }
}

#[cfg(feature = "alloc")]
mod place {
    use mqtt_as_proto::property::OwnedProperties;
    use mqtt_as_proto::{EncodeError, Properties, Property};

    /// Properties that a client keeps: a copy on the heap, or a list that lives for ever.
    #[derive(Clone, Debug)]
    pub struct PropertyList(Result<OwnedProperties, EncodeError>);

    impl PropertyList {
        pub(crate) fn new() -> Self {
            Self(Ok(OwnedProperties::default()))
        }

        pub(crate) fn get(&self) -> Result<Properties<'_>, EncodeError> {
            self.0.as_ref().map(OwnedProperties::get).map_err(|fault| *fault)
        }
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
    use mqtt_as_proto::{EncodeError, Properties, Property};

    /// Properties that a client keeps: a copy on the heap, or a list that lives for ever.
    #[derive(Clone, Copy, Debug)]
    pub struct PropertyList(&'static [Property<'static>]);

    impl PropertyList {
        pub(crate) const fn new() -> Self {
            Self(&[])
        }

        #[allow(clippy::unnecessary_wraps)] // With a heap a copy may have failed.
        pub(crate) const fn get(&self) -> Result<Properties<'_>, EncodeError> {
            Ok(Properties::new(self.0))
        }
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
