//! What happens in a life: calls of the program, and what comes over it.

use std::future::Future;
use std::time::Duration;

use mqtt_as_client::event::Msg;
use mqtt_as_client::{Config, QoS};
use mqtt_as_client::{DisconnectError, EventKind, Instant, Message, Overflow, Runtime, WhileDown};
use mqtt_as_proto::packet::{Connect, Delivery, Packet, Publish};
use mqtt_as_proto::{PacketId, Properties, TopicName, Version};
use mqtt_as_tests::broker::Broker;
use mqtt_as_tests::random::Random;

use super::{CALLS, Kind, Life, Task, pick};
use crate::hand::{Dial, Hand};
use crate::promises::{Fed, Sent, payload, topic};

pub(super) fn settings(random: &mut Random, receive_maximum: u16, manual: bool) -> Config {
    let ms = Duration::from_millis;
    Config::new("by hand")
        .client_id("ours")
        .version(pick(random, &[Version::V311, Version::V5]))
        .clean_init(random.chance(20))
        .keepalive(Duration::from_secs(pick(random, &[0, 1, 60])))
        .ping_timeout(ms(pick(random, &[300, 2000])))
        .connect_timeout(ms(pick(random, &[300, 2000])))
        .write_timeout(ms(pick(random, &[0, 300, 2000])))
        .response_time(ms(pick(random, &[0, 200, 1_000_000])))
        .max_repubs(pick(random, &[0, 2]))
        .outbox(pick(random, &[512, 1024, 65536]))
        .in_flight(pick(random, &[1, 2, 8, 100]))
        .store(pick(random, &[8000, 100_000]))
        .queue_len(pick(random, &[1, 4, 100]))
        .queue_bytes(pick(random, &[100, 100_000]))
        .overflow(pick(random, &[Overflow::Wait, Overflow::DropOldest]))
        .while_down(pick(random, &[WhileDown::Queue, WhileDown::Queue, WhileDown::Refuse]))
        .manual_ack(manual)
        .receive_maximum(receive_maximum)
        .maximum_packet_size(10_000)
}

