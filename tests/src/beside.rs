//! A driver beside a story, dropped in the midst of it.

use std::future::{Future, poll_fn};
use std::pin::pin;

/// Runs a story beside its driver, which is dropped when it has been polled so often, or is over.
pub async fn dropped_after<T>(
    polls: usize,
    driver: impl Future<Output = ()>,
    story: impl Future<Output = T>,
) -> T {
    let (mut driver, mut left) = (Some(Box::pin(driver)), polls);
    let mut story = pin!(story);
    poll_fn(|cx| {
        let end = story.as_mut().poll(cx);
        if left == 0 {
            driver = None;
        }
        left = left.saturating_sub(1);
        if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
            driver = None;
        }
        end
    })
    .await
}
