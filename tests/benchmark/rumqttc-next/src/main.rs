//! The works, done by rumqttc-next, whose batches are set as wide as the window.

use std::time::Duration;

use rumqttc::{
    AsyncClient, Broker, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, Outgoing,
    PublishOptions, QoS, ValidatedTopic,
};
use work::{Asked, CLIENT_ID, ECHO, LARGE, PAYLOAD, TASKS, TOPIC, WINDOW, send};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = work::asked();
    // As in a program: what the runtime's outermost future costs is not the client's.
    tokio::spawn(run(asked)).await.expect("an end");
}

async fn run(asked: Asked) {
    match asked.work.as_str() {
        "connect" => return connect(&asked).await,
        "idle" => return idle(&asked).await,
        _ => {}
    }
    let (client, mut events) = client(&asked, CLIENT_ID);
    let (events_, count) = (&mut events, asked.count);
    match asked.work.as_str() {
        "publish-0" => publish(&client, events_, QoS::AtMostOnce, count, 1, PAYLOAD).await,
        "publish-0-tasks" => {
            publish(&client, events_, QoS::AtMostOnce, count, TASKS, PAYLOAD).await;
        }
        "publish-1" => publish(&client, events_, QoS::AtLeastOnce, count, 1, PAYLOAD).await,
        "publish-1-tasks" => publish_awaited(&client, events_, count).await,
        "publish-2" => publish(&client, events_, QoS::ExactlyOnce, count, 1, PAYLOAD).await,
        "publish-16k" => publish(&client, events_, QoS::AtMostOnce, count, 1, LARGE).await,
        "receive-0" => receive(&client, events_, QoS::AtMostOnce, count, PAYLOAD.len()).await,
        "receive-1" => receive(&client, events_, QoS::AtLeastOnce, count, PAYLOAD.len()).await,
        "receive-16k" => receive(&client, events_, QoS::AtMostOnce, count, LARGE.len()).await,
        "round-trip" => round_trip(&client, events_, count).await,
        work => panic!("unknown work {work}"),
    }
    end(&client, &mut events).await;
}

fn client(asked: &Asked, id: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(id, Broker::tcp(&asked.host, asked.port));
    options.set_keep_alive(600).set_inflight(WINDOW as u16).set_max_request_batch(WINDOW);
    options.set_max_packet_size(2 << 20, 2 << 20);
    let (client, mut events) = AsyncClient::builder(options).capacity(WINDOW).build();
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true); // Else it waits for delayed acknowledgements, as the others do not.
    events.set_network_options(network);
    (client, events)
}

/// Publishes from tasks; here the loop is driven, as a program of rumqttc's does.
async fn publish(
    client: &AsyncClient,
    events: &mut EventLoop,
    qos: QoS,
    count: usize,
    tasks: usize,
    payload: &'static [u8],
) {
    for _ in 0..tasks {
        let (client, topic) = (client.clone(), topic(TOPIC));
        tokio::spawn(async move {
            for _ in 0..count / tasks {
                let options = PublishOptions::new(qos);
                client.publish(topic.clone(), payload, options).await.expect("published");
            }
        });
    }
    let mut done = 0;
    while done < count {
        done += match events.poll().await.expect("a connection") {
            Event::Outgoing(Outgoing::Publish(_)) if qos == QoS::AtMostOnce => 1,
            Event::Incoming(Incoming::PubAck(_)) if qos == QoS::AtLeastOnce => 1,
            Event::Incoming(Incoming::PubComp(_)) if qos == QoS::ExactlyOnce => 1,
            _ => 0,
        };
    }
}

/// Each task awaits the notice of every publish.
async fn publish_awaited(client: &AsyncClient, events: &mut EventLoop, count: usize) {
    for _ in 0..WINDOW {
        let (client, topic) = (client.clone(), topic(TOPIC));
        tokio::spawn(async move {
            for _ in 0..count / WINDOW {
                let options = PublishOptions::new(QoS::AtLeastOnce);
                let notice = client.publish_tracked(topic.clone(), PAYLOAD, options).await;
                notice.expect("published").wait_async().await.expect("acknowledged");
            }
        });
    }
    let mut done = 0;
    while done < count {
        let event = events.poll().await.expect("a connection");
        done += usize::from(matches!(event, Event::Incoming(Incoming::PubAck(_))));
    }
}

async fn receive(client: &AsyncClient, events: &mut EventLoop, qos: QoS, count: usize, len: usize) {
    client.subscribe(send(count, len), qos).await.expect("subscribed");
    for _ in 0..count {
        assert_eq!(message(events).await, len);
    }
}

async fn round_trip(client: &AsyncClient, events: &mut EventLoop, count: usize) {
    client.subscribe(ECHO, QoS::AtMostOnce).await.expect("subscribed");
    wait_for(events, |event| matches!(event, Event::Incoming(Incoming::SubAck(_)))).await;
    let topic = topic(ECHO);
    for _ in 0..count {
        let options = PublishOptions::new(QoS::AtMostOnce);
        client.publish(topic.clone(), PAYLOAD, options).await.expect("published");
        assert_eq!(message(events).await, PAYLOAD.len());
    }
}

/// A loop ends with its connection: each has its own.
async fn connect(asked: &Asked) {
    for _ in 0..asked.count {
        let (client, mut events) = client(asked, CLIENT_ID);
        wait_for(&mut events, connected).await;
        let mut ended = end(&client, &mut events).await;
        while !ended {
            ended = events.poll().await.is_err();
        }
    }
}

/// What is live when the process ends is what the idle clients hold.
async fn idle(asked: &Asked) {
    let mut clients = Vec::new();
    for n in 0..asked.count {
        let (client, mut events) = client(asked, &format!("idle-{n}"));
        wait_for(&mut events, connected).await;
        tokio::spawn(async move {
            loop {
                events.poll().await.expect("a connection");
            }
        });
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    std::process::exit(0);
}

/// A topic that is judged once.
fn topic(name: &str) -> ValidatedTopic {
    ValidatedTopic::new(name).expect("a topic")
}

fn connected(event: &Event) -> bool {
    matches!(event, Event::Incoming(Incoming::ConnAck(_)))
}

async fn wait_for(events: &mut EventLoop, wanted: impl Fn(&Event) -> bool) {
    while !wanted(&events.poll().await.expect("a connection")) {}
}

/// Bytes of the next message.
async fn message(events: &mut EventLoop) -> usize {
    loop {
        let event = events.poll().await.expect("a connection");
        if let Event::Incoming(Incoming::Publish(message)) = event {
            return message.payload.len();
        }
    }
}

/// Returns whether the end was seen: the server may be the first to close.
async fn end(client: &AsyncClient, events: &mut EventLoop) -> bool {
    client.disconnect().await.expect("a proper end");
    loop {
        match events.poll().await {
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
}
