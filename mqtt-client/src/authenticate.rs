//! Enhanced authentication (4.12): the program's part, asked by the driver between packets.
//!
//! The program's code runs when the lock is free. What the server said lies in the read buffer
//! meanwhile: a step is asked for in front of its packet, which the core gets afterwards.

use mqtt_as_proto::client::{self, OperationError};
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Auth, Packet};
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::apart::{Apart, take_out};
use crate::authentication::{Authenticating, Authentication, Authenticator, Reply, Stage};
use crate::config::Config;
use crate::error::{ConnectError, DownReason};
use crate::held::{Held, Text};
use crate::read::ReadMemory;
use crate::runtime::Locked;
use crate::state::State;

static HOOKS: Authenticating = Authenticating {
    packets: |state, read, packets| match &state.settings.authentication {
        Some(own) => own.packets(&state.core, read, packets),
        None => packets,
    },
    begin: |lock, clean| own(lock).is_some_and(|own| own.begin(lock, clean)),
    show: |lock, read| {
        if let Some(own) = own(lock) {
            own.show(lock, read);
        }
    },
};

fn own(lock: &dyn Locked) -> Option<Authentication> {
    let mut own = None;
    lock.with(&mut |state| own.clone_from(&state.settings.authentication));
    own.map(take_out)
}

impl Config {
    fn authenticate(mut self, method: Text, by: Held<dyn Authenticator>) -> Self {
        self.core.authentication = Some(client::Authentication::METHOD);
        self.kept.has_more();
        self.kept.authentication = Some(Apart::new(Authentication { method, by, begins: false }));
        self.kept.authenticating = Some(&HOOKS);
        self
    }
}

impl Authentication {
    /// Has the program do a step. `say` gets the data that it gives, or none at the end.
    pub(crate) fn step(
        &self,
        lock: &dyn Locked,
        stage: Stage<'_>,
        say: &mut dyn FnMut(Option<&[u8]>),
    ) -> bool {
        let (mut said, mut goes_on) = (false, false);
        lock.call(&mut || {
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

    fn begin(&self, lock: &dyn Locked, clean: bool) -> bool {
        let mut said = None;
        let goes_on = self.step(lock, Stage::Connect, &mut |data| {
            lock.with(&mut |state| said = Some(state.open_or_fail(clean, data)));
        });
        if !goes_on && said != Some(false) {
            lock.with(&mut |state| state.refuse(said == Some(true)));
        }
        said == Some(true)
    }

    fn packets(&self, core: &client::Client<'_>, read: &mut ReadMemory, packets: usize) -> usize {
        if !core.awaits_authentication() {
            return packets;
        }
        let sees = match self.stage_of(read.front()) {
            Some(Shown::Challenge(_)) => true,
            Some(Shown::Accepted(_)) => core.is_connected(),
            Some(Shown::Connected(_)) => !core.is_connected(),
            None => false,
        };
        usize::from(!sees)
    }

    fn show(&self, lock: &dyn Locked, read: &ReadMemory) {
        let goes_on = match self.stage_of(read.shown()) {
            Some(Shown::Challenge(data)) => self.step(lock, Stage::Challenge(data), &mut |data| {
                lock.with(&mut |state| state.answer(data));
            }),
            Some(Shown::Accepted(data) | Shown::Connected(data)) => {
                self.step(lock, Stage::Success(data), &mut |_| {})
            }
            None => true,
        };
        if !goes_on {
            lock.with(&mut |state| state.refuse(true));
        }
    }

    fn say(
        &self,
        core: &mut client::Client<'_>,
        reason: ReasonCode,
        data: Option<&[u8]>,
    ) -> Result<(), OperationError> {
        let method = Property::AuthenticationMethod(&self.method);
        let both = [method, Property::AuthenticationData(data.unwrap_or_default())];
        let list = if data.is_some() { &both } else { core::slice::from_ref(&method) };
        core.authenticate(reason, Properties::new(list))
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

impl State {
    /// The next step goes out.
    fn answer(&mut self, data: Option<&[u8]>) {
        if self.say_auth(ReasonCode::CONTINUE_AUTHENTICATION, data).is_err() {
            self.refuse(true); // The server would wait for it in vain.
        }
    }

    /// AUTH goes out.
    pub(crate) fn say_auth(
        &mut self,
        reason: ReasonCode,
        data: Option<&[u8]>,
    ) -> Result<(), OperationError> {
        let Some(own) = &self.settings.authentication else {
            return Err(OperationError::Authentication);
        };
        let said = own.say(&mut self.core, reason, data);
        self.settle();
        self.notify_read();
        said
    }

    /// The program refuses to go on.
    pub(crate) fn refuse(&mut self, said: bool) {
        match said {
            true => self.end_link(ReasonCode::UNSPECIFIED_ERROR, DownReason::NotAuthenticated),
            false => self.fail(ConnectError::Lost(DownReason::NotAuthenticated)),
        }
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
        /// use mqtt_as_tokio::{Config, Reply, Stage};
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
