//! Authenticating again on a connection that stands (4.12.1).

use core::error::Error;

use embassy_futures::select::{Either, select};
use mqtt_as_proto::ReasonCode;
use mqtt_as_proto::client::OperationError;

use crate::authentication::{Authentication, Stage};
use crate::call::Done;
use crate::client::Client;
use crate::error::{CLOSED, DownReason, NO_WAITER, NOT_CONNECTED, STREAM_OPEN};
use crate::runtime::{Lent, Locked, Runtime, ask};
use crate::state::State;
use crate::waiters::Wait;

mqtt_as_proto::reasons! {
    /// Why a re-authentication did not succeed.
    #[non_exhaustive]
    AuthenticateError owns error {
        /// It is not possible: the connection has no method, or another re-authentication is under
        /// way. Or what was asked for cannot be said. Nothing was sent.
        Invalid(error: OperationError) => "{error}";
        /// The program's part refused to go on: the connection ends.
        Refused => "the program refused to go on with the authentication";
        /// The connection was lost, or the server has ended it.
        Lost(reason: DownReason) => "the connection ended before the authentication did: {reason}";
        /// The server did not answer in time. The re-authentication goes on.
        TimedOut => "the server did not end the re-authentication in time";
        /// There is no connection. Nothing was sent.
        NotConnected => "{NOT_CONNECTED}";
        /// A message is being read as a stream: the answer would lie behind it. Nothing was sent.
        StreamOpen => "{STREAM_OPEN}";
        /// The driver is gone.
        Closed => "{CLOSED}";
        /// As many calls wait as the client has room for. The re-authentication runs all the same.
        NoWaiter => "{NO_WAITER}";
    }
}

impl Error for AuthenticateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            Self::Lost(reason) => reason.source(),
            _ => None,
        }
    }
}

impl AuthenticateError {
    /// Returns whether the same call can succeed later: where another re-authentication, or a message
    /// that is being read, stands before it (`Invalid`, `StreamOpen`), where there is no connection or
    /// its end may pass (`NotConnected`, `Lost`), and for `NoWaiter`. False where the program refused,
    /// where it goes on (`TimedOut`), and where the driver is gone.
    ///
    /// ```
    /// # async fn show(client: &mqtt_as_tokio::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// if let Err(error) = client.reauthenticate().await {
    ///     println!("{error}; again later: {}", error.is_retryable());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Invalid(error) => error.is_retryable(),
            Self::Lost(reason) => reason.is_retryable(),
            Self::NotConnected | Self::StreamOpen | Self::NoWaiter => true,
            Self::Refused | Self::TimedOut | Self::Closed => false,
        }
    }
}

impl<R: Runtime> Client<R> {
    /// Authenticates again on the connection that stands (4.12.1), with the method of
    /// [`Config::authentication`](crate::Config::authentication), and waits until the server has
    /// accepted, 5.0 only. Other traffic goes on meanwhile.
    ///
    /// ```
    /// # use mqtt_as_client::{AuthenticateError, Client, Runtime};
    /// # async fn show<R: Runtime>(client: &Client<R>) -> Result<(), AuthenticateError> {
    /// client.reauthenticate().await // Before the token expires.
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AuthenticateError`]; one at a time. A server that refuses ends the connection.
    ///
    /// # Cancel safety
    /// It begins at the first poll. Dropping the future ends the waiting only.
    pub async fn reauthenticate(&self) -> Result<(), AuthenticateError> {
        let begun = ask(&*self.shared, State::begin_again);
        let own = begun.unwrap_or(Err(AuthenticateError::Closed))?;
        let Begun { round, ends, time } = own.begin_again(&Lent(&*self.shared))?;
        let ended = move |state: &mut State| {
            if state.closed {
                return Some(Done::CLOSED);
            }
            if state.link.ends != ends || !state.link.is_up() {
                return Some(Done::Down);
            }
            (state.core.re_authentications() != round).then_some(Done::Up)
        };
        let over = async {
            match time {
                0 => core::future::pending().await,
                time => R::sleep_until(R::now().after(u64::from(time))).await,
            }
        };
        match select(self.until(Wait::Pong, false, ended), over).await {
            Either::First(Done::Up) => Ok(()),
            Either::First(Done::Down) => Err(match self.with_state(State::end_of_link) {
                Some(DownReason::NotAuthenticated) => AuthenticateError::Refused,
                reason => AuthenticateError::Lost(reason.unwrap_or(DownReason::Closed)),
            }),
            Either::First(Done::NoWaiter) => Err(AuthenticateError::NoWaiter),
            Either::First(_) => Err(AuthenticateError::Closed),
            Either::Second(()) => Err(AuthenticateError::TimedOut),
        }
    }
}

/// A re-authentication that was begun.
struct Begun {
    /// What the core counts while it is under way.
    round: u8,
    ends: u32,
    /// Milliseconds that it may take; 0 for any time.
    time: u32,
}

impl Authentication {
    fn begin_again(&self, lock: &dyn Locked) -> Result<Begun, AuthenticateError> {
        let mut begun = Err(OperationError::NotConnected);
        let goes_on = self.step(lock, Stage::Again, &mut |data| {
            lock.with(&mut |state| {
                let said = state.say_auth(ReasonCode::RE_AUTHENTICATE, data);
                begun = said.map(|()| Begun {
                    round: state.core.re_authentications(),
                    ends: state.link.ends,
                    time: state.core.config().connect_timeout,
                });
            });
        });
        lock.with(&mut |state| {
            if let Some(own) = &mut state.settings.authentication {
                own.begins = false;
            }
            if !goes_on && begun.is_ok() {
                state.refuse(true);
            }
        });
        match begun {
            _ if !goes_on => Err(AuthenticateError::Refused),
            Err(OperationError::NotConnected) => Err(AuthenticateError::NotConnected),
            begun => begun.map_err(AuthenticateError::Invalid),
        }
    }
}

impl State {
    /// Why the link ends, or has ended.
    fn end_of_link(&mut self) -> Option<DownReason> {
        self.link.ending.clone().or_else(|| self.link.down_reason.clone())
    }

    /// The program may be asked to begin a re-authentication.
    fn begin_again(&mut self) -> Result<Authentication, AuthenticateError> {
        if self.closed {
            return Err(AuthenticateError::Closed);
        }
        if !self.core.is_connected() {
            return Err(AuthenticateError::NotConnected);
        }
        if self.core.is_stream_open() {
            return Err(AuthenticateError::StreamOpen);
        }
        let own = self.settings.authentication.as_mut();
        let free = own.filter(|own| !own.begins && !self.core.awaits_authentication());
        let own = free.ok_or(AuthenticateError::Invalid(OperationError::Authentication))?;
        own.begins = true;
        Ok(Authentication::clone(own))
    }
}
