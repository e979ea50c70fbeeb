//! What ends with a reason and properties: DISCONNECT (3.14), AUTH (3.15), and the acknowledgements.

use super::{PacketType, Version};
use crate::error::{DecodeError, EncodeError};
use crate::property::Properties;
use crate::reason::ReasonCode;
use crate::wire::{Reader, Writer};

/// DISCONNECT (3.14), the last packet of a connection, or AUTH (3.15), a step of enhanced
/// authentication: they have one form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why. DISCONNECT: always success in 3.1.1. AUTH: success, continue, or re-authenticate.
    pub reason: ReasonCode,
    /// Properties, 5.0 only: of AUTH the method and its data.
    pub properties: Properties<'a>,
}

/// AUTH (3.15): a step of enhanced authentication, 5.0 only.
pub type Auth<'a> = Disconnect<'a>;

impl<'a> Disconnect<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, kind: PacketType, version: Version) -> Self {
        if kind == PacketType::Auth && version == Version::V311 {
            from.fail(DecodeError::PacketType);
        }
        let (reason, properties) = read_reason(from, kind, version);
        Self { reason, properties }
    }

    pub(crate) fn write(&self, kind: PacketType, version: Version, out: &mut Writer<'_>) {
        if kind == PacketType::Auth && version == Version::V311 {
            out.fail(EncodeError::AuthNeedsV5);
        }
        put_reason(self.reason, &self.properties, kind, version, out);
    }
}

/// Reads a reason code and properties at the end of a packet, where each may be left out: 5.0 only.
pub(super) fn read_reason<'a>(
    from: &mut Reader<'a>,
    kind: PacketType,
    version: Version,
) -> (ReasonCode, Properties<'a>) {
    if version == Version::V311 || from.is_empty() {
        return (ReasonCode::SUCCESS, Properties::NONE);
    }
    let reason = ReasonCode::from_u8(from.u8());
    if !reason.is_listed_for(kind) {
        from.fail(DecodeError::ReasonCode(kind, reason.as_u8()));
    }
    // AUTH may not leave out the length of its properties alone (3.15.2).
    if from.is_empty() && kind != PacketType::Auth {
        return (reason, Properties::NONE);
    }
    (reason, Properties::read(from, version, kind.bit()))
}

/// Writes the same as short as it can be; nothing in 3.1.1.
pub(super) fn put_reason(
    reason: ReasonCode,
    properties: &Properties<'_>,
    kind: PacketType,
    version: Version,
    out: &mut Writer<'_>,
) {
    let bare = properties.is_empty();
    let is_left_out = version == Version::V311 || (bare && reason == ReasonCode::SUCCESS);
    if !is_left_out {
        put_code(reason, kind, out);
    }
    if !bare || (kind == PacketType::Auth && !is_left_out) {
        properties.write(version, kind.bit(), out);
    }
}

/// Writes a reason code that `kind` may carry.
pub(super) fn put_code(reason: ReasonCode, kind: PacketType, out: &mut Writer<'_>) {
    if !reason.is_listed_for(kind) {
        out.fail(EncodeError::ReasonCode(kind, reason.as_u8()));
    }
    out.u8(reason.as_u8());
}
