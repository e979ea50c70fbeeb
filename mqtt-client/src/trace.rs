//! What happens to a client, told to `tracing` on a system and to `defmt` on a device: attempts to
//! connect and the times before them, links that come up and go down, messages that are dropped, left to the server or skipped.
//! Never a payload, a topic or a password.
//!
//! The driver notes under the lock what has happened, and tells it when the lock is free: whoever
//! listens may call the client. Without both features nothing of it is there.

/// Notes what has happened: not a byte where nobody listens.
#[cfg(any(feature = "defmt", feature = "tracing"))]
macro_rules! note {
    ($trace:ident, $state:ident) => {
        $trace.note($state)
    };
}
#[cfg(not(any(feature = "defmt", feature = "tracing")))]
macro_rules! note {
    ($trace:ident, $state:ident) => {};
}

pub(crate) use note;

#[cfg(not(any(feature = "defmt", feature = "tracing")))]
pub(crate) use silent::Trace;
#[cfg(any(feature = "defmt", feature = "tracing"))]
pub(crate) use told::Trace;

#[cfg(not(any(feature = "defmt", feature = "tracing")))]
mod silent {
    use crate::address::Server;
    use crate::runtime::Lock;

    /// Nobody listens.
    #[derive(Debug)]
    pub(crate) struct Trace;

    #[allow(clippy::unused_self)] // With somebody who listens there is something to tell.
    impl Trace {
        #[inline]
        pub(crate) fn new() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn connecting(&mut self, _: Server<'_>, _: bool) {}

        #[inline]
        pub(crate) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
            f()
        }

        #[inline]
        pub(crate) fn around<F: Future>(&self, future: F) -> F {
            future
        }

        #[inline]
        pub(crate) fn tell(&mut self) {}

        #[inline]
        pub(crate) fn look(&mut self, _: &dyn Lock) {}
    }
}

#[cfg(any(feature = "defmt", feature = "tracing"))]
mod told {
    use super::says;
    use super::span::Span;
    use crate::address::Server;
    use crate::error::{ConnectError, DownReason};
    use crate::event::Session;
    use crate::runtime::{Lock, with_state};
    use crate::state::State;

    /// What was told, and what is to be told.
    #[derive(Debug, Default)]
    pub(crate) struct Trace {
        span: Span,
        /// Attempts since a link was up.
        attempts: u32,
        is_up: bool,
        seen: Seen,
        news: News,
        discards: Doubling,
        unclaimed: Doubling,
        shed: Doubling,
        too_large: Doubling,
    }

    /// What the client had counted when somebody looked.
    #[derive(Clone, Copy, Debug, Default)]
    struct Seen {
        ups: u32,
        downs: u32,
        ends: u32,
        retries: u32,
        discards: u64,
        unclaimed: u64,
        shed: u64,
        too_large: u64,
    }

    impl Seen {
        fn new(state: &State) -> Self {
            let (link, counts) = (&state.link, state.core.counts());
            Self {
                ups: link.ups,
                downs: link.downs,
                ends: link.ends,
                retries: state.counts.attempts,
                discards: counts.discards,
                unclaimed: state.kept.unclaimed(),
                shed: counts.shed,
                too_large: counts.too_large + u64::from(state.counts.too_large),
            }
        }
    }

    /// What has happened to the link since.
    #[derive(Debug, Default)]
    struct News {
        up: Option<Session>,
        down: Option<DownReason>,
        failed: Option<ConnectError>,
        replaced: bool,
        /// The milliseconds before a policy tries again.
        delay: Option<u32>,
    }

    impl Trace {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        /// A connection is begun.
        pub(crate) fn connecting(&mut self, server: Server<'_>, clean: bool) {
            self.attempts = self.attempts.saturating_add(1);
            self.span = Span::new(server, clean);
            says::connecting(&self.span, server, self.attempts);
            let Self { discards, unclaimed, shed, too_large, .. } = self;
            for count in [discards, unclaimed, shed, too_large] {
                count.begin();
            }
        }

        /// Does that as a part of the connection.
        pub(crate) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
            self.span.within(f)
        }

        /// Makes that a part of the connection.
        pub(crate) fn around<F: Future>(
            &self,
            future: F,
        ) -> impl Future<Output = F::Output> + use<F> {
            self.span.around(future)
        }

