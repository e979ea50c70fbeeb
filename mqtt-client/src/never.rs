//! What a client without a heap does not have.

use core::convert::Infallible;
use core::marker::PhantomData;
use core::ops::Deref;

/// Stands where there is a `T` on the heap, if there is a heap.
#[derive(PartialEq, Eq)]
pub(crate) struct Never<T: ?Sized>(Infallible, PhantomData<fn(&T)>);

impl<T: ?Sized> Clone for Never<T> {
    fn clone(&self) -> Self {
        match self.0 {}
    }
}

impl<T: ?Sized> Deref for Never<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self.0 {}
    }
}
