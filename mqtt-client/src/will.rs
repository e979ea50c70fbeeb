//! The will: the message that the server publishes when the client is lost (3.1.2.5).

use core::time::Duration;

use mqtt_as_proto::{Properties, Property, QoS, TopicError, TopicName, packet};

use crate::held::{Binary, Text};
use crate::options::{options, whole_seconds};
use crate::property_list::PropertyList;
use crate::say_more::{self, SayMore};

/// The message that the server publishes when the client is lost (3.1.2.5).
#[derive(Clone, Debug)]
#[must_use]
pub struct Will {
    pub(crate) topic: Text,
    pub(crate) payload: Binary,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// In seconds.
    pub(crate) delay: u32,
    /// Says it in CONNECT, with those properties: linked where there is a will.
    pub(crate) say: SayWill,
    pub(crate) properties: PropertyList,
    /// Adds them: set where there are any.
    pub(crate) say_more: Option<SayMore>,
}

pub(crate) type SayWill =
    for<'p> fn(&'p Will, &'p [Property<'p>]) -> Result<packet::Will<'p>, TopicError>;

impl Will {
    /// Returns a QoS 0 will that is not retained.
    ///
    /// ```
    /// use mqtt_as_tokio::{Config, Will};
    ///
    /// let config = Config::new("broker.example").will(Will::new("plant/7/state", "lost"));
    /// # let _ = config;
    /// ```
    pub fn new(topic: impl Into<Text>, payload: impl Into<Binary>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            delay: 0,
            say: Self::say,
            properties: PropertyList::new(),
            say_more: None,
        }
    }

    options! {
        /// Sets the QoS at which it is published. Default: 0.
        ///
        /// ```
        /// use mqtt_as_tokio::{QoS, Will};
        ///
        /// let will = Will::new("plant/7/state", "lost").qos(QoS::AtLeastOnce);
        /// # let _ = will;
        /// ```
        qos(self, qos: QoS) { self.qos = qos; }

        /// Sets whether it is retained. Default: no.
        ///
        /// ```
        /// # use mqtt_as_tokio::Will;
        /// let will = Will::new("plant/7/state", "lost").retain(true);
        /// # let _ = will;
        /// ```
        retain(self, retain: bool) { self.retain = retain; }

        /// Sets how long the server waits for the client to come back, 5.0 only: whole seconds, a part
        /// of the first one counts as one.
        /// Default: 0, not at all.
        ///
        /// ```
        /// # use core::time::Duration;
        /// # use mqtt_as_tokio::Will;
        /// // A short loss of the link is nobody's business.
        /// let will = Will::new("plant/7/state", "lost").delay(Duration::from_secs(30));
        /// # let _ = will;
        /// ```
        delay(self, delay: Duration) { self.delay = whole_seconds(delay); }

        /// Sets properties of the message, 5.0 only: payload format, expiry, content type, response
        /// topic, correlation data, user properties (3.1.3.2). At most 16, with the delay. Default:
        /// none.
        ///
        /// ```
        /// use mqtt_as_tokio::{Property, Will};
        ///
        /// let will = Will::new("plant/7/state", "lost").retain(true).properties(&[
        ///     Property::PayloadFormatIndicator(true),
        ///     Property::ContentType("text/plain"),
        ///     Property::MessageExpiryInterval(3600),
        /// ]);
        /// # let _ = will;
        /// ```
        properties(self, properties: impl Into<PropertyList>) {
            self.properties = properties.into();
            self.say_more = Some(say_more::say_with);
        }
    }

    fn say<'p>(&'p self, properties: &'p [Property<'p>]) -> Result<packet::Will<'p>, TopicError> {
        Ok(packet::Will {
            topic: TopicName::new(self.topic.as_str())?,
            payload: self.payload.as_slice(),
            qos: self.qos,
            retain: self.retain,
            properties: Properties::new(properties),
        })
    }
}
