//! Enhanced authentication (4.12): the program's part, asked by the driver between packets.
//!
//! The program's code runs when the lock is free. What the server said lies in the read buffer
//! meanwhile: a step is asked for in front of its packet, which the core gets afterwards.

use mqtt_as_proto::client::OperationError;
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Auth, Packet};
use mqtt_as_proto::{Properties, Property, ReasonCode, Version, client};

use crate::authentication::{Authentication, Authenticator, Reply, Stage};
use crate::config::Config;
use crate::error::{ConnectError, DownReason};
use crate::held::{Held, Text};
use crate::read::ReadMemory;
use crate::runtime::{Lock, ask, with_state};
use crate::state::{Guard, State};

/// What is done with a method: through pointers, so that a program without a method links nothing of it.
pub(crate) struct Hooks {
    /// Says CONNECT. Whether the connection is opened.
    pub(crate) open: fn(&Authentication, &dyn Lock, clean: bool) -> bool,
    /// Whether the packet at the front of what was read is the program's to see first.
    pub(crate) sees: fn(&Authentication, &client::Client<'_>, &mut ReadMemory) -> bool,
    /// Shows it that packet.
    pub(crate) show: fn(&Authentication, &dyn Lock, &ReadMemory),
}

static HOOKS: Hooks =
    Hooks { open: Authentication::open, sees: Authentication::sees, show: Authentication::show };

impl Hooks {
    /// What is done with the method of the settings.
    pub(crate) fn of(own: &Authentication) -> Option<&'static Self> {
        own.hooks.downcast_ref()
    }
}

impl Config {
    fn authenticate(mut self, method: Text, by: Held<dyn Authenticator>) -> Self {
        self.core.authentication = Some(client::Authentication::METHOD);
        self.kept.has_more();
        self.kept.authentication =
            Some(Authentication { method, by, hooks: &HOOKS, begins: false });
        self
    }
}

impl Authentication {
    /// Has the program do a step. `say` gets the data that it gives, or none at the end.
    pub(crate) fn step(
        &self,
        guard: Guard,
        stage: Stage<'_>,
        say: &mut dyn FnMut(Option<&[u8]>),
    ) -> bool {
        let (mut said, mut goes_on) = (false, false);
        guard(&mut || {
            let mut reply = |data: &[u8]| {
                if !core::mem::replace(&mut said, true) {
                    say(Some(data));
                }
            };
            goes_on = self.by.step(stage, &mut Reply(&mut reply));
        });
        if goes_on && !said {
            say(None);
        }
        goes_on
    }

    fn open(&self, lock: &dyn Lock, clean: bool) -> bool {
        let mut opened = None;
        let goes_on = self.step(guard_of(lock), Stage::Connect, &mut |data| {
            with_state(lock, |state| opened = Some(state.open_or_fail(clean, data)));
        });
        with_state(lock, |state| match opened {
            Some(true) if !goes_on => state.refuse(),
            None => state.fail(ConnectError::Lost(DownReason::NotAuthenticated)),
            _ => {}
        });
        opened == Some(true)
    }

    fn sees(&self, core: &client::Client<'_>, read: &mut ReadMemory) -> bool {
        let is_connected = core.is_connected();
        match self.stage_of(read.front()) {
            Some(Shown::Challenge(_)) => true,
            Some(Shown::Accepted(_)) => is_connected,
            Some(Shown::Connected(_)) => !is_connected,
            None => false,
        }
    }

    fn show(&self, lock: &dyn Lock, read: &ReadMemory) {
        let guard = guard_of(lock);
        let goes_on = match self.stage_of(read.shown()) {
            Some(Shown::Challenge(data)) => {
                self.step(guard, Stage::Challenge(data), &mut |data| self.answer(lock, data))
            }
            Some(Shown::Accepted(data) | Shown::Connected(data)) => {
                self.step(guard, Stage::Success(data), &mut |_| {})
            }
            None => true,
        };
        if !goes_on {
            with_state(lock, State::refuse);
        }
    }

