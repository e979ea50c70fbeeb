//! Properties with memory of their own, from the heap.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::{NO_PROPERTY, Properties};
use crate::error::EncodeError;
use crate::wire::Writer;

/// Properties with memory of their own, as they stand on the wire. Clones share it. Where there are
/// none it is a null pointer.
#[derive(Clone, Default)]
pub struct OwnedProperties(Option<Arc<Vec<u8>>>);

impl OwnedProperties {
    /// No properties.
    pub const NONE: Self = Self(None);

    /// Returns a copy of `properties`.
    ///
    /// # Errors
    /// [`EncodeError`] if one of them cannot be written.
    pub fn new(properties: &Properties<'_>) -> Result<Self, EncodeError> {
        let mut owned = Self::NONE;
        owned.append(properties, usize::MAX)?;
        Ok(owned)
    }

    /// Returns them.
    #[must_use]
    pub fn get(&self) -> Properties<'_> {
        Properties::judged(self.0.as_ref().map_or(&[], |section| section.as_slice()))
    }

    /// Returns true if there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a copy of `properties` behind them, if it has no more than `most` bytes. Returns whether
    /// that is so.
    ///
    /// # Errors
    /// [`EncodeError`] if one of them cannot be written; then none is added.
    pub fn append(
        &mut self,
        properties: &Properties<'_>,
        most: usize,
    ) -> Result<bool, EncodeError> {
        let mut count = Writer::counting();
        properties.write_content(NO_PROPERTY, &mut count);
        let len = count.result()?;
        if len == 0 || len > most {
            return Ok(len == 0);
        }
        let mut more = vec![0; len];
        properties.write_content(NO_PROPERTY, &mut Writer::new(&mut more));
        match &mut self.0 {
            Some(section) => Arc::make_mut(section).append(&mut more),
            none => *none = Some(Arc::new(more)),
        }
        Ok(true)
    }
}

impl PartialEq for OwnedProperties {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for OwnedProperties {}

impl fmt::Debug for OwnedProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::property::Property;

    #[test]
    fn a_copy_holds_what_was_copied_in_its_order() {
        let list = [Property::UserProperty(("a", "b")), Property::ReasonString("full")];
        let mut owned = OwnedProperties::new(&Properties::new(&list)).unwrap();
        assert_eq!(owned.get().reason_string(), Some("full"));
        let more = [Property::UserProperty(("c", "d"))];
        assert_eq!(owned.append(&Properties::new(&more), 6), Ok(false));
        assert_eq!(owned.append(&Properties::new(&more), 7), Ok(true));
        assert_eq!(owned.get().user_properties().collect::<Vec<_>>(), [("a", "b"), ("c", "d")]);
        let again = OwnedProperties::new(&owned.get()).unwrap();
        assert_eq!(again, owned);
    }

    #[test]
    fn they_are_the_same_in_the_order_of_writing() {
        let list = [
            Property::UserProperty(("site", "north")),
            Property::UserProperty(("site", "south")),
            Property::ContentType("text/plain"),
            Property::PayloadFormatIndicator(true),
            Property::MessageExpiryInterval(7),
        ];
        let owned = OwnedProperties::new(&Properties::new(&list)).unwrap();
        let order: Vec<_> = owned.get().into_iter().collect();
        assert_eq!(order, [list[3], list[4], list[2], list[0], list[1]]);
    }

    #[test]
    fn what_cannot_be_written_is_not_copied() {
        let list = [Property::ReasonString("nul\0")];
        assert_eq!(OwnedProperties::new(&Properties::new(&list)), Err(EncodeError::Nul));
        assert!(OwnedProperties::new(&Properties::NONE).unwrap().is_empty());
    }
}
