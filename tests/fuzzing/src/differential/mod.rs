//! Our packets beside those of another crate, mqtt-protocol-core, both ways: what one understands the
//! other has to understand in the same way. Where they disagree, the table says which rule the other one
//! does not keep; whatever is not in the table is a fault of ours.

mod explained;
mod theirs;

use mqtt_as_proto::Version;
use mqtt_as_proto::error::DecodeError;
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Packet, PacketType};

use crate::targets::decode::framed;
use explained::{why_they_read, why_they_refuse};

/// Where the protocol level of CONNECT stands.
const LEVEL: usize = 6;

/// Bytes: which version, the first byte of a packet, and its body.
pub fn run(bytes: &[u8]) {
    let [how, first, body @ ..] = bytes else { return };
    let frame = Frame { first: *first, body };
    let version = match (frame.first >> 4, body.get(LEVEL)) {
        // CONNECT says itself which it is.
        (1, Some(4)) => Version::V311,
        (1, Some(5)) => Version::V5,
        (1, _) => return,
        _ => [Version::V311, Version::V5][usize::from(how & 1)],
    };
    let ours = Packet::decode(frame, version);
    // Their functions read bodies, and are called by the type.
    if matches!(ours, Err(DecodeError::PacketType | DecodeError::Flags(_))) {
        return;
    }
    compare(frame, version, &ours);
    // What we write of it: they read that, too.
    if let Ok(packet) = &ours {
        let bytes = packet.encode_to_vec(version).expect("it was decoded");
        let (frame, _) = Frame::split(&bytes).ok().flatten().expect("it is whole");
        compare(frame, version, &ours);
    }
}

fn compare(frame: Frame<'_>, version: Version, ours: &Result<Packet<'_>, DecodeError>) {
    let kind = PacketType::from_first_byte(frame.first).expect("it was decoded");
    let said = || format!("{version} {:02x?}", framed(frame.first, frame.body));
    match (ours, theirs::read(kind, frame, version)) {
        (Ok(packet), Ok(bytes)) => {
            let again = Frame::split(&bytes).ok().flatten();
            let again = again.map(|(frame, _)| Packet::decode(frame, version));
            assert_eq!(again, Some(Ok(*packet)), "they read and write something else: {}", said());
        }
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => {
            let rule = why_they_read(*error, kind, version);
            assert!(rule.is_some(), "only they read it, we say {error:?}: {}", said());
        }
        (Ok(packet), Err(error)) => {
            let rule = why_they_refuse(packet, frame.body, version);
            assert!(rule.is_some(), "only we read it, they say {error}: {packet:?}: {}", said());
        }
    }
}
