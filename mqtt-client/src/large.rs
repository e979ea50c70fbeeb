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

    /// Such a copy, if the payload is one that needs it; or a payload that is not the program's.
    #[derive(Debug)]
    pub(crate) struct Large(Option<Box<Kept>>);

    #[derive(Debug)]
    struct Kept {
        bytes: Bytes,
        /// It is copied again, to where packets wait.
        in_one_piece: bool,
    }

    impl Large {
        pub(crate) const NONE: Self = Self(None);

        /// A payload that is not the program's any more.
        pub(crate) fn owned(bytes: Bytes) -> Self {
            Self(Some(Box::new(Kept { bytes, in_one_piece: false })))
        }

        /// Copies the payload, if it needs that.
        #[inline]
        pub(crate) fn prepare(
            &mut self,
            message: &mut Message<'_>,
            oneshot: bool,
            lock: &dyn Lock,
        ) {
            if message.payload.as_slice().len() >= LARGE || self.0.is_some() {
                self.copy(message, oneshot, lock);
            }
        }

        #[cold]
        fn copy(&mut self, message: &mut Message<'_>, oneshot: bool, lock: &dyn Lock) {
            let fits = |payload| {
                let message = Message { payload, ..*message };
                oneshot && ask(lock, |state| state.core.fits_outbox(&message)) == Some(true)
            };
            if let Some(kept) = &mut self.0 {
                kept.in_one_piece = fits(Payload::from(&*kept.bytes));
            } else if fits(message.payload) {
                message.payload = message.payload.as_slice().into();
            } else {
                *self = Self::owned(message.payload.to_shared());
            }
        }

        /// The payload, as it outlives the program's.
        pub(crate) fn keep(self, payload: Payload<'_>) -> Self {
            if self.0.is_some() { self } else { Self::owned(payload.to_shared()) }
        }

        /// The payload to take instead of the program's.
        #[inline]
        pub(crate) fn payload(&self) -> Option<Payload<'_>> {
            let kept = self.0.as_deref()?;
            Some(match kept.in_one_piece {
                true => Payload::from(&*kept.bytes),
                false => Payload::from(&kept.bytes),
            })
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