    /// The next step goes out.
    fn answer(&self, lock: &dyn Lock, data: Option<&[u8]>) {
        with_state(lock, |state| {
            let said = self.say(state, ReasonCode::CONTINUE_AUTHENTICATION, data);
            if said.is_err() {
                state.refuse(); // The server would wait for it in vain.
            }
        });
    }

    /// Says AUTH.
    pub(crate) fn say(
        &self,
        state: &mut State,
        reason: ReasonCode,
        data: Option<&[u8]>,
    ) -> Result<(), OperationError> {
        let method = Property::AuthenticationMethod(&self.method);
        let with_data = [method, Property::AuthenticationData(data.unwrap_or_default())];
        let list = if data.is_some() { &with_data[..] } else { &with_data[..1] };
        let said = state.core.authenticate(reason, Properties::new(list));
        state.settle();
        state.notify_read();
        said
    }

    /// What the server says in that packet, if it is of this method.
    fn stage_of<'p>(&self, packet: &'p [u8]) -> Option<Shown<'p>> {
        let (frame, _) = Frame::split(packet).ok()??;
        let (shown, properties): (fn(&'p [u8]) -> Shown<'p>, _) =
            match Packet::decode(frame, Version::V5).ok()? {
                Packet::ConnAck(ack) if !ack.reason.is_error() => {
                    (Shown::Connected, ack.properties)
                }
                Packet::Auth(Auth { reason, properties }) => match reason {
                    ReasonCode::CONTINUE_AUTHENTICATION => (Shown::Challenge, properties),
                    ReasonCode::SUCCESS => (Shown::Accepted, properties),
                    _ => return None,
                },
                _ => return None,
            };
        let is_ours = properties.authentication_method() == Some(&*self.method);
        is_ours.then(|| shown(properties.authentication_data().unwrap_or_default()))
    }
}

/// A packet that the program sees first, and its data.
enum Shown<'p> {
    Challenge(&'p [u8]),
    /// AUTH ends a re-authentication.
    Accepted(&'p [u8]),
    /// CONNACK ends the authentication of the connection.
    Connected(&'p [u8]),
}

fn guard_of(lock: &dyn Lock) -> Guard {
    ask(lock, |state| state.guard).unwrap_or(|_| false)
}

impl State {
    /// The program refuses to go on: the connection ends.
    pub(crate) fn refuse(&mut self) {
        self.end_link(ReasonCode::UNSPECIFIED_ERROR, DownReason::NotAuthenticated);
    }
}

#[cfg(feature = "alloc")]
mod place {
    use alloc::boxed::Box;

    use super::{Authenticator, Config, Text};

    impl Config {
        /// Sets the method of enhanced authentication, and the program's part of it, 5.0 only.
        /// Default: none.
        ///
        /// ```
        /// use mqtt_as_client::{Config, Reply, Stage};
        ///
        /// # fn sign(challenge: &[u8]) -> Vec<u8> { challenge.to_vec() }
        /// let step = |stage: Stage<'_>, reply: &mut Reply<'_>| {
        ///     match stage {
        ///         Stage::Connect | Stage::Again => reply.send(b"pump-7"),
        ///         Stage::Challenge(data) => reply.send(&sign(data)),
        ///         _ => {}
        ///     }
        ///     true
        /// };
        /// let config = Config::new("broker.example").authentication("SIGN", step);
        /// # let _ = config;
        /// ```
        pub fn authentication(
            self,
            method: impl Into<Text>,
            by: impl Authenticator + 'static,
        ) -> Self {
            let by: Box<dyn Authenticator> = Box::new(by);
            self.authenticate(method.into(), by.into())
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod place {
    use super::{Authenticator, Config, Held, Text};

    impl Config {
        /// Sets the method of enhanced authentication, and the program's part of it, 5.0 only.
        /// Default: none.
        pub fn authentication(
            self,
            method: impl Into<Text>,
            by: &'static dyn Authenticator,
        ) -> Self {
            self.authenticate(method.into(), Held::from_static(by))
        }
    }
}
