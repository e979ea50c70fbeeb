//! The works, done by ntex-mqtt on its adapter for tokio. What it lacks: QoS 2 with several in flight (`UnexpectedRelease`
//! where two PUBREC come in one read).

use std::cell::Cell;
use std::rc::Rc;

use ntex_bytes::{ByteString, Bytes};
use ntex_mqtt::MqttServiceConfig;
use ntex_mqtt::v3::{self, MqttSink, QoS};
use ntex_net::DefaultRuntime;
use ntex_rt::System;
use ntex_service::cfg::SharedCfg;
use ntex_service::pipeline::Pipeline;
use ntex_util::channel::oneshot;
use ntex_util::spawn;
use ntex_util::task::yield_to;
use ntex_util::time::{Millis, Seconds, sleep};
use work::{Asked, CLIENT_ID, ECHO, LARGE, PAYLOAD, TASKS, TOPIC, WINDOW, send};

const TOPIC_: ByteString = ByteString::from_static(TOPIC);
const PAYLOAD_: Bytes = Bytes::from_static(PAYLOAD);

fn main() {
    let asked = work::asked();
    System::build().build(DefaultRuntime).block_on(async move {
        // As in a program: what the runtime's outermost future costs is not the client's.
        spawn(async move { run(&asked).await }).await.expect("an end");
    });
}

async fn run(asked: &Asked) {
    let count = asked.count;
    match asked.work.as_str() {
        "connect" => return connect(asked).await,
        "idle" => return idle(asked).await,
        "receive-0" => return receive(asked, QoS::AtMostOnce, PAYLOAD.len()).await,
        "receive-1" => return receive(asked, QoS::AtLeastOnce, PAYLOAD.len()).await,
        "receive-16k" => return receive(asked, QoS::AtMostOnce, LARGE.len()).await,
        "round-trip" => return round_trip(asked).await,
        _ => {}
    }
    let client = connected(asked, CLIENT_ID).await;
    let sink = client.sink();
    let driver = spawn(client.start_default());
    match asked.work.as_str() {
        "publish-0" => publish(&sink, count, PAYLOAD_).await,
        "publish-0-tasks" => {
            in_tasks(&sink, TASKS, move |sink| async move {
                publish(&sink, count / TASKS, PAYLOAD_).await;
            })
            .await;
        }
        "publish-1" => publish_counted(&sink, count).await,
        "publish-1-tasks" => {
            in_tasks(&sink, WINDOW, move |sink| async move {
                for _ in 0..count / WINDOW {
                    sink.publish(TOPIC_).send_at_least_once(PAYLOAD_).await.expect("acknowledged");
                }
            })
            .await;
        }
        "publish-16k" => publish(&sink, count, Bytes::from_static(LARGE)).await,
        work => panic!("unknown work {work}"),
    }
    sink.close();
    driver.await.expect("an end");
}

async fn connected(asked: &Asked, id: &str) -> v3::client::Client {
    let limits = MqttServiceConfig::new().set_max_send(WINDOW as u16).set_max_qos(QoS::ExactlyOnce);
    let server = format!("{}:{}", asked.host, asked.port);
    let connect = v3::client::Connect::new(server).client_id(ByteString::from(id)).clean_session();
    let config: SharedCfg = SharedCfg::new("load").add(limits).into();
    Pipeline::new(config, v3::client::MqttConnector::new())
        .call(connect.keep_alive(Seconds(600)))
        .await
        .expect("a connection")
}

/// What is sent at QoS 0 is only buffered: a program waits while that is too much, and lets the driver run, which sends it
/// and says so.
async fn publish(sink: &MqttSink, count: usize, payload: Bytes) {
    for n in 0..count {
        if n % WINDOW == 0 {
            yield_to().await;
        }
        if !sink.is_ready() {
            assert!(sink.ready().await, "a connection");
        }
        sink.publish(TOPIC_).send_at_most_once(payload.clone()).expect("published");
    }
}

