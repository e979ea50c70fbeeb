//! CONNECT (3.1) with its will, and CONNACK (3.2).

use super::reason::put_code;
use super::{PacketType, QoS, Version, WILL};
use crate::error::{DecodeError, EncodeError};
use crate::property::{NO_PROPERTY, Properties};
use crate::reason::ReasonCode;
use crate::topic::TopicName;
use crate::wire::{Body, Reader, Writer};

/// CONNECT (3.1): the client asks for a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The version of the connection.
    pub version: Version,
    /// Begin a new session (5.0 Clean Start, 3.1.1 Clean Session).
    pub clean_start: bool,
    /// Seconds after which a silent client counts as dead; 0 turns that off (3.1.2.10).
    pub keep_alive: u16,
    /// Names the session (3.1.3.1).
    pub client_id: &'a str,
    /// What the server publishes when the client is lost (3.1.2.5).
    pub will: Option<Will<'a>>,
    /// The user name (3.1.3.5).
    pub user_name: Option<&'a str>,
    /// The password (3.1.3.6); 3.1.1 takes it only beside a user name.
    pub password: Option<&'a [u8]>,
    /// Properties, 5.0 only (3.1.2.11).
    pub properties: Properties<'a>,
}

/// The will message inside CONNECT (3.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// Where it is published.
    pub topic: TopicName<'a>,
    /// What is published, at most 65,535 bytes.
    pub payload: &'a [u8],
    /// The QoS at which it is published.
    pub qos: QoS,
    /// Whether it is published as a retained message.
    pub retain: bool,
    /// Properties, 5.0 only (3.1.3.2).
    pub properties: Properties<'a>,
}

// Connect flags (3.1.2.3).
const RESERVED: u8 = 1;
const CLEAN_START: u8 = 1 << 1;
const WILL_FLAG: u8 = 1 << 2;
const WILL_RETAIN: u8 = 1 << 5;
const PASSWORD: u8 = 1 << 6;
const USER_NAME: u8 = 1 << 7;

impl<'a> Connect<'a> {
    pub(crate) fn read(from: &mut Reader<'a>) -> Self {
        let version = read_version(from);
        let flags = from.u8();
        if flags & RESERVED != 0 {
            from.fail(DecodeError::Reserved(PacketType::Connect)); // [MQTT-3.1.2-3]
        }
        let keep_alive = from.u16();
        let properties = Properties::read(from, version, PacketType::Connect.bit());
        let client_id = from.string();
        let will = Will::read(from, version, flags);
        let user_name = (flags & USER_NAME != 0).then(|| from.string());
        let password = (flags & PASSWORD != 0).then(|| from.binary());
        if version == Version::V311 && password.is_some() && user_name.is_none() {
            from.fail(DecodeError::PasswordWithoutUserName); // 3.1.1 [MQTT-3.1.2-22]
        }
        let clean_start = flags & CLEAN_START != 0;
        Self { version, clean_start, keep_alive, client_id, will, user_name, password, properties }
    }

    pub(crate) fn write(&self, out: &mut Writer<'_>) {
        self.write_as(self.version, out);
    }

    /// The same in that version.
    pub(crate) fn write_as(&self, version: Version, out: &mut Writer<'_>) {
        self.write_with(version, &|_| {}, NO_PROPERTY, out);
    }

    /// The same with properties that begin with what `own` writes, and leave one out.
    pub(crate) fn write_with(
        &self,
        version: Version,
        own: Body<'_>,
        skip: u8,
        out: &mut Writer<'_>,
    ) {
        out.string("MQTT"); // [MQTT-3.1.2-1]
        out.put(&[version.level(), self.flags()]);
        out.u16(self.keep_alive);
        if version == Version::V311 && self.password.is_some() && self.user_name.is_none() {
            out.fail(EncodeError::PasswordWithoutUserName);
        }
        self.properties.write_behind(own, skip, version, PacketType::Connect.bit(), out);
        out.string(self.client_id); // [MQTT-3.1.3-1] the order of the payload.
        if let Some(will) = &self.will {
            will.properties.write(version, WILL, out);
            will.topic.write(out);
            out.binary(will.payload);
        }
        if let Some(user_name) = self.user_name {
            out.string(user_name);
        }
        if let Some(password) = self.password {
            out.binary(password);
        }
    }

