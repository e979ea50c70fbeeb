//! Functions that are called with what happened, and what they return.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;
use core::pin::Pin;

/// What a callback returns, boxed.
pub type CallbackFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A callback, boxed.
pub type Callback<A> = Arc<dyn Fn(A) -> CallbackFuture + Send + Sync>;
