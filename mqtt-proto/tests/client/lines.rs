//! What the client sends and reports, as short lines of text.

use mqtt_as_proto::client::Fate;
use mqtt_as_proto::packet::Publish;
use mqtt_as_proto::{Event, Packet, ReasonCode};

#[allow(clippy::needless_pass_by_value)] // As it is told.
pub(crate) fn show_event(event: Event<'_>) -> String {
    match event {
        Event::Connected(c) => match (c.session_present, c.adopted) {
            (false, _) => "connected".into(),
            (true, false) => "connected resumed".into(),
            (true, true) => "connected adopted".into(),
        },
        Event::Refused(ack) => format!("refused {:#04x}", ack.reason.as_u8()),
        Event::TooLarge { topic, size, room } => {
            format!("too large {} {size} of {room}", topic.as_str())
        }
        Event::Done { tag, fate: Fate::Acknowledged(reason) } => {
            format!("published {} {:#04x}", tag.0, reason.as_u8())
        }
        Event::Done { tag, fate } => format!("ended {} {fate:?}", tag.0),
        Event::Answered(answer) => format!("answered {} {:02x?}", answer.tag.0, answer.codes),
        Event::Explained { tag, properties } => {
            format!("explained {} {}", tag.0, properties.reason_string().unwrap_or_default())
        }
        Event::Pong => "pong".into(),
        Event::Auth(auth) => format!("auth {:#04x}", auth.reason.as_u8()),
        Event::Disconnected(d) => format!("disconnected {:#04x}", d.reason.as_u8()),
        Event::Readable => "readable".into(),
        _ => "unknown event".into(),
    }
}

pub(crate) fn show_message(publish: &Publish<'_>) -> String {
    let (qos, body) = (publish.delivery.qos() as u8, show(publish.payload));
    format!("message q{qos} {} {body}", publish.topic.as_str())
}

fn show(payload: &[u8]) -> String {
    match payload.len() {
        0..=24 => String::from_utf8_lossy(payload).into_owned(),
        len => format!("<{len} bytes>"),
    }
}

pub(crate) fn show_packet(packet: &Packet<'_>) -> String {
    let name = packet.packet_type().to_string();
    match packet {
        Packet::Connect(connect) => {
            let start = if connect.clean_start { "clean" } else { "kept" };
            let expiry = connect.properties.session_expiry_interval();
            format!("CONNECT {start}{}", expiry.map(|e| format!(" expiry {e}")).unwrap_or_default())
        }
        Packet::Publish(publish) => show_publish(publish),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            match ack.reason {
                ReasonCode::SUCCESS => format!("{name} #{}", ack.id),
                reason => format!("{name} #{} {:#04x}", ack.id, reason.as_u8()),
            }
        }
        Packet::Subscribe(subscribe) => format!("SUBSCRIBE #{}", subscribe.id),
        Packet::Unsubscribe(unsubscribe) => format!("UNSUBSCRIBE #{}", unsubscribe.id),
        Packet::Disconnect(disconnect) => {
            let expiry = disconnect.properties.session_expiry_interval();
            let expiry = expiry.map(|e| format!(" expiry {e}")).unwrap_or_default();
            format!("DISCONNECT {:#04x}{expiry}", disconnect.reason.as_u8())
        }
        Packet::Auth(auth) => format!("AUTH {:#04x}", auth.reason.as_u8()),
        _ => name,
    }
}

fn show_publish(publish: &Publish<'_>) -> String {
    let flag = |on: bool, name: &str| if on { format!("{name} ") } else { String::new() };
    let id = publish.delivery.id().map(|id| format!("#{id} ")).unwrap_or_default();
    let alias = publish.properties.topic_alias().map(|alias| format!(" alias {}", alias.0));
    let expiry = publish.properties.message_expiry_interval().map(|left| format!(" expiry {left}"));
    format!(
        "PUBLISH {}{}q{} {id}{} {}{}{}",
        flag(publish.dup, "dup"),
        flag(publish.retain, "retain"),
        publish.delivery.qos() as u8,
        publish.topic.as_str(),
        show(publish.payload),
        alias.unwrap_or_default(),
        expiry.unwrap_or_default()
    )
}