        /// The lock is held: keeps what has happened.
        pub(crate) fn note(&mut self, state: &State) {
            let (seen, link) = (Seen::new(state), &state.link);
            if seen.ups != self.seen.ups {
                self.is_up = true;
                self.news.up = Some(link.session.clone());
            }
            let was_up = self.is_up;
            if seen.downs != self.seen.downs {
                self.is_up = false;
                self.news.down = link.down_reason.clone();
            } else if seen.ends != self.seen.ends && !link.prepared {
                self.is_up = false;
                self.news.replaced = was_up || link.wanted.is_some();
                self.news.failed = link.failure.as_deref().cloned().filter(|_| !self.news.replaced);
            }
            if seen.retries != self.seen.retries {
                self.news.delay = link.linger.map(|at| at.left(state.now));
            }
            self.seen = seen;
        }

        /// The lock is free: tells it.
        pub(crate) fn tell(&mut self) {
            let News { up, down, failed, replaced, delay } = core::mem::take(&mut self.news);
            let (span, seen) = (&self.span, self.seen);
            if let Some(session) = up {
                says::up(span, &session, self.attempts);
                self.attempts = 0;
            }
            if let Some(total) = self.discards.news(seen.discards) {
                says::discards(span, total);
            }
            if let Some(total) = self.unclaimed.news(seen.unclaimed) {
                says::unclaimed(span, total);
            }
            if let Some(total) = self.shed.news(seen.shed) {
                says::shed(span, total);
            }
            if let Some(total) = self.too_large.news(seen.too_large) {
                says::too_large(span, total);
            }
            if let Some(reason) = down {
                says::down(span, &reason, seen.discards, seen.shed);
            }
            if let Some(error) = failed {
                says::failed(span, &error, self.attempts);
            }
            if replaced {
                says::replaced(span);
            }
            if let Some(delay) = delay {
                says::retries(span, self.attempts.saturating_add(1), delay);
            }
        }

        /// Takes the lock to see what has happened, and tells it.
        pub(crate) fn look(&mut self, lock: &dyn Lock) {
            with_state(lock, |state| self.note(state));
            self.tell();
        }
    }

    /// A count that is told when it has begun to rise on a connection, and each time it has doubled.
    #[derive(Debug, Default)]
    struct Doubling {
        told: u64,
        /// The rise on this connection that is told next.
        next: u64,
    }

    impl Doubling {
        fn begin(&mut self) {
            self.next = 1;
        }

        /// The count, if it is to be told.
        fn news(&mut self, count: u64) -> Option<u64> {
            let risen = count.saturating_sub(self.told);
            if risen < self.next.max(1) {
                return None;
            }
            (self.told, self.next) = (count, risen.saturating_mul(2));
            Some(count)
        }
    }
}

/// The words, each for both.
#[cfg(any(feature = "defmt", feature = "tracing"))]
mod says {
    use super::span::Span;
    use crate::address::Server;
    use crate::error::{ConnectError, DownReason};
    use crate::event::Session;

    #[cfg(feature = "tracing")]
    macro_rules! to_tracing {
        ($span:ident, $level:ident, $($said:tt)+) => {
            tracing::event!(
                target: "mqtt_as_client", parent: &$span.0, tracing::Level::$level, $($said)+
            )
        };
    }
    #[cfg(not(feature = "tracing"))]
    macro_rules! to_tracing {
        ($span:ident, $($said:tt)+) => {
            let _ = $span;
        };
    }
    #[cfg(feature = "defmt")]
    macro_rules! to_defmt {
        ($level:ident, $($said:tt)+) => {
            defmt::$level!($($said)+)
        };
    }
    #[cfg(not(feature = "defmt"))]
    macro_rules! to_defmt {
        ($($said:tt)+) => {};
    }

    pub(super) fn connecting(span: &Span, server: Server<'_>, attempt: u32) {
        let Server { host, port, .. } = server;
        to_tracing!(span, INFO, host, port, attempt, "connecting");
        to_defmt!(info, "mqtt: connecting to {=str}:{=u16}, attempt {=u32}", host, port, attempt);
    }

