//! What a program says of itself in CONNECT, and where a fresh one comes from.

#[cfg(feature = "alloc")]
pub(crate) use heap::{Asking, RenewLater};
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::{Asking, RenewLater};

use crate::apart::{Apart, take_out};
use crate::held::{Binary, Text};
use crate::link::Said;
use crate::settings::Settings;
use crate::will::Will;

/// What CONNECT says of the program, which may change before each attempt: see
/// [`Reconnect::credentials`](crate::Reconnect::credentials).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// The user name.
    pub user: Option<Text>,
    /// The password. 3.1.1 takes it only beside a user name.
    pub password: Option<Binary>,
    /// What the server publishes when the client is lost.
    pub will: Option<Will>,
}

impl Credentials {
    /// Those of the settings.
    pub(crate) fn of(settings: &Settings) -> Self {
        let Settings { user, password, will, .. } = settings;
        Self { user: user.clone(), password: password.clone(), will: will.clone().map(take_out) }
    }

    /// CONNECT says them from here on, but for what the program has `said` itself since they were
    /// asked for.
    pub(crate) fn set(self, settings: &mut Settings, said: Said) {
        let Self { user, password, will } = self;
        if will.as_ref().is_some_and(|will| will.say_more.is_some()) {
            settings.has_more();
        }
        if !said.user {
            settings.user = user;
        }
        if !said.password {
            settings.password = password;
        }
        if !said.will {
            settings.will = will.map(Apart::new);
        }
    }
}

/// Changes them at once.
pub(crate) type Renew = fn(&mut Credentials);

#[cfg(feature = "alloc")]
mod heap {
    use alloc::boxed::Box;
    use alloc::sync::Arc;
    use core::fmt;
    use core::pin::Pin;

    use super::Credentials;

    /// They are on their way.
    pub(crate) type Asking = Pin<Box<dyn Future<Output = Credentials> + Send>>;

    /// Changes them in its own time.
    #[derive(Clone)]
    pub(crate) struct RenewLater(Option<Renew>);

    type Renew = Arc<dyn Fn(Credentials) -> Asking + Send + Sync>;

    impl RenewLater {
        pub(crate) const NONE: Self = Self(None);

        pub(crate) fn new<F, Fut>(renew: F) -> Self
        where
            F: Fn(Credentials) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Credentials> + Send + 'static,
        {
            let renew = Arc::new(renew);
            Self(Some(Arc::new(move |credentials| {
                let renew = renew.clone();
                // The program's function runs at the first poll.
                Box::pin(async move { renew(credentials).await })
            })))
        }

        pub(crate) fn ask(&self, credentials: &Credentials) -> Option<Asking> {
            self.0.as_ref().map(|renew| renew(credentials.clone()))
        }
    }

    impl fmt::Debug for RenewLater {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("RenewLater")
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use super::Credentials;

    /// Nobody takes time for it.
    pub(crate) type Asking = core::convert::Infallible;

    /// There is none.
    #[derive(Clone, Debug)]
    pub(crate) struct RenewLater;

    #[allow(clippy::unused_self)] // With a heap there may be one.
    impl RenewLater {
        pub(crate) const NONE: Self = Self;

        pub(crate) fn ask(&self, _credentials: &Credentials) -> Option<Asking> {
            None
        }
    }
}
