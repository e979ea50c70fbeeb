//! A cluster of RabbitMQ: three nodes, of which one after the other is killed under load.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mqtt_as_tests::brokers::Make;
use mqtt_as_tests::brokers::rabbitmq::{RabbitMq, cluster};

use crate::faults::line::{Line, Setup, setup};
use crate::faults::row::{Told, tell};
use crate::faults::{Case, count};
use crate::list::story::MS;
use crate::runtime::adapter::{Config, QoS, Version};
use crate::runtime::{run, sleep};

const NODES: usize = 3;
/// The flow has to be back within that time: nodes elect new leaders of their queues meanwhile.
const RESUMED: Duration = Duration::from_secs(60);

type Nodes = Arc<Mutex<Vec<RabbitMq>>>;

/// Restarts take their time, on a thread of their own.
async fn restart(nodes: &Nodes, number: usize) {
    let nodes = nodes.clone();
    let thread = thread::spawn(move || nodes.lock().expect("no panic")[number].restart());
    while !thread.is_finished() {
        sleep(10 * MS).await;
    }
    thread.join().expect("it starts again");
}

/// Waits until messages of now get through: the time that it took.
async fn resumed(line: &Line, since: Instant) -> Duration {
    // What was under way may still come from before.
    sleep(100 * MS).await;
    let settled = line.flow.settled.load(Ordering::SeqCst);
    line.flows(40).await;
    println!("{settled} settled at the kill, the flow is back after {:?}", since.elapsed());
    since.elapsed()
}

fn settings(config: Config) -> Config {
    let config = config.connect_timeout(Duration::from_secs(5)).keepalive(Duration::from_secs(10));
    config.ping_timeout(Duration::from_secs(5))
}

#[test]
#[ignore = "tests/faults/run cluster"]
fn nodes_are_killed_in_turn() {
    if std::env::var_os("MQTT_AS_FAULTS_CLUSTER").is_none() {
        return;
    }
    let case = Case { make: Make::RabbitMq, version: Version::V311, qos: QoS::AtLeastOnce };
    let rounds = count(2, 1);
    let nodes = cluster(NODES);
    let servers: Vec<_> = nodes.iter().map(RabbitMq::addr).collect();
    println!("{NODES} nodes at {servers:?}");
    let nodes: Nodes = Arc::new(Mutex::new(nodes));
    run(async {
        let spares = servers[1..].to_vec();
        let line = Line::begin_at(case, servers[0], Setup { spares, ..setup(settings) }).await;
        let mut times = Vec::new();
        let killing = async {
            for turn in 0..rounds * NODES {
                line.flows(200).await;
                let number = turn % NODES;
                let begin = Instant::now();
                nodes.lock().expect("no panic")[number].kill();
                println!("node {number} killed, turn {turn} of {}", rounds * NODES);
                times.push(resumed(&line, begin).await);
                restart(&nodes, number).await;
            }
            line.flows(200).await;
        };
        let outcome = line.run(killing).await;
        let fault = "a node of three killed (until the flow is back)";
        tell(fault, case, times.len(), &outcome, times, Told::Within(RESUMED));
    });
}