    pub(super) fn up(span: &Span, session: &Session, attempt: u32) {
        let present = session.session_present;
        to_tracing!(span, INFO, attempt, session_present = present, "up");
        to_defmt!(info, "mqtt: up, attempt {=u32}, session present: {=bool}", attempt, present);
    }

    pub(super) fn failed(span: &Span, error: &ConnectError, attempt: u32) {
        let retry = error.is_retryable();
        to_tracing!(span, WARN, %error, attempt, is_retryable = retry, "not connected");
        to_defmt!(warn, "mqtt: not connected, attempt {=u32}: {}", attempt, error);
        to_defmt!(debug, "mqtt: trying again can help: {=bool}", retry);
    }

    /// The program's wish is no warning.
    pub(super) fn down(span: &Span, reason: &DownReason, discards: u64, shed: u64) {
        if matches!(reason, DownReason::Disconnected | DownReason::Replaced) {
            to_tracing!(span, INFO, %reason, discards, shed, "down");
            to_defmt!(info, "mqtt: down: {}", reason);
        } else {
            to_tracing!(span, WARN, %reason, discards, shed, "down");
            to_defmt!(warn, "mqtt: down: {}", reason);
        }
        to_defmt!(debug, "mqtt: discards so far: {=u64}, shed: {=u64}", discards, shed);
    }

    pub(super) fn replaced(span: &Span) {
        to_tracing!(span, INFO, "another connect or disconnect takes the place of this one");
        to_defmt!(info, "mqtt: another connect or disconnect takes the place of this one");
    }

    pub(super) fn retries(span: &Span, attempt: u32, delay: u32) {
        to_tracing!(span, INFO, attempt, delay_ms = delay, "the next attempt waits");
        to_defmt!(info, "mqtt: attempt {=u32} in {=u32} ms", attempt, delay);
    }

    pub(super) fn discards(span: &Span, total: u64) {
        to_tracing!(span, WARN, discards = total, "QoS 0 messages dropped: the queue is full");
        to_defmt!(warn, "mqtt: QoS 0 messages dropped, the queue is full: {=u64}", total);
    }

    pub(super) fn unclaimed(span: &Span, total: u64) {
        to_tracing!(span, WARN, unclaimed = total, "messages of no receiver that nobody asked for");
        to_defmt!(warn, "mqtt: messages of no receiver that nobody asked for: {=u64}", total);
    }

    pub(super) fn shed(span: &Span, total: u64) {
        to_tracing!(span, WARN, shed = total, "messages left to the server: the queue is full");
        to_defmt!(warn, "mqtt: messages left to the server, the queue is full: {=u64}", total);
    }

    pub(super) fn too_large(span: &Span, total: u64) {
        to_tracing!(span, WARN, too_large = total, "messages skipped: they are too large");
        to_defmt!(warn, "mqtt: messages skipped, they are too large: {=u64}", total);
    }
}

/// The span of a connection: what happens in it is a part of it.
#[cfg(feature = "tracing")]
mod span {
    use crate::address::Server;

    #[derive(Debug)]
    pub(super) struct Span(pub(super) tracing::Span);

    impl Default for Span {
        fn default() -> Self {
            Self(tracing::Span::none())
        }
    }

    impl Span {
        pub(super) fn new(server: Server<'_>, clean: bool) -> Self {
            let Server { host, port, .. } = server;
            Self(tracing::info_span!(target: "mqtt_as_client", "mqtt", host, port, clean))
        }

        pub(super) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
            self.0.in_scope(f)
        }

        pub(super) fn around<F: Future>(&self, f: F) -> impl Future<Output = F::Output> + use<F> {
            tracing::Instrument::instrument(f, self.0.clone())
        }
    }
}

/// Only `tracing` has spans.
#[cfg(all(feature = "defmt", not(feature = "tracing")))]
mod span {
    use crate::address::Server;

    #[derive(Debug, Default)]
    pub(super) struct Span;

    #[allow(clippy::unused_self)] // With `tracing` there is something to enter.
    impl Span {
        pub(super) fn new(_: Server<'_>, _: bool) -> Self {
            Self
        }

        pub(super) fn within<T>(&self, f: impl FnOnce() -> T) -> T {
            f()
        }

        pub(super) fn around<F: Future>(&self, f: F) -> F {
            f
        }
    }
}
