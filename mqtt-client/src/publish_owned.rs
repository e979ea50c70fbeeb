//! A publish that borrows nothing: a task of its own can have it.

use alloc::string::String;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use mqtt_as_proto::client::{Message, OperationError};
use mqtt_as_proto::property::OwnedProperties;
use mqtt_as_proto::{QoS, TopicName};

use crate::acknowledgement::Acknowledgement;
use crate::call::{Done, Operation, Patience, abandon, poll};
use crate::client::Client;
use crate::error::PublishError;
use crate::large::Large;
use crate::publish::{Posting, Publish, published};
use crate::runtime::Runtime;
use crate::state::State;
use crate::waiters::Slot;

impl<R: Runtime> Publish<'_, '_, R> {
    /// Returns the same publish, which borrows nothing: topic and properties are copied, and so is a
    /// payload that was given by reference. It keeps the client alive until it is done, so it can
    /// be spawned.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// use mqtt_as_tokio::QoS;
    ///
    /// # let number = 7;
    /// let topic = format!("plant/{number}/state");
    /// let publish = client.publish(&topic, "running").qos(QoS::AtLeastOnce).owned();
    /// tokio::spawn(publish).await??;
    /// # });
    /// ```
    ///
    /// # Cancel safety
    /// As when it is awaited itself.
    pub fn owned(mut self) -> OwnedPublish<R> {
        self.prepare();
        let Self(call, client) = &mut self;
        let Posting { message, patience, large, .. } = &mut call.operation;
        let large = core::mem::replace(large, Large::NONE);
        let parcel = message.map_err(PublishError::Topic).and_then(|message| {
            let properties = OwnedProperties::new(&message.properties);
            Ok(Parcel {
                topic: message.topic.as_str().into(),
                properties: properties.map_err(|fault| PublishError::Invalid(fault.into()))?,
                payload: large.keep(message.payload),
                qos: message.qos,
                retain: message.retain,
                patience: *patience,
            })
        });
        OwnedPublish { parcel, slot: None, client: client.clone() }
    }
}

/// The future of [`Publish::owned`].
#[must_use = "it begins at its first poll: spawn it"]
pub struct OwnedPublish<R: Runtime> {
    /// Or what is wrong with it.
    parcel: Result<Parcel, PublishError>,
    slot: Option<Slot>,
    client: Client<R>,
}

/// A message that borrows nothing.
struct Parcel {
    topic: String,
    properties: OwnedProperties,
    payload: Large,
    qos: QoS,
    retain: bool,
    patience: Patience,
}

impl Parcel {
    fn message(&self) -> Result<Message<'_>, Done> {
        let topic = TopicName::new(&self.topic).map_err(Done::Mistaken)?;
        let payload = self.payload.payload().ok_or(Done::Refused(OperationError::NoRoom))?;
        let (qos, retain, properties) = (self.qos, self.retain, self.properties.get());
        Ok(Message { qos, retain, properties, ..Message::new(topic, payload) })
    }
}

impl Operation for Parcel {
    fn step(&self, state: &mut State, slot: &mut Option<Slot>, waker: &Waker) -> Poll<Done> {
        match self.message() {
            Ok(message) => state.publish(&message, self.patience, slot, waker),
            Err(done) => Poll::Ready(done),
        }
    }
}

// Nothing in it is pinned.
impl<R: Runtime> Unpin for OwnedPublish<R> {}

impl<R: Runtime> Future for OwnedPublish<R> {
    type Output = Result<Acknowledgement, PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { parcel, slot, client } = &mut *self;
        match parcel {
            Ok(parcel) => poll(&*client.shared, parcel, slot, cx.waker())
                .map(|done| published(done, &*client.shared, slot)),
            Err(error) => Poll::Ready(Err(error.clone())),
        }
    }
}

impl<R: Runtime> Drop for OwnedPublish<R> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            abandon(&*self.client.shared, slot);
        }
    }
}

opaque!(OwnedPublish);
