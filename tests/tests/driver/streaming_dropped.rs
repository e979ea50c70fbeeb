//! Cancel safety of streams: each call is dropped at every await.

use std::pin::Pin;
use std::time::Duration;

use mqtt_as_client::Client as AnyClient;
use mqtt_as_client::{Config, DownReason, QoS};

use crate::BOTH;
use crate::hand::{Bench, Hand};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

type Call = Pin<Box<dyn Future<Output = ()>>>;

/// Streams "payload", dropping each call once before it is made for good.
async fn begin(client: AnyClient<Hand>, qos: QoS, until: u8) {
    let bytes = [b'p'; 2000];
    let open = client.publish_stream("own", 2000).qos(qos).open();
    let Ok(mut stream) = open.await else { return };
    let end = if until == 0 { 500 } else { bytes.len() };
    if stream.write_all(&bytes[..end]).await.is_ok() && until == 2 {
        let _ = stream.finish().await;
    }
}

/// Dropped at every await, with what it had begun: the link goes on, or the next one does.
#[test]
fn a_stream_may_be_dropped_anywhere() {
    for version in BOTH {
        for qos in ALL {
            for (until, chunk) in [(0, 7), (0, 1000), (1, 100), (2, 100), (2, 1000)] {
                for polls in (0..40).chain([400]) {
                    let settings = Config::new("by hand").version(version).client_id("ours");
                    let mut bench = Bench::new(settings.outbox(300), chunk);
                    let client = bench.client();
                    bench.complete(client.connect(true)).expect("a connection");
                    let call: Call = Box::pin(begin(bench.client(), qos, until));
                    bench.poll_times(call, polls);
                    bench.turns(1300);
                    if !client.is_connected() {
                        assert_eq!(bench.complete(client.down()), Some(DownReason::StreamStopped));
                        bench.complete(client.connect(true)).expect("a connection");
                    }
                    let publish = client.publish("check", "works").qos(QoS::ExactlyOnce);
                    bench.complete(publish).expect("a publish");
                    assert!(bench.complete(client.drain(Duration::from_secs(5))));
                }
            }
        }
    }
}

/// Each await of a stream is dropped after each number of polls and made again.
#[test]
fn each_call_of_a_stream_may_be_dropped_and_made_again() {
    for version in BOTH {
        for qos in ALL {
            for polls in 0..20 {
                let settings = Config::new("by hand").version(version).client_id("ours");
                let mut bench = Bench::new(settings.outbox(300), 50);
                let client = bench.client();
                bench.complete(client.connect(true)).expect("a connection");
                let bytes = payload(1000);
                let open = || client.publish_stream("own", 1000).qos(qos).open();
                let mut stream = match bench.poll_times(open(), polls) {
                    Some(stream) => stream.expect("a stream"),
                    None => bench.complete(open()).expect("a stream"),
                };
                while (stream.written() as usize) < bytes.len() {
                    let at = stream.written() as usize;
                    if bench.poll_times(stream.write_all(&bytes[at..]), polls).is_none() {
                        let at = stream.written() as usize;
                        bench.complete(stream.write(&bytes[at..])).expect("room");
                    }
                }
                if bench.poll_times(stream.finish(), polls).is_none() {
                    bench.complete(stream.finish()).expect("an end");
                }
                bench.turns(50);
                let written = bench.written();
                let found = written.windows(1000).filter(|window| *window == bytes).count();
                assert_eq!(found, 1, "{version:?} {qos:?} {polls}");
                bench.assert_whole_packets();
            }
        }
    }
}

/// Each await is dropped after each number of polls, and made again.
#[test]
fn each_call_may_be_dropped_and_made_again() {
    for version in BOTH {
        for qos in ALL {
            for polls in 0..12 {
                let settings = Config::new("by hand").version(version).client_id("ours");
                let settings = settings.maximum_packet_size(256).largest_stream(1024 * 1024);
                let mut bench = Bench::new(settings, 50);
                let client = bench.client();
                bench.complete(client.connect(true)).expect("a connection");
                bench.complete(client.subscribe("own", qos)).expect("a subscription");
                let bytes = payload(2000);
                client.publish("own", &bytes).qos(qos).try_publish().expect("room");
                let (mut header, mut first) = ([0; 64], [0; 64]);
                let mut queue = client.queue();
                let _ = bench.poll_times(queue.next_stream(&mut first), polls);
                let stream = bench.complete(queue.next_stream(&mut header)).expect("room");
                let mut stream = stream.expect("a message");
                let mut all = Vec::new();
                while all.len() < bytes.len() {
                    let mut buffer = [0; 33];
                    let read = match bench.poll_times(stream.read(&mut buffer), polls) {
                        Some(read) => read.expect("a piece"),
                        None => bench.complete(stream.read(&mut buffer)).expect("a piece"),
                    };
                    all.extend_from_slice(&buffer[..read]);
                }
                assert!(all == bytes);
                let mut buffer = [0; 33];
                assert_eq!(bench.complete(stream.read(&mut buffer)), Ok(0));
                assert!(bench.complete(client.drain(Duration::from_secs(5))));
            }
        }
    }
}
