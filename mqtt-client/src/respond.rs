//! Answering another client (4.10).

use mqtt_as_proto::TopicError;
use mqtt_as_proto::client::Message;

use crate::client::Client;
use crate::payload::Payload;
use crate::publish::Publish;
use crate::receive::Respond;
use crate::runtime::Runtime;

impl<R: Runtime> Client<R> {
    /// Answers a request of another client, 5.0 only: publishes to its Response Topic, with its
    /// Correlation Data, at the QoS at which it came (4.10).
    ///
    /// It is a publish like any other. [`properties`](Publish::properties) would replace the
    /// Correlation Data.
    ///
    /// # Errors
    /// [`TopicError::NoResponseTopic`] if the message names none: its sender awaits no answer.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::{Property, QoS, TopicName};
    ///
    /// client.subscribe("sum", QoS::AtLeastOnce).await?;
    /// # let properties = [Property::ResponseTopic(TopicName::new("answers")?)];
    /// # client.publish("sum", "1 + 2").properties(&properties).await?;
    /// let request = client.queue().next().await.ok_or("disconnected")?;
    /// client.respond(&request, "3").await?;
    /// # });
    /// ```
    pub fn respond<'c, 'p>(
        &'c self,
        request: &'p impl Respond,
        payload: impl Into<Payload<'p>>,
    ) -> Publish<'c, 'p, R> {
        let (asked, qos) = request.asks();
        let topic = asked.response_topic().ok_or(TopicError::NoResponseTopic);
        let Payload { lent, owned } = payload.into();
        let properties = asked.correlation();
        let answer =
            topic.map(|topic| Message { properties, ..Message::new(topic, lent).qos(qos) });
        self.publish_message(answer, owned)
    }
}
