//! DISCONNECT (3.14) and AUTH (3.15).

use super::publish::{put_reason, read_optional_properties, read_reason};
use super::{PacketType, Version, put_code, put_properties, read_properties};
use crate::error::{DecodeError, EncodeError};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::wire::{Reader, Sink};

/// DISCONNECT (3.14): the last packet of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; always success in 3.1.1.
    pub reason: ReasonCode,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        if version == Version::V311 || from.is_empty() {
            return Ok(Self::default());
        }
        let reason = read_reason(from, PacketType::Disconnect)?;
        let properties = read_optional_properties(from, PacketType::Disconnect)?;
        Ok(Self { reason, properties })
    }

    pub(crate) fn write(&self, version: Version, out: &mut dyn Sink) {
        put_reason(PacketType::Disconnect, version, self.reason, &self.properties, out);
    }
}

/// AUTH (3.15): a step of enhanced authentication, 5.0 only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue, or re-authenticate.
    pub reason: ReasonCode,
    /// The method and its data.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        if version == Version::V311 {
            return Err(DecodeError::PacketType);
        }
        if from.is_empty() {
            return Ok(Self::default());
        }
        // Unlike that of DISCONNECT, its property length may not be left out alone (3.15.2).
        let reason = read_reason(from, PacketType::Auth)?;
        let properties = read_properties(from, version, PacketType::Auth.bit())?;
        Ok(Self { reason, properties })
    }

    pub(crate) fn write(&self, version: Version, out: &mut dyn Sink) {
        if version == Version::V311 {
            out.fault(EncodeError::AuthNeedsV5);
        }
        if *self != Self::default() {
            put_code(PacketType::Auth, self.reason, out);
            put_properties(version, PacketType::Auth.bit(), &self.properties, out);
        }
    }
}
