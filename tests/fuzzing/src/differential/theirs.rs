//! Packets as mqtt-protocol-core reads and writes them.

use mqtt_as_proto::Version;
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::PacketType;
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::MqttError;

/// Reads a packet, and writes it again.
pub(super) fn read(
    kind: PacketType,
    frame: Frame<'_>,
    version: Version,
) -> Result<Vec<u8>, String> {
    let (flags, body) = (frame.first & 0x0f, frame.body);
    let len = body.len();
    match version {
        Version::V311 => match kind {
            PacketType::Connect => written(v3_1_1::Connect::parse(body), len),
            PacketType::ConnAck => written(v3_1_1::Connack::parse(body), len),
            PacketType::Publish => written(v3_1_1::Publish::parse(flags, body.into()), len),
            PacketType::PubAck => written(v3_1_1::Puback::parse(body), len),
            PacketType::PubRec => written(v3_1_1::Pubrec::parse(body), len),
            PacketType::PubRel => written(v3_1_1::Pubrel::parse(body), len),
            PacketType::PubComp => written(v3_1_1::Pubcomp::parse(body), len),
            PacketType::Subscribe => written(v3_1_1::Subscribe::parse(body), len),
            PacketType::SubAck => written(v3_1_1::Suback::parse(body), len),
            PacketType::Unsubscribe => written(v3_1_1::Unsubscribe::parse(body), len),
            PacketType::UnsubAck => written(v3_1_1::Unsuback::parse(body), len),
            PacketType::PingReq => written(v3_1_1::Pingreq::parse(body), len),
            PacketType::PingResp => written(v3_1_1::Pingresp::parse(body), len),
            PacketType::Disconnect => written(v3_1_1::Disconnect::parse(body), len),
            PacketType::Auth => Err("there is no AUTH in 3.1.1".into()),
        },
        Version::V5 => match kind {
            PacketType::Connect => written(v5_0::Connect::parse(body), len),
            PacketType::ConnAck => written(v5_0::Connack::parse(body), len),
            PacketType::Publish => written(v5_0::Publish::parse(flags, body.into()), len),
            PacketType::PubAck => written(v5_0::Puback::parse(body), len),
            PacketType::PubRec => written(v5_0::Pubrec::parse(body), len),
            PacketType::PubRel => written(v5_0::Pubrel::parse(body), len),
            PacketType::PubComp => written(v5_0::Pubcomp::parse(body), len),
            PacketType::Subscribe => written(v5_0::Subscribe::parse(body), len),
            PacketType::SubAck => written(v5_0::Suback::parse(body), len),
            PacketType::Unsubscribe => written(v5_0::Unsubscribe::parse(body), len),
            PacketType::UnsubAck => written(v5_0::Unsuback::parse(body), len),
            PacketType::PingReq => written(v5_0::Pingreq::parse(body), len),
            PacketType::PingResp => written(v5_0::Pingresp::parse(body), len),
            PacketType::Disconnect => written(v5_0::Disconnect::parse(body), len),
            PacketType::Auth => written(v5_0::Auth::parse(body), len),
        },
    }
}

/// The packet as they write it. They say how much of the body it was: it has to be all.
fn written<P: GenericPacketTrait>(
    parsed: Result<(P, usize), MqttError>,
    len: usize,
) -> Result<Vec<u8>, String> {
    match parsed {
        Ok((packet, used)) if used == len => Ok(packet.to_continuous_buffer()),
        Ok((_, used)) => Err(format!("{used} of {len} bytes are the packet")),
        Err(error) => Err(format!("{error:?}")),
    }
}
