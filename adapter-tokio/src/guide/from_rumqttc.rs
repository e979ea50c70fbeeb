//! Coming from rumqttc 0.25.
//!
//! There is no event loop to poll: `Client::new` spawns it. `publish` resolves at the acknowledgement,
//! not when the request is queued, and says what the server answered.
//!
//! | rumqttc | here |
//! |---|---|
//! | `MqttOptions::new(id, host, port)` | `Config::new(host).port(port).client_id(id)` |
//! | `set_keep_alive(time)` | `keepalive(time)` |
//! | `set_clean_session(true)`, `set_clean_start` | the argument of `connect(true)` |
//! | `set_credentials(name, password)` | `user(name, password)` |
//! | `set_last_will(LastWill::new(..))` | `will(Will::new(topic, payload).qos(qos).retain(true))` |
//! | `set_transport(Transport::tls(ca, client, alpn))` | `tls(Tls::new().ca_pem(ca).client_pem(cert, key).alpn(..))`, feature `tls` |
//! | `Transport::ws()`, `Transport::unix()`, `set_proxy(..)` | `websocket(WebSocket::new())`, `Config::unix(path)`, `proxy(Proxy::http(server))` |
//! | `MqttOptions::parse_url(url)` | `Config::url(url)` |
//! | `set_inflight(n)`: messages under way | nothing: the server's Receive Maximum is kept by itself; `send_window(n)` for 3.1.1. Not `in_flight(n)`: that counts what waits in an outage, too |
//! | `set_manual_acks(true)`, `client.ack(&publish)` | `manual_ack(true)`, `client.ack(&message, ReasonCode::SUCCESS)` |
//! | `set_max_packet_size(in, out)` | `maximum_packet_size(bytes)`; that of the server is kept by itself |
//! | `rumqttc::v5` | `version(Version::V5)`, which is the default: one set of types for both |
//! | `AsyncClient::new(options, cap)` | `Client::new(config)`; bounds are settings in messages and bytes |
//! | `eventloop.poll()` | nothing |
//! | `Event::Incoming(Packet::Publish(p))` | `client.queue().next()`, or a receiver per filter |
//! | `Event::Incoming(Packet::ConnAck(..))` | what `connect` returns; `event::Up` |
//! | an `Err` of `poll` | `client.down()`, or `event::Down` |
//! | polling again reconnects | [`reconnecting`](super::reconnecting): a policy, or a loop |
//! | `client.publish(topic, qos, retain, payload)` | `client.publish(topic, payload).qos(qos).retain(retain)` |
//! | `client.subscribe_many(..)` | `client.subscribe_all(..)` |
//! | `client.try_publish(..)` | `client.publish(..).try_publish()` |
//! | queue now, acknowledged later | `.send().await` gives a receipt |
//! | `client.subscribe(filter, qos)` | the same; it resolves to what was granted |
//!
//! ```no_run
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::new("broker.example").client_id("pump-7").reconnect(Reconnect::default());
//! let client = Client::new(config)?;
//! client.connect(true).await?;
//! client.subscribe("plant/#", QoS::AtLeastOnce).await?;
//! while let Some(message) = client.queue().next().await {
//!     println!("{}: {} bytes", message.topic(), message.payload().len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Other things that change: after a resume PUBLISH goes out again with DUP and in order; publishing
//! from the loop that receives cannot deadlock; and memory is bounded in bytes.
