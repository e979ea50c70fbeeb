//! What a server said that is kept: the client identifier that it gave, and its last words.

#[cfg(feature = "alloc")]
pub(crate) use heap::Assigned;
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::Assigned;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::borrow::ToOwned as _;
    use alloc::string::String;

    use mqtt_as_proto::Properties;

    use crate::event::ServerWords;

    /// What a server said.
    #[derive(Debug, Default)]
    pub(crate) struct Assigned {
        id: String,
        pub(crate) words: ServerWords,
    }

    impl Assigned {
        pub(crate) fn id(&self) -> &str {
            &self.id
        }

        pub(crate) fn keep_id(&mut self, id: &str) {
            id.clone_into(&mut self.id);
        }

        pub(crate) fn keep_words(&mut self, properties: &Properties<'_>) {
            self.words = ServerWords::new(properties);
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::Properties;

    /// What a server said: an identifier that is not longer than any server's should be.
    #[derive(Debug)]
    pub(crate) struct Assigned {
        bytes: [u8; LONGEST],
        len: u8,
    }

    const LONGEST: usize = 64;

    impl Default for Assigned {
        fn default() -> Self {
            Self { bytes: [0; LONGEST], len: 0 }
        }
    }

    impl Assigned {
        pub(crate) fn id(&self) -> &str {
            let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
            core::str::from_utf8(bytes).unwrap_or_default()
        }

        pub(crate) fn keep_id(&mut self, id: &str) {
            self.len = 0;
            if let Some(place) = self.bytes.get_mut(..id.len()) {
                place.iter_mut().zip(id.bytes()).for_each(|(place, byte)| *place = byte);
                self.len = id.len() as u8; // At most `LONGEST`.
            }
        }

        pub(crate) fn keep_words(&mut self, _properties: &Properties<'_>) {}
    }
}
