//! What goes wrong between the two, and with the process of the client.

use mqtt_as_proto::PacketId;
use mqtt_as_proto::client::{Message, Published, Tag};
use mqtt_as_proto::packet::PacketType;
use mqtt_as_proto::{QoS, TopicName};

use crate::broker::BrokerConfig;
use crate::link::LinkConfig;

use super::{Happening, Pair, new_client};

impl Pair<'_> {
    /// Breaks the connection at a random point of what is in flight. The client may learn it at
    /// once or when all has arrived, the broker then or never.
    pub fn cut(&mut self) {
        let at_once = self.random.chance(50);
        let half_open = self.random.chance(20);
        let Some(connection) = &mut self.current else { return };
        if !half_open {
            connection.link.cut(self.now);
        }
        self.note(|| format!("cut, at once: {at_once}, half open: {half_open}"));
        if at_once || half_open {
            self.lose(false);
        }
    }

    /// From now on nothing arrives on this connection, and nobody is told.
    pub fn kill(&mut self) {
        self.is_dead = self.current.is_some();
        self.note(|| "the network is dead".to_owned());
    }

    /// From now on the broker says nothing of that kind on this connection. Not for messages: of those it
    /// would break the order.
    pub fn mute(&mut self, kind: PacketType) {
        self.note(|| format!("no {kind:?} any more"));
        if let Some(connection) = &mut self.current {
            connection.unsaid.push(kind);
        }
    }

    /// For that time the transport takes nothing.
    pub fn stick(&mut self, ms: u64) {
        if self.current.is_some() {
            self.note(|| format!("stuck for {ms} ms"));
            self.writable = self.writable.max(self.now.after(ms));
            self.is_stuck = true;
        }
    }

    /// Whether the network, or either side, is not what it should be on this connection: it may end for
    /// that.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        let unsaid = self.current.as_ref().is_some_and(|current| !current.unsaid.is_empty());
        self.is_dead || self.is_stuck || unsaid
    }

    /// The network is perfect from the next connection on; this one ends if anything is wrong with it.
    pub fn heal(&mut self) {
        self.note(|| "heal".to_owned());
        self.config.link = LinkConfig::default();
        self.config.partial_writes = false;
        if self.is_disturbed() || self.config.broker.overrun != 0 {
            self.lose(true);
        }
        self.config.broker.overrun = 0;
        self.broker.set_config(self.config.broker.clone());
    }

    /// The broker loses all sessions.
    pub fn forget_session(&mut self) {
        self.note(|| "the broker forgets".to_owned());
        self.broker.forget_sessions();
        self.begin_feeding();
    }

    /// The broker has other settings, while the client is not connected.
    pub fn change_broker(&mut self, config: BrokerConfig) {
        self.note(|| format!("the broker's settings: {config:?}"));
        self.config.broker = config.clone();
        self.broker.set_config(config);
        self.meet("other limits");
    }

    /// The process of the client ends, and another one begins: it has the same name, and knows nothing.
    /// False if there is no memory for it.
    pub fn restart(&mut self) -> bool {
        let Some((client, out)) = new_client(&self.config, &mut self.rest) else { return false };
        self.note(|| "restart".to_owned());
        self.lose(true);
        (self.client, self.out) = (client, out);
        self.held.clear();
        self.streams.clear();
        self.incoming = None;
        self.promised.forget();
        self.wire.at_most_once.forget();
        self.happen(Happening::Restarted);
        true
    }

    /// Uses up packet identifiers, up to that one. The client has to be without a connection.
    pub fn use_up_identifiers(&mut self, last: u16) {
        self.note(|| format!("identifiers up to {last}"));
        let topic = TopicName::new("used/up").expect("a topic");
        let message = Message::new(topic, &b""[..]).qos(QoS::AtLeastOnce);
        for _ in 0..u16::MAX {
            let done = self.client.publish(&message, Tag::NOBODY, self.now);
            let Ok(Published::Pending(id)) = done else { return };
            self.client.give_up(id, &mut |_| {});
            if id >= PacketId::new(last).unwrap_or(PacketId::MIN) {
                return;
            }
        }
    }
}
