//! Random lives of streams: out and in again, over links that break anywhere. Driven by hand.
//!
//! 60 of each kind, unless the settings of `seeds` say otherwise.

use mqtt_as_client::{Config, PublishError, QoS, StreamError};
use mqtt_as_proto::Version;

use crate::BOTH;
use crate::hand::{Bench, Hand};
use crate::seeds;

type Client = mqtt_as_client::Client<Hand>;
type PublishStream<'p> = mqtt_as_client::PublishStream<'p, Hand>;

struct Life {
    bench: Bench,
    client: Client,
    seed: u64,
    /// The numbers of the messages that came.
    came: Vec<u32>,
    losses: u32,
}

impl Life {
    fn new(version: Version, qos: QoS, seed: u64) -> Self {
        let settings = Config::new("by hand").version(version).client_id("ours").outbox(300);
        let settings = settings.maximum_packet_size(256).largest_stream(100_000);
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut bench = Bench::new(settings, 20 + (seed >> 33) as usize % 300);
        let client = bench.client();
        bench.complete(client.connect(false)).expect("a connection");
        bench.complete(client.subscribe("own", qos)).expect("a subscription");
        Self { bench, client, seed, came: Vec::new(), losses: 0 }
    }

    fn random(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 20) as usize % below
    }

    fn reconnect(&mut self) {
        self.bench.turns(3);
        if !self.client.is_connected() {
            self.bench.complete(self.client.connect(false)).expect("a connection");
        }
    }

    /// The link breaks, and the next one stands.
    fn lose(&mut self) {
        self.losses += 1;
        self.bench.lose();
        self.reconnect();
    }

    /// Does that, but the link may break before it is done: then it is dropped.
    fn attempt<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        // Copies that come again with each link take their time.
        let turns = 1 + self.random(120 + 20 * self.losses as usize);
        let done = self.bench.poll_times(future, turns);
        if done.is_none() {
            self.lose();
        }
        done
    }

    /// Publishes the message with that number, however often the link breaks.
    fn publish(&mut self, number: u32, qos: QoS) {
        let mut bytes = number.to_be_bytes().to_vec();
        bytes.resize(4 + self.random(3000), number as u8);
        let client = self.client.clone();
        let open = client.publish_stream("own", bytes.len() as u32).qos(qos).open();
        let mut stream = self.bench.complete(open).expect("a stream");
        for _ in 0..100 {
            if let Some(Ok(())) = self.attempt(send(&mut stream, &bytes)) {
                return;
            }
            match self.bench.complete(stream.finish()) {
                Ok(_) => return,
                Err(PublishError::Interrupted | PublishError::NeverSent(_)) => {}
                Err(error) => panic!("{error}"),
            }
            self.reconnect();
            self.bench.complete(stream.restart()).expect("a stream");
        }
        panic!("no link lasts");
    }

    /// Reads messages until that number has come, however often the link breaks.
    fn receive(&mut self, number: u32) {
        for _ in 0..100 {
            if self.came.contains(&number) {
                return;
            }
            let client = self.client.clone();
            let read = async move {
                let mut header = [0; 64];
                let mut queue = client.queue();
                let mut stream = queue.next_stream(&mut header).await.expect("room")?;
                Some(read_all(&mut stream).await)
            };
            if let Some(Some(Ok(bytes))) = self.attempt(read) {
                let number = bytes.first_chunk().map(|number| u32::from_be_bytes(*number));
                let number = number.expect("a number");
                assert!(bytes[4..].iter().all(|byte| *byte == number as u8), "its own bytes");
                self.came.push(number);
            }
            self.reconnect();
        }
        panic!("it does not come");
    }
}

async fn send(stream: &mut PublishStream<'_>, bytes: &[u8]) -> Result<(), PublishError> {
    let at = stream.written() as usize;
    stream.write_all(&bytes[at..]).await?;
    stream.finish().await.map(drop)
}

async fn read_all(
    stream: &mut mqtt_as_client::MessageStream<'_, '_, Hand>,
) -> Result<Vec<u8>, StreamError> {
    let (mut all, mut buffer) = (Vec::new(), [0; 100]);
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(all),
            len => all.extend_from_slice(&buffer[..len]),
        }
    }
}

#[test]
fn over_links_that_break_qos_2_streams_arrive_exactly_once_and_qos_1_at_least_once() {
    let (seeds, mut losses) = (seeds::all(60), 0);
    for version in BOTH {
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for seed in seeds.clone() {
                println!("{version:?} {qos:?} seed {seed}");
                let mut life = Life::new(version, qos, seed);
                for number in 0..6 {
                    life.publish(number, qos);
                    life.receive(number);
                }
                let mut came = life.came.clone();
                if qos == QoS::AtLeastOnce {
                    came.dedup();
                }
                assert_eq!(came, (0..6).collect::<Vec<_>>());
                losses += life.losses;
            }
        }
    }
    assert!(losses > 200 || seeds.count() < 60, "{losses} losses are too few");
}
