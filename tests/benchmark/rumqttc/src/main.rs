//! The works, done by rumqttc; with the feature `tls` over TLS, with the file of a CA's certificate in the
//! variable `MQTT_AS_CA`. What it lacks: a publish that is awaited to its acknowledgement.

use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, Outgoing, QoS,
};
use work::{Asked, CLIENT_ID, ECHO, LARGE, PAYLOAD, TASKS, TOPIC, WINDOW, send};

#[cfg(feature = "tls")]
mod tls;

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
        "publish-2" => publish(&client, events_, QoS::ExactlyOnce, count, 1, PAYLOAD).await,
        "publish-16k" => publish(&client, events_, QoS::AtMostOnce, count, 1, LARGE).await,
        "receive-0" => receive(&client, events_, QoS::AtMostOnce, count, PAYLOAD.len()).await,
        "receive-1" => receive(&client, events_, QoS::AtLeastOnce, count, PAYLOAD.len()).await,
        "receive-16k" => receive(&client, events_, QoS::AtMostOnce, count, LARGE.len()).await,
        "receive-1m" => receive(&client, events_, QoS::AtMostOnce, count, 1 << 20).await,
        "round-trip" => round_trip(&client, events_, count).await,
        work => panic!("unknown work {work}"),
    }
    end(&client, &mut events).await;
}

fn client(asked: &Asked, id: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(id, &asked.host, asked.port);
    options.set_keep_alive(Duration::from_secs(600));
    options.set_inflight(WINDOW as u16);
    options.set_max_packet_size(2 << 20, 2 << 20);
    #[cfg(feature = "tls")]
    tls::set(&mut options);
    let (client, mut events) = AsyncClient::new(options, WINDOW);
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
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..count / tasks {
                client.publish(TOPIC, qos, false, payload).await.expect("published");
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

async fn receive(client: &AsyncClient, events: &mut EventLoop, qos: QoS, count: usize, len: usize) {
    client.subscribe(send(count, len), qos).await.expect("subscribed");
    for _ in 0..count {
        assert_eq!(message(events).await, len);
    }
}

async fn round_trip(client: &AsyncClient, events: &mut EventLoop, count: usize) {
    client.subscribe(ECHO, QoS::AtMostOnce).await.expect("subscribed");
    wait_for(events, |event| matches!(event, Event::Incoming(Incoming::SubAck(_)))).await;
    for _ in 0..count {
        client.publish(ECHO, QoS::AtMostOnce, false, PAYLOAD).await.expect("published");
        assert_eq!(message(events).await, PAYLOAD.len());
    }
}

async fn connect(asked: &Asked) {
    let (client, mut events) = client(asked, CLIENT_ID);
    for _ in 0..asked.count {
        wait_for(&mut events, connected).await;
        let mut ended = end(&client, &mut events).await;
        // The loop opens the next connection once it has seen the end of this one.
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
