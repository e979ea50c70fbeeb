//! `-D command identifier value`: properties of MQTT 5.0.

use std::str::FromStr;

use mqtt_as_tokio::{Property, SubscriptionId, TopicName};

use super::arguments::Arguments;
use super::failure::Failure;

/// The properties that were given for each packet.
#[derive(Default)]
pub(crate) struct PropertyArguments {
    pub(crate) connect: PropertyList,
    pub(crate) will: PropertyList,
    pub(crate) publish: PropertyList,
    pub(crate) subscribe: PropertyList,
    pub(crate) unsubscribe: PropertyList,
    pub(crate) disconnect: PropertyList,
}

/// The properties of one packet.
#[derive(Default)]
pub(crate) struct PropertyList(Vec<Given>);

/// A property in words: its name, and one value, or two of a user property.
struct Given {
    name: String,
    values: [String; 2],
}

/// What may be given for which packet.
static ALLOWED: [(&str, &[&str]); 6] = [
    (
        "connect",
        &[
            "maximum-packet-size",
            "receive-maximum",
            "request-problem-information",
            "request-response-information",
            "session-expiry-interval",
            "topic-alias-maximum",
            "user-property",
        ],
    ),
    (
        "will",
        &[
            "content-type",
            "correlation-data",
            "message-expiry-interval",
            "payload-format-indicator",
            "response-topic",
            "user-property",
            "will-delay-interval",
        ],
    ),
    (
        "publish",
        &[
            "content-type",
            "correlation-data",
            "message-expiry-interval",
            "payload-format-indicator",
            "response-topic",
            "topic-alias",
            "user-property",
        ],
    ),
    ("subscribe", &["subscription-identifier", "user-property"]),
    ("unsubscribe", &["user-property"]),
    ("disconnect", &["reason-string", "session-expiry-interval", "user-property"]),
];

impl PropertyArguments {
    /// Takes the three or four words behind `-D`.
    pub(crate) fn take(&mut self, arguments: &mut Arguments) -> Result<(), Failure> {
        let (packet, name) = (arguments.text()?, arguments.text()?);
        let allowed = ALLOWED.iter().find(|(known, _)| *known == packet);
        let Some((_, names)) = allowed else {
            return Err(arguments.wrong(format_args!("nothing can be given for {packet:?}")));
        };
        if !names.contains(&name.as_str()) {
            let what = format_args!("{packet} takes no {name:?}, but {}", names.join(", "));
            return Err(arguments.wrong(what));
        }
        let first = arguments.text()?;
        let second = if name == "user-property" { arguments.text()? } else { String::new() };
        let given = Given { name, values: [first, second] };
        if given.property().is_none() {
            let [value, _] = &given.values;
            let what = format_args!("{value:?} is no value of {}", given.name);
            return Err(arguments.wrong(what));
        }
        self.of(&packet).0.push(given);
        Ok(())
    }

    fn of(&mut self, packet: &str) -> &mut PropertyList {
        match packet {
            "connect" => &mut self.connect,
            "will" => &mut self.will,
            "publish" => &mut self.publish,
            "subscribe" => &mut self.subscribe,
            "unsubscribe" => &mut self.unsubscribe,
            _ => &mut self.disconnect,
        }
    }
}

impl PropertyList {
    pub(crate) fn get(&self) -> Vec<Property<'_>> {
        self.0.iter().filter_map(Given::property).collect()
    }
}

impl Given {
    /// None if the value is none of the property's.
    fn property(&self) -> Option<Property<'_>> {
        let [value, second] = &self.values;
        Some(match self.name.as_str() {
            "content-type" => Property::ContentType(value),
            "correlation-data" => Property::CorrelationData(value.as_bytes()),
            "maximum-packet-size" => Property::MaximumPacketSize(number(value)?),
            "message-expiry-interval" => Property::MessageExpiryInterval(number(value)?),
            "payload-format-indicator" => Property::PayloadFormatIndicator(flag(value)?),
            "reason-string" => Property::ReasonString(value),
            "receive-maximum" => Property::ReceiveMaximum(number(value)?),
            "request-problem-information" => Property::RequestProblemInformation(flag(value)?),
            "request-response-information" => Property::RequestResponseInformation(flag(value)?),
            "response-topic" => Property::ResponseTopic(TopicName::new(value).ok()?),
            "session-expiry-interval" => Property::SessionExpiryInterval(number(value)?),
            "subscription-identifier" => {
                Property::SubscriptionIdentifier(SubscriptionId::new(number(value)?)?)
            }
            "topic-alias" => Property::TopicAlias(mqtt_as_tokio::TopicAliasId(number(value)?)),
            "topic-alias-maximum" => Property::TopicAliasMaximum(number(value)?),
            "user-property" => Property::UserProperty((value, second)),
            "will-delay-interval" => Property::WillDelayInterval(number(value)?),
            _ => return None,
        })
    }
}

fn number<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

fn flag(value: &str) -> Option<bool> {
    number::<u8>(value).filter(|number| *number < 2).map(|number| number == 1)
}
