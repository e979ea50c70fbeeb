//! Properties that a client keeps, and how several lists of them become one section.

use mqtt_as_proto::{Properties, Property};

use crate::error::ConnectError;
pub use mqtt_as_proto::property::PropertyList;

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