impl Life {
    /// Begins a call, if there are not too many.
    fn call(&mut self, kind: Kind, work: impl Future<Output = ()> + 'static) {
        if self.calls.len() < CALLS {
            self.note(format_args!("{kind:?}"));
            self.calls.push(Task::new(kind, Box::pin(work)));
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn publish(&mut self) {
        let number = self.number();
        let qos = pick(&mut self.random, &[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
        let bytes = payload(number, pick(&mut self.random, &[0, 10, 100, 300, 5000]));
        let time = pick(&mut self.random, &[None, Some(0), Some(50), Some(500)]);
        let client = self.client.clone();
        self.note(format_args!("message {number} {qos:?} {} bytes", bytes.len()));
        let promises = self.promises.clone();
        let mut sent = Sent { qos, end: None, accepted: false };
        if self.random.chance(20) {
            let end = client.publish("out", &bytes[..]).qos(qos).try_publish();
            (sent.accepted, sent.end) = (end.is_ok(), end.err().map(Err));
            promises.borrow_mut().sent.insert(number, sent);
            return;
        }
        promises.borrow_mut().sent.insert(number, sent);
        self.call(Kind::Call("publish"), async move {
            let publish = client.publish("out", &bytes[..]).qos(qos);
            let end = match time {
                Some(ms) => publish.timeout(Duration::from_millis(ms)).await,
                None => publish.await,
            };
            promises.borrow_mut().sent.get_mut(&number).expect("it was sent").end =
                Some(end.map(drop));
        });
    }

    /// Another client publishes.
    pub(super) fn feed(&mut self) {
        for _ in 0..self.random.between(1..=5) {
            let number = self.number();
            let qos =
                pick(&mut self.random, &[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
            let bytes = payload(number, pick(&mut self.random, &[0, 60, 60, 7000]));
            self.note(format_args!("fed {number} {qos:?}"));
            let matches = self.wire.with_broker(|broker, now| {
                feed(broker, now, topic(qos), &bytes, qos);
                let sessions = broker.sessions();
                let ours = sessions.iter().find(|session| session.client_id == "ours");
                ours.is_some_and(|session| {
                    session.filters.iter().any(|filter| filter == topic(qos))
                })
            });
            let owed = matches && qos != QoS::AtMostOnce;
            self.promises.borrow_mut().fed.insert(number, Fed { qos, owed, arrivals: [0, 0] });
        }
    }

    pub(super) fn request(&mut self) {
        let (client, promises) = (self.client.clone(), self.promises.clone());
        let qos = pick(&mut self.random, &[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
        if self.random.chance(80) {
            self.call(Kind::Call("subscribe"), async move {
                let end = client.subscribe(topic(qos), qos).await;
                promises.borrow().judge_request(&end);
            });
        } else {
            self.call(Kind::Call("unsubscribe"), async move {
                let end = client.unsubscribe(topic(qos)).await;
                promises.borrow().judge_request(&end);
            });
        }
    }

    pub(super) fn next(&mut self) {
        let (client, taken) = (self.client.clone(), self.taken.clone());
        let times = self.random.between(1..=5);
        self.call(Kind::Wait("next"), async move {
            let mut queue = client.queue();
            for _ in 0..times {
                let Some(message) = queue.next().await else { return };
                taken.lock().unwrap().push((message, 0));
            }
        });
    }

    pub(super) fn wait(&mut self) {
        let client = self.client.clone();
        let time = Duration::from_millis(self.random.between(0..=3000));
        match self.random.index(4) {
            0 => self.call(Kind::Wait("up"), async move {
                client.up().await;
                client.up().await;
            }),
            1 => self.call(Kind::Wait("down"), async move {
                client.down().await;
                client.down().await;
            }),
            2 => self.call(Kind::Call("broker_up"), async move {
                client.broker_up().await;
            }),
            _ => self.call(Kind::Call("drain"), async move {
                client.drain(time).await;
            }),
        }
    }

    pub(super) fn connect(&mut self) {
        let (client, promises) = (self.client.clone(), self.promises.clone());
        let clean = !self.kept && self.random.chance(30);
        self.call(Kind::Call("connect"), async move {
            let end = client.connect(clean).await;
            promises.borrow().judge_connect(&end);
        });
    }

    pub(super) fn disconnect(&mut self) {
        let (client, promises) = (self.client.clone(), self.promises.clone());
        self.call(Kind::Call("disconnect"), async move {
            let end = client.disconnect().await;
            let closed = promises.borrow().is_over && end == Err(DisconnectError::Closed);
            // The link may break, or take nothing, before DISCONNECT has left.
            let unsent = matches!(end, Err(DisconnectError::Unsent));
            let usual = unsent || matches!(end, Ok(()) | Err(DisconnectError::NotConnected));
            assert!(usual || closed, "{end:?}");
        });
    }

    pub(super) fn drop_one(&mut self) {
        if !self.calls.is_empty() {
            let index = self.random.index(self.calls.len());
            let call = self.calls.swap_remove(index);
            self.note(format_args!("drops {:?}", call.kind));
        }
    }

    pub(super) fn weather(&mut self) {
        let chunk = pick(&mut self.random, &[0, 1, 3, 20, 200, 1000, 1000]);
        let dial = pick(&mut self.random, &[Dial::Opens, Dial::Opens, Dial::Fails, Dial::Hangs]);
        self.note(format_args!("{chunk} bytes a turn, {dial:?}"));
        self.wire.set(chunk, dial);
    }

    pub(super) fn lose(&mut self) {
        self.note("loss");
        self.wire.lose();
    }

    pub(super) fn toggle_callback(&mut self) {
        if !self.has_callbacks {
            return;
        }
        self.note("callback");
        if let Some(id) = self.callback.take() {
            assert!(self.client.unset_cb(id));
            return;
        }
        let taken = self.taken.clone();
        let ms = self.random.between(0..=20);
        let callback = move |message: Message| {
            taken.lock().unwrap().push((message, 1));
            let at = Hand::now().after(ms);
            async move { Hand::sleep_until(at).await }
        };
        self.callback = Some(if self.random.chance(50) {
            self.client.set_cb_on_event(Msg.new_task(), callback)
        } else {
            self.client.set_cb_on_event(Msg, callback)
        });
    }
}

pub(crate) fn feed(broker: &mut Broker, now: Instant, topic: &str, payload: &[u8], qos: QoS) {
    let conn = broker.open();
    let connect = Connect {
        version: Version::V311,
        clean_start: true,
        keep_alive: 0,
        client_id: "feeder",
        will: None,
        user_name: None,
        password: None,
        properties: Properties::NONE,
    };
    let topic = TopicName::new(topic).expect("a topic");
    let delivery = Delivery::new(qos, PacketId::MIN);
    let properties = Properties::NONE;
    let publish = Publish { dup: false, retain: false, delivery, topic, properties, payload };
    for packet in [Packet::Connect(connect), Packet::Publish(publish)] {
        let bytes = packet.encode_to_vec(Version::V311).expect("a good packet");
        broker.handle_bytes(conn, &bytes, now);
    }
    broker.lost(conn, now);
}
