//! What a server said that is kept: the client identifier that it gave, and its last words.

use mqtt_as_proto::Storage;

use crate::apart::Apart;
pub(crate) use words::Words;

/// What a server said.
#[derive(Debug)]
pub(crate) struct Assigned {
    id: Storage<'static, u8>,
    len: usize,
    #[cfg_attr(not(feature = "alloc"), allow(dead_code))] // Nothing there.
    pub(crate) words: Option<Apart<Words>>,
}

impl Assigned {
    /// The identifier is kept there, if it fits.
    pub(crate) fn new(id: Storage<'static, u8>) -> Self {
        Self { id, len: 0, words: None }
    }

    pub(crate) fn id(&self) -> &str {
        let bytes = self.id.as_slice().get(..self.len).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }

    pub(crate) fn keep_id(&mut self, id: &str) {
        let fits = self.id.grow_to(id.len());
        self.len = if fits { id.len() } else { 0 };
        let place = self.id.as_mut_slice().iter_mut();
        place.zip(id.bytes().take(self.len)).for_each(|(place, byte)| *place = byte);
    }
}

#[cfg(feature = "alloc")]
mod words {
    use mqtt_as_proto::Properties;

    use super::{Apart, Assigned};

    pub(crate) use crate::event::ServerWords as Words;

    impl Assigned {
        pub(crate) fn keep_words(&mut self, properties: &Properties<'_>) {
            self.words = Words::of(properties).map(Apart::new);
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod words {
    use mqtt_as_proto::Properties;

    use super::Assigned;

    /// None are kept without a heap.
    #[derive(Debug, Default)]
    pub(crate) struct Words {}

    impl Assigned {
        #[allow(clippy::unused_self)] // With a heap there is something to keep.
        pub(crate) fn keep_words(&mut self, _properties: &Properties<'_>) {}
    }
}
