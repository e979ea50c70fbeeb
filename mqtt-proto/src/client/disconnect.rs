//! DISCONNECT (3.14): how a connection ends by our wish, or for a fault.

use super::Client;
use super::connect::SESSION_EXPIRY;
use super::error::OperationError;
use super::link::{Goodbye, Phase};
use crate::error::EncodeError;
use crate::limits::Limit;
use crate::packet::{PacketType, Version};
use crate::property::{NO_PROPERTY, PropertyList};
use crate::reason::ReasonCode;
use crate::wire::{Body, Writer, packet_len, remaining};

/// What DISCONNECT says beside its reason (3.14.2.2), 5.0 only.
#[derive(Clone, Debug)]
pub struct DisconnectDetails {
    session_expiry: Option<u32>,
    properties: PropertyList,
    /// Puts the DISCONNECT into the outbox: linked where anything is said.
    fill: fn(&mut Client<'_>, ReasonCode) -> Result<(), OperationError>,
}

impl DisconnectDetails {
    /// The seconds for which the session is to be kept, if not as CONNECT said, and properties.
    #[must_use]
    pub const fn new(session_expiry: Option<u32>, properties: PropertyList) -> Self {
        Self { session_expiry, properties, fill: |client, reason| client.fill_details(reason) }
    }

    fn write(&self, reason: ReasonCode, out: &mut Writer<'_>) {
        let properties = match self.properties.get() {
            Ok(properties) => properties,
            Err(error) => return out.fail(error),
        };
        let skip = self.session_expiry.map_or(NO_PROPERTY, |_| SESSION_EXPIRY);
        let own: Body<'_> = &|out| {
            if let Some(seconds) = self.session_expiry {
                out.u8(SESSION_EXPIRY);
                out.u32(seconds);
            }
        };
        out.u8(reason.as_u8());
        properties.write_behind(own, skip, Version::V5, PacketType::Disconnect.bit(), out);
    }
}

impl Client<'_> {
    /// Ends the connection: what was accepted and may be sent goes out, DISCONNECT follows.
    ///
    /// `reason` is told in 5.0. In 3.1.1 a reason of 0x04, "with will", ends the connection
    /// without DISCONNECT, so that the server publishes the will. `session_expiry` replaces the one
    /// of CONNECT, 5.0 only. Nothing after this is sent or read.
    ///
    /// # Errors
    /// [`OperationError::NotConnected`], [`OperationError::SessionExpiry`], or
    /// [`OperationError::Invalid`].
    #[inline]
    pub fn disconnect(
        &mut self,
        reason: ReasonCode,
        session_expiry: Option<u32>,
    ) -> Result<(), OperationError> {
        if session_expiry.is_some() {
            self.prepare_disconnect(
                reason,
                DisconnectDetails::new(session_expiry, PropertyList::new()),
            )?;
        }
        self.end(reason)
    }

    /// The next DISCONNECT of this connection, which has to follow at once with that `reason`, says
    /// more than that.
    ///
    /// # Errors
    /// [`OperationError::NotConnected`], [`OperationError::SessionExpiry`],
    /// [`OperationError::Invalid`], or that it is too large for the server or the outbox.
    pub fn prepare_disconnect(
        &mut self,
        reason: ReasonCode,
        details: DisconnectDetails,
    ) -> Result<(), OperationError> {
        self.check_end(reason)?;
        let properties = details.properties.get()?;
        let expiry = details.session_expiry.or(properties.number(SESSION_EXPIRY));
        if expiry.is_some_and(|expiry| expiry != 0) && self.link.expiry_zero {
            return Err(OperationError::SessionExpiry);
        }
        if expiry.is_none() && properties.is_empty() {
            return Ok(());
        }
        if !self.v5() {
            return Err(EncodeError::PropertiesNeedV5.into());
        }
        let size = packet_len(remaining(&|out| details.write(reason, out))?);
        if size > self.limits.maximum_packet_size as usize {
            return Err(Limit::MaximumPacketSize.into());
        }
        if size > self.outbox.limit() {
            return Err(OperationError::TooLarge { size, room: self.outbox.limit() });
        }
        if let Some(expiry) = expiry {
            self.link.session_ends = expiry == 0;
        }
        self.disconnect_details = Some(details);
        Ok(())
    }

    fn check_end(&self, reason: ReasonCode) -> Result<(), OperationError> {
        if matches!(self.link.phase, Phase::Down | Phase::Closing) {
            return Err(OperationError::NotConnected);
        }
        if self.v5() && !reason.is_listed_for(PacketType::Disconnect) {
            return Err(EncodeError::ReasonCode(PacketType::Disconnect, reason.as_u8()).into());
        }
        Ok(())
    }

    fn end(&mut self, reason: ReasonCode) -> Result<(), OperationError> {
        self.check_end(reason)?;
        let silent = !self.v5() && reason == ReasonCode::DISCONNECT_WITH_WILL;
        self.begin_closing((!silent).then_some(reason), self.is_connected());
        Ok(())
    }

    /// Ends the connection with DISCONNECT at once: what waits to be sent stays for the next one.
    pub fn disconnect_at_once(&mut self) {
        self.begin_closing(Some(ReasonCode::SUCCESS), false);
    }

    /// Nothing more is read; DISCONNECT goes out with that reason, if there is one.
    pub(super) fn begin_closing(&mut self, reason: Option<ReasonCode>, flush: bool) {
        if matches!(self.link.phase, Phase::Connecting | Phase::Connected) {
            self.link.phase = Phase::Closing;
            self.link.goodbye = reason.map(|reason| Goodbye { reason, flush });
            self.timers.begin_ending();
        }
    }

    /// Appends DISCONNECT, the last packet [MQTT-3.14.4-1], if the server takes it.
    pub(super) fn fill_goodbye(&mut self, goodbye: Goodbye) {
        let (v5, reason) = (self.v5(), goodbye.reason);
        let said = match self.disconnect_details.as_ref().map(|details| details.fill) {
            Some(fill) => fill(self, reason),
            None => self.encode_goodbye(&|out| {
                if v5 && reason != ReasonCode::SUCCESS {
                    out.u8(reason.as_u8());
                }
            }),
        };
        if !matches!(said, Err(OperationError::NoRoom)) {
            self.link.goodbye = None;
        }
    }

    fn fill_details(&mut self, reason: ReasonCode) -> Result<(), OperationError> {
        let Some(details) = self.disconnect_details.take() else { return Ok(()) };
        let said = self.encode_goodbye(&|out| details.write(reason, out));
        self.disconnect_details = Some(details);
        said
    }

    fn encode_goodbye(&mut self, body: Body<'_>) -> Result<(), OperationError> {
        self.encode(PacketType::Disconnect, self.limits.maximum_packet_size, body)
    }
}
