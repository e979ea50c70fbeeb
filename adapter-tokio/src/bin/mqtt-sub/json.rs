//! A message as JSON.

use jiff::Zoned;
use jiff::fmt::strtime;
use mqtt_as_tokio::{Message, Property};
use serde_json::{Map, Value, json};

/// Returns the message with its payload as a string.
pub(crate) fn with_text(message: &Message, now: &Zoned) -> String {
    let payload = match message.payload() {
        [] => Value::Null,
        payload => String::from_utf8_lossy(payload).into(),
    };
    with_payload(message, now, payload)
}

/// Returns the message with its payload as the JSON that it is.
pub(crate) fn with_json(message: &Message, now: &Zoned) -> Result<String, serde_json::Error> {
    let payload = match message.payload() {
        [] => Value::Null,
        payload => serde_json::from_slice(payload)?,
    };
    Ok(with_payload(message, now, payload))
}

fn with_payload(message: &Message, now: &Zoned, payload: Value) -> String {
    let time = strtime::format("%Y-%m-%dT%H:%M:%S.%6f%z", now).unwrap_or_default();
    let mut object = Map::new();
    let mut add = |name: &str, value: Value| object.insert(name.to_owned(), value);
    add("tst", time.into());
    add("topic", message.topic().into());
    add("qos", (message.qos() as u8).into());
    add("retain", u8::from(message.retain()).into());
    add("payloadlen", message.payload().len().into());
    if let Some(id) = message.packet_id() {
        add("mid", id.into());
    }
    let properties = properties(message);
    if !properties.is_empty() {
        add("properties", properties.into());
    }
    add("payload", payload);
    Value::Object(object).to_string()
}

/// Those that a message may have.
fn properties(message: &Message) -> Map<String, Value> {
    let (mut all, mut of_user) = (Map::new(), Map::new());
    for property in message.properties() {
        let (name, value) = match property {
            Property::PayloadFormatIndicator(is_text) => {
                ("payload-format-indicator", u8::from(is_text).into())
            }
            Property::MessageExpiryInterval(seconds) => ("message-expiry-interval", seconds.into()),
            Property::ContentType(kind) => ("content-type", kind.into()),
            Property::ResponseTopic(topic) => ("response-topic", topic.as_str().into()),
            Property::CorrelationData(data) => {
                ("correlation-data", String::from_utf8_lossy(data).into())
            }
            Property::SubscriptionIdentifier(id) => ("subscription-identifier", json!(id.get())),
            Property::TopicAlias(alias) => ("topic-alias", json!(alias.0.get())),
            Property::UserProperty((name, value)) => {
                of_user.insert(name.to_owned(), value.into());
                continue;
            }
            _ => continue,
        };
        all.insert(name.to_owned(), value);
    }
    if !of_user.is_empty() {
        all.insert("user-properties".to_owned(), of_user.into());
    }
    all
}
