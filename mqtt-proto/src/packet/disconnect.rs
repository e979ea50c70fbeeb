//! DISCONNECT (3.14) and AUTH (3.15).

use super::publish::{put_reason, read_reason};
use super::{PacketType, Version, put_code, read_code};
use crate::error::{DecodeError, EncodeError};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::wire::{Reader, Writer};

/// DISCONNECT (3.14): the last packet of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; always success in 3.1.1.
    pub reason: ReasonCode,
    /// Properties, 5.0 only.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Self {
        let (reason, properties) = read_reason(from, version, PacketType::Disconnect);
        Self { reason, properties }
    }

    pub(crate) fn write(&self, version: Version, out: &mut Writer<'_>) {
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
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Self {
        if version == Version::V311 {
            from.fail(DecodeError::PacketType);
        }
        if from.is_empty() {
            return Self::default();
        }
        // Unlike that of DISCONNECT, its property length may not be left out alone (3.15.2).
        let reason = read_code(from, PacketType::Auth);
        let properties = Properties::read(from, version, PacketType::Auth.bit());
        Self { reason, properties }
    }

    pub(crate) fn write(&self, version: Version, out: &mut Writer<'_>) {
        if version == Version::V311 {
            out.fail(EncodeError::AuthNeedsV5);
        }
        if *self != Self::default() {
            put_code(PacketType::Auth, self.reason, out);
            self.properties.write(version, PacketType::Auth.bit(), out);
        }
    }
}
