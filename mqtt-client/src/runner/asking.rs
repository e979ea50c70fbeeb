//! Waiting for credentials that the program gets in its own time.

#[cfg(feature = "alloc")]
pub(super) use heap::await_credentials;
#[cfg(not(feature = "alloc"))]
pub(super) use lent::await_credentials;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use core::future::{Future, poll_fn};
    use core::pin::{Pin, pin};
    use core::task::Poll;

    use super::super::{Wish, meanwhile};
    use crate::credentials::Asking;
    use crate::deadline::Deadline;
    use crate::error::{ConnectError, Step};
    use crate::runtime::{Runtime, with_state};
    use crate::state::State;

    /// Waits for them within the connect time-out. If the program panics, what is known is said. It
    /// has memory of its own: drivers that ask for none are smaller by it.
    pub(in super::super) fn await_credentials<R: Runtime>(
        lock: &R::Lock,
        asking: Asking,
    ) -> Pin<Box<impl Future<Output = Result<(), ConnectError>>>> {
        Box::pin(wait::<R>(lock, asking))
    }

    async fn wait<R: Runtime>(lock: &R::Lock, mut asking: Asking) -> Result<(), ConnectError> {
        with_state(lock, State::limit_asking);
        let guarded = poll_fn(|cx| {
            let mut poll = Poll::Pending;
            if R::catch(|| poll = asking.as_mut().poll(cx).map(Some)) {
                poll
            } else {
                Poll::Ready(None)
            }
        });
        let guarded = pin!(Some(guarded));
        let answer = meanwhile::<R, _>(lock, guarded, State::ends_asking, &mut None).await;
        let is_late = answer.is_none();
        let mut fresh = answer.flatten();
        let mut result = Ok(());
        with_state(lock, |state| {
            state.link.linger = None;
            if let Some(fresh) = fresh.take() {
                fresh.set(&mut state.settings, state.link.retry().said);
            }
            // What replaces the attempt is seen where its transport would be opened.
            if is_late && !state.is_replaced(&mut None) {
                result = Err(ConnectError::TimedOut(Step::Credentials));
            }
        });
        result
    }

    impl State {
        /// The time begins within which credentials have to come.
        fn limit_asking(&mut self) {
            let time = self.core.config().connect_timeout;
            let now = self.exact_time();
            self.link.linger = (time != 0).then(|| Deadline::after(now, time));
        }

        /// Whether it is over, or the program wants something else.
        fn ends_asking(&mut self, wish: &mut Option<Wish>) -> bool {
            let is_late = self.link.linger.is_some_and(|at| at.left(self.now) == 0);
            is_late || self.is_replaced(wish)
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use crate::credentials::Asking;
    use crate::error::ConnectError;
    use crate::runtime::Runtime;

    /// There is nothing to wait for.
    #[allow(clippy::unused_async)] // With a heap there is.
    pub(in super::super) async fn await_credentials<R: Runtime>(
        _lock: &R::Lock,
        asking: Asking,
    ) -> Result<(), ConnectError> {
        match asking {}
    }
}
