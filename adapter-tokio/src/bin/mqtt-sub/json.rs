//! A message as JSON.

use std::fmt::Display;

use jiff::Zoned;
use jiff::fmt::strtime;
use mqtt_as_tokio::{Message, Property};
use serde_json::Value;
use serde_json::value::RawValue;

/// Returns the message with its payload as a string.
pub(crate) fn with_text(message: &Message, now: &Zoned) -> String {
    with_payload(
        message,
        now,
        match message.payload() {
            [] => "null".to_owned(),
            payload => text(&String::from_utf8_lossy(payload)),
        },
    )
}

/// Returns the message with its payload as the JSON that it is.
pub(crate) fn with_json(message: &Message, now: &Zoned) -> Result<String, serde_json::Error> {
    let payload = match message.payload() {
        [] => "null".to_owned(),
        payload => in_one_line(serde_json::from_slice::<&RawValue>(payload)?.get()),
    };
    Ok(with_payload(message, now, payload))
}

fn with_payload(message: &Message, now: &Zoned, payload: String) -> String {
    let time = strtime::format("%Y-%m-%dT%H:%M:%S.%6f%z", now).unwrap_or_default();
    let mut all = Object::default();
    all.add("tst", text(&time));
    all.add("topic", text(message.topic()));
    all.add("qos", message.qos() as u8);
    all.add("retain", u8::from(message.retain()));
    all.add("payloadlen", message.payload().len());
    if let Some(id) = message.packet_id() {
        all.add("mid", id);
    }
    let properties = properties(message);
    if !properties.is_empty() {
        all.add("properties", properties.end());
    }
    all.add("payload", payload);
    all.end()
}

/// Those that a message may have.
fn properties(message: &Message) -> Object {
    let (mut all, mut of_user) = (Object::default(), Object::default());
    for property in message.properties() {
        match property {
            Property::PayloadFormatIndicator(is_text) => {
                all.add("payload-format-indicator", u8::from(is_text));
            }
            Property::MessageExpiryInterval(time) => {
                all.add("message-expiry-interval", time);
            }
            Property::ContentType(kind) => all.add("content-type", text(kind)),
            Property::ResponseTopic(topic) => all.add("response-topic", text(topic.as_str())),
            Property::CorrelationData(data) => {
                all.add("correlation-data", text(&String::from_utf8_lossy(data)));
            }
            Property::SubscriptionIdentifier(id) => {
                all.add("subscription-identifier", id.get());
            }
            Property::TopicAlias(alias) => all.add("topic-alias", alias.0),
            Property::UserProperty((name, value)) => of_user.add(name, text(value)),
            _ => {}
        }
    }
    if !of_user.is_empty() {
        all.add("user-properties", of_user.end());
    }
    all
}

/// An object of JSON, whose members stay in their order.
#[derive(Default)]
struct Object(Vec<String>);

impl Object {
    /// Adds a member, whose value is JSON.
    fn add(&mut self, name: &str, value: impl Display) {
        self.0.push(format!("{}:{value}", text(name)));
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn end(self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// White space counts in strings only.
fn in_one_line(json: &str) -> String {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_said = |letter: &char| {
        let said = in_string || !letter.is_ascii_whitespace();
        in_string ^= *letter == '"' && !is_escaped;
        is_escaped = *letter == '\\' && !is_escaped;
        said
    };
    json.chars().filter(is_said).collect()
}
