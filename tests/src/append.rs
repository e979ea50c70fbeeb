//! Packets into a `Vec`, also where the core knows of no heap.

use mqtt_as_proto::{EncodeError, Packet, Version};

/// Writes a packet behind what is there.
pub(crate) fn append(
    packet: &Packet<'_>,
    version: Version,
    bytes: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = bytes.len();
    bytes.resize(start + packet.encoded_len(version)?, 0);
    packet.encode_to_slice(version, &mut bytes[start..]).map(drop)
}
