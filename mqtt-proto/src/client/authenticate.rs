//! Enhanced authentication (4.12): AUTH, while a connection begins and again later.

use super::Client;
use super::connect::METHOD;
use super::error::{ConnectionError, OperationError, Violation};
use super::event::{Event, Tell};
use super::link::{Method, Phase};
use crate::packet::{Auth, PacketType};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::wire::{Body, Reader};

/// Enhanced authentication is used.
#[derive(Clone, Copy, Debug)]
pub struct Authentication {
    on_auth: fn(&mut Client<'_>, &[u8], Tell<'_>) -> Result<(), ConnectionError>,
}

impl Authentication {
    /// With the method that CONNECT names.
    pub const METHOD: Self = Self { on_auth: |client, body, tell| client.on_auth(body, tell) };
}

impl Client<'_> {
    /// Sends AUTH: the next step with [`ReasonCode::CONTINUE_AUTHENTICATION`], or the first one of
    /// a re-authentication with [`ReasonCode::RE_AUTHENTICATE`].
    ///
    /// # Errors
    /// [`OperationError::Authentication`] if it may not be sent now, or with that method.
    pub fn authenticate(
        &mut self,
        reason: ReasonCode,
        properties: Properties<'_>,
    ) -> Result<(), OperationError> {
        let again = reason == ReasonCode::RE_AUTHENTICATE;
        let allowed = match self.link.phase {
            Phase::Connecting => !again,
            Phase::Connected => again != self.link.re_authenticates(), // [MQTT-4.12.1-1]
            Phase::Closing | Phase::Down => return Err(OperationError::NotConnected),
        };
        let same = Method::new(properties.bytes(METHOD)) == self.link.method;
        if !allowed || !same || !self.link.method.is_some() || reason == ReasonCode::SUCCESS {
            return Err(OperationError::Authentication);
        }
        let (auth, version) = (Auth { reason, properties }, self.config.version);
        let maximum = self.limits.maximum_packet_size;
        let body: Body<'_> = &|out| auth.write(PacketType::Auth, version, out);
        self.encode(PacketType::Auth, maximum, body)?;
        if again {
            self.note_re_authentication();
        }
        Ok(())
    }

    /// Returns whether AUTH may come, or a CONNACK that ends an authentication: the packet at the
    /// front of the input may be one.
    #[must_use]
    pub fn awaits_authentication(&self) -> bool {
        match self.link.phase {
            Phase::Connecting => self.link.method.is_some(),
            Phase::Connected => self.link.re_authenticates() && self.link.skip == 0,
            Phase::Closing | Phase::Down => false,
        }
    }

    /// Returns how many re-authentications of this connection were begun and ended: odd while one is
    /// under way. The number wraps.
    #[must_use]
    pub fn re_authentications(&self) -> u8 {
        self.link.re_authentications
    }

    /// One was begun, or has ended.
    fn note_re_authentication(&mut self) {
        self.link.re_authentications = self.link.re_authentications.wrapping_add(1);
    }

    /// AUTH came: without a method in CONNECT it may not [MQTT-4.12.0-6].
    pub(super) fn handle_auth(
        &mut self,
        body: &[u8],
        tell: Tell<'_>,
    ) -> Result<(), ConnectionError> {
        match self.config.authentication {
            Some(authentication) => (authentication.on_auth)(self, body, tell),
            None => Err(Violation::Unexpected(PacketType::Auth).into()),
        }
    }

    fn on_auth(&mut self, body: &[u8], tell: Tell<'_>) -> Result<(), ConnectionError> {
        let mut from = Reader::new(body);
        let auth = Auth::read(&mut from, PacketType::Auth, self.config.version);
        from.end()?;
        self.check_explanation(PacketType::Auth, &auth.properties)?;
        let unexpected = || ConnectionError::from(Violation::Unexpected(PacketType::Auth));
        if !self.link.method.is_some() {
            return Err(unexpected()); // [MQTT-4.12.0-6]
        }
        self.check_method(Method::new(auth.properties.bytes(METHOD)))?;
        match auth.reason {
            ReasonCode::CONTINUE_AUTHENTICATION
                if self.link.re_authenticates() || self.link.phase == Phase::Connecting => {}
            ReasonCode::SUCCESS if self.link.re_authenticates() => self.note_re_authentication(),
            _ => return Err(unexpected()),
        }
        tell(Event::Auth(auth));
        Ok(())
    }
}
