//! Properties that outlive what they were made of.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use super::Properties;
use super::list::NO_PROPERTY;
use crate::error::EncodeError;
use crate::wire::Writer;

/// Properties on the heap, encoded: they borrow nothing.
#[derive(Clone, Default)]
pub struct OwnedProperties(Box<[u8]>);

impl OwnedProperties {
    /// Returns a copy of `properties`. Which packet they are for is judged when they are written.
    ///
    /// # Errors
    /// The value that cannot be written.
    pub fn new(properties: Properties<'_>) -> Result<Self, EncodeError> {
        let mut count = Writer::counting();
        properties.write_content(NO_PROPERTY, &mut count);
        let mut bytes = vec![0; count.result()?].into_boxed_slice();
        properties.write_content(NO_PROPERTY, &mut Writer::new(&mut bytes));
        Ok(Self(bytes))
    }

    /// Returns the properties.
    #[must_use]
    pub const fn get(&self) -> Properties<'_> {
        Properties::judged(&self.0)
    }
}

impl fmt::Debug for OwnedProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;
    use crate::property::Property;

    #[test]
    fn they_are_the_same_in_the_order_of_writing() {
        let name = String::from("site");
        let list = [
            Property::UserProperty((&name, "north")),
            Property::UserProperty((&name, "south")),
            Property::ContentType("text/plain"),
            Property::PayloadFormatIndicator(true),
            Property::MessageExpiryInterval(7),
        ];
        let owned = OwnedProperties::new(Properties::new(&list)).unwrap();
        let order: Vec<_> = owned.get().into_iter().collect();
        assert_eq!(order, [list[3], list[4], list[2], list[0], list[1]]);
        let again = OwnedProperties::new(owned.get()).unwrap();
        assert_eq!(again.get(), owned.get());
        assert!(OwnedProperties::default().get().is_empty());
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let long = "x".repeat(65_536);
        for list in [[Property::ContentType("\0")], [Property::ContentType(&long)]] {
            assert!(OwnedProperties::new(Properties::new(&list)).is_err());
        }
    }
}