    fn flags(&self) -> u8 {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        flag(self.clean_start, CLEAN_START)
            | self.will.as_ref().map_or(0, Will::flags)
            | flag(self.password.is_some(), PASSWORD)
            | flag(self.user_name.is_some(), USER_NAME)
    }
}

fn read_version(from: &mut Reader<'_>) -> Version {
    let (name, level) = (from.binary(), from.u8());
    match (name, level) {
        (b"MQTT", 4) => return Version::V311,
        (b"MQTT", 5) => return Version::V5,
        (b"MQTT" | b"MQIsdp", level) => from.fail(DecodeError::ProtocolVersion(level)),
        _ => from.fail(DecodeError::ProtocolName),
    }
    Version::V5
}

impl<'a> Will<'a> {
    fn read(from: &mut Reader<'a>, version: Version, flags: u8) -> Option<Self> {
        let qos = QoS::from_bits((flags >> 3) & 3).unwrap_or_else(|| {
            from.fail(DecodeError::QoS); // [MQTT-3.1.2-12]
            QoS::AtMostOnce
        });
        let retain = flags & WILL_RETAIN != 0;
        if flags & WILL_FLAG == 0 {
            if qos != QoS::AtMostOnce || retain {
                // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
                from.fail(DecodeError::Reserved(PacketType::Connect));
            }
            return None;
        }
        let properties = Properties::read(from, version, WILL);
        let topic = TopicName::read(from);
        let payload = from.binary();
        Some(Self { topic, payload, qos, retain, properties })
    }

    fn flags(&self) -> u8 {
        let retain = if self.retain { WILL_RETAIN } else { 0 };
        WILL_FLAG | ((self.qos as u8) << 3) | retain
    }
}

/// CONNACK (3.2): the server's answer to CONNECT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server holds a session for this client (3.2.2.1.1).
    pub session_present: bool,
    /// Whether the connection stands, or why not (3.2.2.2).
    pub reason: ReasonCode,
    /// The server's limits and more, 5.0 only (3.2.2.3).
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    pub(crate) fn read(from: &mut Reader<'a>, version: Version) -> Self {
        let (flags, code) = (from.u8(), from.u8());
        let reason = match version {
            // A 3.1.1 server refuses a 5.0 client in its own form [MQTT-3.1.2-2].
            Version::V5 if !(from.is_empty() && matches!(code, 1..=5)) => {
                Some(ReasonCode::from_u8(code))
                    .filter(|reason| reason.is_listed_for(PacketType::ConnAck)) // [MQTT-3.2.2-8]
            }
            _ => ReasonCode::from_return_code(code),
        };
        let reason = reason.unwrap_or_else(|| {
            from.fail(DecodeError::ReasonCode(PacketType::ConnAck, code));
            ReasonCode::SUCCESS
        });
        if flags > 1 || (flags == 1 && reason != ReasonCode::SUCCESS) {
            // [MQTT-3.2.2-1] [MQTT-3.2.2-6]
            from.fail(DecodeError::Reserved(PacketType::ConnAck));
        }
        // Some 5.0 servers leave the property length of a refusal out.
        let bare = from.is_empty() && reason.is_error();
        let properties = match bare {
            true => Properties::NONE,
            false => Properties::read(from, version, PacketType::ConnAck.bit()),
        };
        Self { session_present: flags == 1, reason, properties }
    }

    pub(super) fn write(&self, version: Version, out: &mut Writer<'_>) {
        let session_present = self.session_present && self.reason == ReasonCode::SUCCESS;
        out.u8(u8::from(session_present)); // [MQTT-3.2.2-6]
        match version {
            Version::V5 => put_code(self.reason, PacketType::ConnAck, out),
            Version::V311 => out.u8(self.reason.to_return_code()),
        }
        self.properties.write(version, PacketType::ConnAck.bit(), out);
    }
}