/// Keeps the window full; a callback counts what is acknowledged.
async fn publish_counted(sink: &MqttSink, count: usize) {
    let done = Rc::new(Cell::new(0));
    let (last, all) = oneshot::channel();
    let last = Cell::new(Some(last));
    sink.publish_ack_cb(move |_, disconnected| {
        assert!(!disconnected, "a connection");
        done.set(done.get() + 1);
        if done.get() == count {
            last.take().expect("once").send(()).expect("somebody waits");
        }
    });
    for _ in 0..count {
        if !sink.is_ready() {
            assert!(sink.ready().await, "a connection");
        }
        sink.publish(TOPIC_).send_at_least_once_no_block(PAYLOAD_).expect("published");
    }
    all.await.expect("all acknowledged");
}

async fn in_tasks<F: Future<Output = ()> + 'static>(
    sink: &MqttSink,
    tasks: usize,
    work: impl Fn(MqttSink) -> F,
) {
    let tasks: Vec<_> = (0..tasks).map(|_| spawn(work(sink.clone()))).collect();
    for task in tasks {
        task.await.expect("a task that ends");
    }
}

#[derive(Debug)]
struct Never;

async fn receive(asked: &Asked, qos: QoS, len: usize) {
    let client = connected(asked, CLIENT_ID).await;
    let (sink, count, done) = (client.sink(), asked.count, Rc::new(Cell::new(0)));
    let (last, all) = oneshot::channel();
    let last = Rc::new(Cell::new(Some(last)));
    let router = client.resource(TOPIC, move |message: v3::Publish| {
        let (done, last) = (done.clone(), last.clone());
        async move {
            assert_eq!(message.read_all().await.expect("a payload").len(), len);
            done.set(done.get() + 1);
            if done.get() == count {
                last.take().expect("once").send(()).expect("somebody waits");
            }
            Ok::<_, Never>(())
        }
    });
    let driver = spawn(router.start_default());
    let filter = ByteString::from(send(count, len));
    sink.subscribe().topic_filter(filter, qos).send().await.expect("subscribed");
    all.await.expect("all messages");
    sink.close();
    driver.await.expect("an end");
}

/// The handler publishes the next message when one has come back.
async fn round_trip(asked: &Asked) {
    let client = connected(asked, CLIENT_ID).await;
    let (sink, count, done) = (client.sink(), asked.count, Rc::new(Cell::new(0)));
    let (last, all) = oneshot::channel();
    let last = Rc::new(Cell::new(Some(last)));
    let again = sink.clone();
    let router = client.resource(ECHO, move |message: v3::Publish| {
        let (done, last, again) = (done.clone(), last.clone(), again.clone());
        async move {
            assert_eq!(message.read_all().await.expect("a payload").len(), PAYLOAD.len());
            done.set(done.get() + 1);
            if done.get() == count {
                last.take().expect("once").send(()).expect("somebody waits");
            } else {
                again.publish(ECHO).send_at_most_once(PAYLOAD_).expect("published");
            }
            Ok::<_, Never>(())
        }
    });
    let driver = spawn(router.start_default());
    let subscribe = sink.subscribe().topic_filter(ECHO.into(), QoS::AtMostOnce);
    subscribe.send().await.expect("subscribed");
    sink.publish(ECHO).send_at_most_once(PAYLOAD_).expect("published");
    all.await.expect("all messages");
    sink.close();
    driver.await.expect("an end");
}

async fn connect(asked: &Asked) {
    for _ in 0..asked.count {
        let client = connected(asked, CLIENT_ID).await;
        let sink = client.sink();
        let driver = spawn(client.start_default());
        sink.close();
        driver.await.expect("an end");
    }
}

/// What is live when the process ends is what the idle clients hold.
async fn idle(asked: &Asked) {
    let mut sinks = Vec::new();
    for n in 0..asked.count {
        let client = connected(asked, &format!("idle-{n}")).await;
        sinks.push(client.sink());
        spawn(client.start_default());
    }
    sleep(Millis(500)).await;
    assert!(sinks.iter().all(MqttSink::is_open));
    std::process::exit(0);
}
