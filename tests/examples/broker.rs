//! A broker to play with: `cargo run -p mqtt-as-tests --example broker -- 1883`.

use mqtt_as_tests::broker::BrokerConfig;
use mqtt_as_tests::server::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(1883), |port| port.parse::<u16>())?;
    let config = BrokerConfig { log_accepted: false, ..BrokerConfig::default() };
    let server = Server::bind(("127.0.0.1", port), config)?;
    println!("an MQTT 3.1.1 and 5.0 broker listens on {}; Enter ends it", server.addr());
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
