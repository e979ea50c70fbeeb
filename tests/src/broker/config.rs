//! What a broker allows and announces.

use mqtt_as_proto::QoS;

/// The limits and abilities of a [`Broker`](super::Broker). The default allows everything.
///
/// 5.0 clients are told of them in CONNACK (3.2.2.3). 3.1.1 clients cannot be told: what they do
/// against a limit closes their connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// How many QoS 1 and 2 messages a 5.0 client may send before they are acknowledged; not 0.
    pub receive_maximum: u16,
    /// The highest QoS that clients may publish at, and that a subscription is granted.
    pub maximum_qos: QoS,
    /// Whether retained messages are taken.
    pub retain_available: bool,
    /// The largest packet in bytes that is taken, if there is a limit; not 0.
    pub maximum_packet_size: Option<u32>,
    /// The highest topic alias that is taken from clients; 0 for none.
    pub topic_alias_maximum: u16,
    /// The keep-alive in seconds that 5.0 clients have to use in place of their own.
    pub server_keep_alive: Option<u16>,
    /// Whether filters may hold wildcards.
    pub wildcard_subscription_available: bool,
    /// Whether subscriptions may be shared.
    pub shared_subscription_available: bool,
    /// Whether subscriptions may have identifiers.
    pub subscription_identifier_available: bool,
    /// The longest life in seconds of a session without a connection, for 3.1.1 as well;
    /// `u32::MAX` for no end.
    pub session_expiry_maximum: u32,
    /// Whether topic aliases are used toward clients that allow them: the topic with its alias at
    /// first, then the alias alone.
    pub outbound_aliases: bool,
    /// How many QoS 1 and 2 messages a 3.1.1 client is sent before it acknowledges them; not 0.
    pub window: u16,
    /// How many more a 5.0 client is sent than it takes: brokers in use do that.
    pub overrun: u16,
    /// Whether [`accepted`](super::Broker::accepted) is kept: it grows without a bound.
    pub log_accepted: bool,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: None,
            topic_alias_maximum: 10,
            server_keep_alive: None,
            wildcard_subscription_available: true,
            shared_subscription_available: true,
            subscription_identifier_available: true,
            session_expiry_maximum: u32::MAX,
            outbound_aliases: true,
            window: 20,
            overrun: 0,
            log_accepted: true,
        }
    }
}
