//! What a server says beside its answers, as far as it is kept: with a heap all of it, without one
//! nothing.

#[cfg(feature = "alloc")]
pub(crate) use heap::{EXPLANATIONS, Words};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{EXPLANATIONS, Words};

#[cfg(feature = "alloc")]
mod heap {
    use mqtt_as_proto::Properties;
    use mqtt_as_proto::client::Explanations;
    use mqtt_as_proto::property::OwnedProperties;

    /// The core tells what the server says beside its acknowledgements.
    pub(crate) const EXPLANATIONS: Option<Explanations> = Some(Explanations::TOLD);

    /// What a server said, in properties.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Words(OwnedProperties);

    impl Words {
        pub(crate) const NONE: Self = Self(OwnedProperties::NONE);
        pub(crate) const ARE_KEPT: bool = true;

        /// What CONNACK said.
        pub(crate) fn new(properties: &Properties<'_>) -> Self {
            let mut words = Self::NONE;
            words.add(properties, 64 * 1024);
            words
        }

        /// An acknowledgement said that. There may be one for each message on its way.
        pub(crate) fn explain(&mut self, properties: &Properties<'_>) {
            self.add(properties, 1024);
        }

        fn add(&mut self, properties: &Properties<'_>, most: usize) {
            // What was received can be written.
            let _ = self.0.append(properties, most);
        }

        #[inline]
        pub(crate) const fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn properties(&self) -> Properties<'_> {
            self.0.get()
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::Properties;
    use mqtt_as_proto::client::Explanations;

    /// The core need not tell what nobody keeps.
    pub(crate) const EXPLANATIONS: Option<Explanations> = None;

    /// What a server said: not kept.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Words {}

    #[allow(clippy::unused_self, clippy::needless_pass_by_ref_mut)] // As with a heap.
    impl Words {
        pub(crate) const NONE: Self = Self {};
        pub(crate) const ARE_KEPT: bool = false;

        pub(crate) fn new(_properties: &Properties<'_>) -> Self {
            Self::NONE
        }

        pub(crate) fn explain(&mut self, _properties: &Properties<'_>) {}

        #[inline]
        pub(crate) const fn is_empty(&self) -> bool {
            true
        }

        pub(crate) fn properties(&self) -> Properties<'_> {
            Properties::NONE
        }
    }
}
