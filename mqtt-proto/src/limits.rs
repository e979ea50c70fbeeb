//! What the server allows: the limits that CONNACK states (3.2.2.3).

use crate::packet::{QoS, Subscription};

/// What the server allows. 3.1.1 has no such limits: there these are the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Limits {
    /// Unacknowledged QoS 1 and 2 messages at a time.
    pub receive_maximum: u16,
    /// The highest QoS of a PUBLISH.
    pub maximum_qos: QoS,
    /// Whether PUBLISH may have the retain flag.
    pub retain_available: bool,
    /// Bytes of the largest packet.
    pub maximum_packet_size: u32,
    /// The highest topic alias in a PUBLISH.
    pub topic_alias_maximum: u16,
    /// Whether filters may have wildcards.
    pub wildcard_available: bool,
    /// Whether subscriptions may have an identifier.
    pub subscription_identifier_available: bool,
    /// Whether subscriptions may be shared.
    pub shared_available: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: u32::MAX,
            topic_alias_maximum: 0,
            wildcard_available: true,
            subscription_identifier_available: true,
            shared_available: true,
        }
    }
}

impl Limits {
    /// Takes over what a property of CONNACK states.
    pub(crate) fn set(&mut self, id: u8, value: u32) {
        match id {
            0x21 => self.receive_maximum = value as u16,
            0x22 => self.topic_alias_maximum = value as u16,
            0x24 => self.maximum_qos = QoS::from_bits(value as u8).unwrap_or_default(),
            0x25 => self.retain_available = value != 0,
            0x27 => self.maximum_packet_size = value,
            0x28 => self.wildcard_available = value != 0,
            0x29 => self.subscription_identifier_available = value != 0,
            0x2a => self.shared_available = value != 0,
            _ => {}
        }
    }

    /// [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15]
    #[inline]
    pub(crate) fn check_publish(&self, qos: QoS, retain: bool, size: usize) -> Result<(), Limit> {
        self.check_message(qos, retain)?;
        self.check_size(size)
    }

    /// A PUBLISH or a will.
    #[inline]
    pub(crate) fn check_message(&self, qos: QoS, retain: bool) -> Result<(), Limit> {
        if qos > self.maximum_qos {
            return Err(Limit::MaximumQoS(self.maximum_qos));
        }
        if retain && !self.retain_available {
            return Err(Limit::RetainNotAvailable);
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn check_size(&self, size: usize) -> Result<(), Limit> {
        if size > self.maximum_packet_size as usize {
            return Err(Limit::MaximumPacketSize);
        }
        Ok(())
    }

    pub(crate) fn check_subscription(&self, subscription: &Subscription<'_>) -> Result<(), Limit> {
        let filter = subscription.filter;
        if !self.wildcard_available && filter.has_wildcard() {
            return Err(Limit::WildcardNotAvailable);
        }
        if !self.shared_available && filter.is_shared() {
            return Err(Limit::SharedNotAvailable);
        }
        Ok(())
    }
}

reasons! {
    /// A limit of the server that an operation would break.
    #[non_exhaustive]
    Limit {
        /// The QoS is above the server's Maximum QoS.
        MaximumQoS(qos: QoS) => "the server takes QoS {} at most: lower the QoS", *qos as u8;
        /// The server keeps no retained messages.
        RetainNotAvailable => "the server keeps no retained messages: do not set retain";
        /// The packet is larger than the server's Maximum Packet Size, which
        /// [`Limits::maximum_packet_size`] names.
        MaximumPacketSize
            => "the packet is larger than the Maximum Packet Size of the server: make it smaller";
        /// The server takes no wildcards.
        WildcardNotAvailable => "the server takes no wildcards: subscribe to each topic";
        /// The server takes no shared subscriptions.
        SharedNotAvailable => "the server takes no shared subscriptions: leave out $share";
        /// The server takes no subscription identifiers.
        SubscriptionIdentifierNotAvailable
            => "the server takes no subscription identifiers: leave it out";
    }
}

impl core::error::Error for Limit {}
