//! Coming from Paho (Rust, C, Python).
//!
//! No C library and no compiler for one is needed. A call is a future that resolves to the server's
//! answer, where Paho gives a token.
//!
//! | paho-mqtt (Rust) | here |
//! |---|---|
//! | `CreateOptionsBuilder`, `ConnectOptionsBuilder` | `Config::new(server)` and its methods |
//! | `server_uri("tcp://host:1883")` | `Config::new("host:1883")`; `tcp://` may stand before it |
//! | `server_uri("ssl://host")`, `ws://`, `wss://` | `Config::url` takes them, feature `url` |
//! | `ssl_options(SslOptionsBuilder…)` | `tls(Tls::new().ca_pem(ca).client_pem(cert, key))`, feature `tls` |
//! | `client_id`, `user_name`, `password`, `keep_alive_interval` | `client_id`, `user`, `keepalive` |
//! | `clean_session(true)`, `clean_start(true)` | `connect(true)` |
//! | `automatic_reconnect(min, max)` | `reconnect(Reconnect::new().first_delay(min).longest_delay(max))` |
//! | `will_message(Message::new(..))` | `will(Will::new(topic, payload))` |
//! | `persistence(..)` | memory only: what is not acknowledged is lost with the process |
//! | `AsyncClient::new`, `connect(options)` | `Client::new(config)`, `connect(clean)` |
//! | `publish(Message::new(topic, payload, qos))`, `token.await` | `publish(topic, payload).qos(qos).send().await` gives a receipt, `receipt.await`; or await the publish itself |
//! | `get_stream(n)`, `start_consuming()` | `queue()`, which is a `Stream` too |
//! | `set_message_callback` | `set_cb_on_event(event::Msg, callback)` |
//! | `set_connected_callback`, `set_connection_lost_callback` | `event::Up`, `event::Down` |
//! | `subscribe_with_options` | `subscribe(filter, qos).no_local(true)` and so on |
//! | `disconnect(options)` | `disconnect()`, a builder |
//!
//! ```no_run
//! use std::time::Duration;
//! use mqtt_as_tokio::{Client, Config, QoS, Reconnect, event};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Reconnect::new().first_delay(Duration::from_secs(1));
//! let client = Client::new(Config::new("tcp://broker.example:1883").reconnect(policy))?;
//! client.set_cb_on_event(event::Msg, |message| async move { println!("{}", message.topic()) });
//! client.connect(true).await?;
//! let receipt = client.publish("test", "hello").qos(QoS::AtLeastOnce).send().await?;
//! receipt.await?;
//! # Ok(())
//! # }
//! ```
