//! What `-F` can print of a message, and in how many columns.

use jiff::Zoned;
use jiff::fmt::strtime;
use mqtt_as_tokio::{Message, Property, SubscriptionId};

use crate::json;

/// Something of a message.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    Percent,
    Topic,
    Payload,
    Hex,
    UpperHex,
    Length,
    QoS,
    Retain,
    PacketId,
    TopicAlias,
    ContentType,
    CorrelationData,
    MessageExpiry,
    PayloadFormat,
    UserProperties,
    ResponseTopic,
    SubscriptionId,
    DateTime,
    UnixTime,
    JsonText,
    Json,
}

/// In how many columns, and where in them.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) left: bool,
    pub(crate) zero: bool,
    /// At least so many; 0 for as many as it takes.
    pub(crate) width: usize,
    /// At most so many bytes of text.
    pub(crate) precision: Option<usize>,
}

impl Field {
    /// The field with that letter.
    pub(crate) fn of(letter: char) -> Option<Self> {
        Some(match letter {
            '%' => Self::Percent,
            't' => Self::Topic,
            'p' => Self::Payload,
            'x' => Self::Hex,
            'X' => Self::UpperHex,
            'l' => Self::Length,
            'q' => Self::QoS,
            'r' => Self::Retain,
            'm' => Self::PacketId,
            'A' => Self::TopicAlias,
            'C' => Self::ContentType,
            'D' => Self::CorrelationData,
            'E' => Self::MessageExpiry,
            'F' => Self::PayloadFormat,
            'P' => Self::UserProperties,
            'R' => Self::ResponseTopic,
            'S' => Self::SubscriptionId,
            'I' => Self::DateTime,
            'U' => Self::UnixTime,
            'j' => Self::JsonText,
            'J' => Self::Json,
            _ => return None,
        })
    }

    /// Puts it behind the text.
    pub(crate) fn write(self, message: &Message, now: &Zoned, shape: Shape, text: &mut Vec<u8>) {
        let payload = message.payload();
        match self {
            Self::Percent => text.push(b'%'),
            Self::Topic => shape.text(message.topic(), text),
            Self::Payload => shape.pad(shape.cut(payload), text),
            Self::Hex => shape.pad(hex(shape.cut(payload), LOWER).as_bytes(), text),
            Self::UpperHex => shape.pad(hex(shape.cut(payload), UPPER).as_bytes(), text),
            Self::Length => shape.number(Some(payload.len()), text),
            Self::QoS => text.push(b'0' + message.qos() as u8),
            Self::Retain => text.push(b'0' + u8::from(message.retain())),
            Self::PacketId => shape.number(Some(message.packet_id().unwrap_or(0)), text),
            Self::DateTime => {
                shape.text(&strtime::format("%FT%T%z", now).unwrap_or_default(), text);
            }
            Self::UnixTime => {
                let time = now.timestamp();
                let time = format!("{}.{:09}", time.as_second(), time.subsec_nanosecond());
                text.extend_from_slice(time.as_bytes());
            }
            Self::JsonText => text.extend_from_slice(json::with_text(message, now).as_bytes()),
            Self::Json => match json::with_json(message, now) {
                Ok(json) => text.extend_from_slice(json.as_bytes()),
                Err(error) => eprintln!("the payload on {} is no JSON: {error}", message.topic()),
            },
            property => property.write_property(message, shape, text),
        }
    }

    fn write_property(self, message: &Message, shape: Shape, text: &mut Vec<u8>) {
        let properties = message.properties();
        match self {
            Self::TopicAlias => shape.number(properties.topic_alias().map(|alias| alias.0), text),
            Self::ContentType => {
                shape.text(properties.content_type().unwrap_or_default(), text);
            }
            Self::CorrelationData => {
                text.extend_from_slice(properties.correlation_data().unwrap_or_default());
            }
            Self::MessageExpiry => shape.number(properties.message_expiry_interval(), text),
            Self::PayloadFormat => {
                shape.number(properties.payload_format_indicator().map(u8::from), text);
            }
            Self::ResponseTopic => {
                if let Some(topic) = properties.response_topic() {
                    shape.text(topic.as_str(), text);
                }
            }
            Self::SubscriptionId => {
                shape.number(properties.subscription_identifier().map(SubscriptionId::get), text);
            }
            _ => text.extend_from_slice(user_properties(message).as_bytes()),
        }
    }
}

fn user_properties(message: &Message) -> String {
    let pairs = message.properties().into_iter().filter_map(|property| match property {
        Property::UserProperty((name, value)) => Some(format!("{name}:{value}")),
        _ => None,
    });
    pairs.collect::<Vec<_>>().join(" ")
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn hex(bytes: &[u8], digits: &[u8; 16]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| digits.get(usize::from(half)).copied().map(char::from)).collect()
}

impl Shape {
    /// Text: it is never filled up with zeros.
    fn text(self, value: &str, text: &mut Vec<u8>) {
        let most = self.precision.unwrap_or(value.len());
        let value = value.as_bytes();
        Self { zero: false, ..self }.pad(value.get(..most).unwrap_or(value), text);
    }

    /// A number, or nothing in as many columns.
    fn number(self, value: Option<impl ToString>, text: &mut Vec<u8>) {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        self.pad(value.as_bytes(), text);
    }

    /// A payload is cut where the columns end.
    fn cut(self, payload: &[u8]) -> &[u8] {
        match self.width {
            0 => payload,
            width => payload.get(..width).unwrap_or(payload),
        }
    }

    fn pad(self, value: &[u8], text: &mut Vec<u8>) {
        let missing = self.width.saturating_sub(value.len());
        if self.left {
            text.extend_from_slice(value);
            text.resize(text.len() + missing, b' ');
        } else {
            text.resize(text.len() + missing, if self.zero { b'0' } else { b' ' });
            text.extend_from_slice(value);
        }
    }
}
