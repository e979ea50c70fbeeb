//! Payloads that are too large to be copied to where packets wait.

#[cfg(feature = "alloc")]
pub(crate) use heap::Large;
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::Large;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;

    use bytes::Bytes;
    use mqtt_as_proto::Payload;
    use mqtt_as_proto::client::Message;

    use crate::runtime::{Lock, ask};

    /// A payload of this size is held by reference: from a slice it is copied once, here.
    const LARGE: usize = 32 * 1024;

    /// Such a copy, if the payload is one that needs it.
    #[derive(Debug)]
    pub(crate) struct Large(Option<Box<Bytes>>);

    impl Large {
        pub(crate) const NONE: Self = Self(None);

        /// Copies the payload, if it needs that.
        #[inline]
        pub(crate) fn prepare(
            &mut self,
            message: &mut Message<'_>,
            oneshot: bool,
            lock: &dyn Lock,
        ) {
            if message.payload.as_slice().len() >= LARGE {
                self.copy(message, oneshot, lock);
            }
        }

        #[cold]
        fn copy(&mut self, message: &mut Message<'_>, oneshot: bool, lock: &dyn Lock) {
            let in_one_piece =
                oneshot && ask(lock, |state| state.core.fits_outbox(message)) == Some(true);
            if in_one_piece {
                message.payload = message.payload.as_slice().into();
            } else {
                self.0 = Some(Box::new(message.payload.to_shared()));
            }
        }

        /// The payload to take instead of the program's.
        #[inline]
        pub(crate) fn payload(&self) -> Option<Payload<'_>> {
            self.0.as_deref().map(Payload::from)
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use mqtt_as_proto::Payload;
    use mqtt_as_proto::client::Message;

    use crate::runtime::Lock;

    /// Without a heap all is copied.
    #[derive(Debug)]
    pub(crate) struct Large;

    impl Large {
        pub(crate) const NONE: Self = Self;

        pub(crate) fn prepare(&mut self, _: &mut Message<'_>, _oneshot: bool, _: &dyn Lock) {}

        pub(crate) fn payload(&self) -> Option<Payload<'_>> {
            None
        }
    }
}
