//! TLS 1.3 with a key that device and server share: the way of small devices, which may know neither the time nor a CA.
//!
//! `cargo run -p mqtt-as-embassy --features tls --example tls` starts a mosquitto that knows the key; it has to be
//! installed. On the host a software wire stands for the network of a board, as in `embassy_quickstart`.

use std::error::Error;
use std::fs;
use std::net::TcpListener;

use embassy_executor::Spawner;
use embassy_time::{Duration, with_timeout};
use mqtt_as_embassy::rand_core::{self, CryptoRng, RngCore};
use mqtt_as_embassy::{
    Config, PreSharedKey, QoS, ResourcesFor, Runner, Tcp, TcpBuffers, Tls, TlsBuffers, TlsRunner,
};
use mqtt_as_tests::mosquitto::{Mosquitto, Options, TempDir};
use mqtt_as_tests::wire::Wire;
use static_cell::ConstStaticCell;

/// The client's memory, as in `embassy_quickstart`; that of TCP; that of TLS, for records of 2 KiB in and 1 KiB out.
static RESOURCES: ConstStaticCell<ResourcesFor<512, 512, 2048, 4096, 4>> =
    ConstStaticCell::new(ResourcesFor::new());
static TCP: ConstStaticCell<TcpBuffers<1024, 1024>> = ConstStaticCell::new(TcpBuffers::new());
static TLS: ConstStaticCell<TlsBuffers<2304, 1024>> = ConstStaticCell::new(TlsBuffers::new());

/// Each device has a key of its own.
const KEY: &[u8] = b"sixteen letters.";

#[embassy_executor::task]
async fn mqtt(runner: Runner<Tls>) {
    runner.run().await;
}

#[embassy_executor::task]
async fn tls(runner: TlsRunner<PreSharedKey<Trng>>) {
    runner.on_failure(|error| eprintln!("TLS: {error}")).run().await;
}

#[embassy_executor::task]
async fn network(wire: &'static Wire) {
    wire.drive().await;
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let result = run(spawner).await;
    if let Err(error) = &result {
        eprintln!("Error: {error}");
    }
    std::process::exit(result.is_err().into()); // A board would go on.
}

async fn run(spawner: Spawner) -> Result<(), Box<dyn Error>> {
    let keys = TempDir::new("keys");
    let (_broker, port) = broker(&keys)?;
    let wire: &'static Wire = Box::leak(Box::default());
    wire.forward(port);
    spawner.spawn(network(wire)?);

    let identity = PreSharedKey::new("pump-7", KEY, Trng);
    let (connect, runner) = Tls::new(Tcp::new(wire.stack(), TCP.take()), TLS.take(), identity);
    spawner.spawn(tls(runner)?);

    let config = Config::new(Wire::HOST).port(port).client_id("pump-7");
    let (client, runner) = mqtt_as_embassy::with_connector(connect, RESOURCES.take(), config)?;
    spawner.spawn(mqtt(runner)?);
    client.connect(true).await?;
    client.subscribe("plant/7/state", QoS::AtLeastOnce).await?;
    client.publish("plant/7/state", "running").qos(QoS::AtLeastOnce).await?;

    let (mut queue, mut buffer) = (client.queue(), [0; 512]);
    let next = with_timeout(Duration::from_secs(5), queue.next_into(&mut buffer));
    let message = next.await.map_err(|_| "nothing came")??.ok_or("nothing came")?;
    println!("{}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
    client.disconnect().await?;
    Ok(())
}

/// A mosquitto that speaks TLS, at that port, with whoever knows the key.
fn broker(keys: &TempDir) -> Result<(Mosquitto, u16), Box<dyn Error>> {
    if !Mosquitto::available() {
        return Err("mosquitto is not installed".into());
    }
    let file = keys.path().join("keys");
    let hexadecimal: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(&file, format!("pump-7:{hexadecimal}\n"))?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let options = Options::new().line("set_tcp_nodelay true").line(format!("listener {port}"));
    let options = options.line("psk_hint any").line(format!("psk_file {}", file.display()));
    Ok((Mosquitto::start(options), port))
}

/// True random numbers: here those of the system, on a board those of its hardware.
struct Trng;

impl CryptoRng for Trng {}

impl RngCore for Trng {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        use std::io::Read;
        fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(bytes)).expect("chance");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}
