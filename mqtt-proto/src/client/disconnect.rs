//! DISCONNECT (3.14): how a connection ends by our wish, or for a fault.

use super::Client;
use super::connect::SESSION_EXPIRY;
use super::error::OperationError;
use super::link::{Goodbye, Phase};
use crate::error::EncodeError;
use crate::packet::{PacketType, Version};
use crate::reason::ReasonCode;
use crate::wire::Body;

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
    pub fn disconnect(
        &mut self,
        reason: ReasonCode,
        session_expiry: Option<u32>,
    ) -> Result<(), OperationError> {
        let v311 = self.config.version == Version::V311;
        if matches!(self.link.phase, Phase::Down | Phase::Closing) {
            return Err(OperationError::NotConnected);
        }
        if session_expiry.is_some_and(|expiry| expiry != 0) && self.link.expiry_zero {
            return Err(OperationError::SessionExpiry);
        }
        if session_expiry.is_some() && v311 {
            return Err(EncodeError::PropertiesNeedV5.into());
        }
        if !v311 && !reason.is_listed_for(PacketType::Disconnect) {
            return Err(EncodeError::ReasonCode(PacketType::Disconnect, reason.as_u8()).into());
        }
        let silent = v311 && reason == ReasonCode::DISCONNECT_WITH_WILL;
        let flush = self.is_connected();
        if let Some(expiry) = session_expiry {
            self.link.session_ends = expiry == 0;
        }
        self.begin_closing((!silent).then_some(reason), flush);
        if let Some(goodbye) = &mut self.link.goodbye {
            goodbye.session_expiry = session_expiry;
        }
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
            self.link.goodbye =
                reason.map(|reason| Goodbye { reason, session_expiry: None, flush });
            self.timers.begin_ending();
        }
    }

    /// Appends DISCONNECT, the last packet [MQTT-3.14.4-1], if the server takes it.
    pub(super) fn fill_goodbye(&mut self, goodbye: Goodbye) {
        let (v5, maximum) = (self.v5(), self.limits.maximum_packet_size);
        let (reason, expiry) = (goodbye.reason, goodbye.session_expiry);
        let body: Body<'_> = &|out| {
            if v5 && (reason != ReasonCode::SUCCESS || expiry.is_some()) {
                out.u8(reason.as_u8());
            }
            if let Some(seconds) = expiry {
                out.put(&[5, SESSION_EXPIRY]);
                out.u32(seconds);
            }
        };
        match self.encode(PacketType::Disconnect, maximum, body) {
            Err(OperationError::NoRoom) => {}
            _ => self.link.goodbye = None,
        }
    }
}
