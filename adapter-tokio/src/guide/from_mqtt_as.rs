//! Coming from `mqtt_as` under MicroPython.
//!
//! Keys and calls keep their names; what was awkward there is mended here.
//!
//! | `mqtt_as` | here |
//! |---|---|
//! | `config['server']`, `config['port']` | `Config::new(server)`, `port(n)` |
//! | any other `config['key']` | the method of that name: [`settings`](super::settings) |
//! | `config['ssl'] = True` | `tls(Tls::new())`, with the feature `tls` and one of its roots |
//! | `config['ssl_params']` | `cadata`: `Tls::ca_pem`; `cert`, `key`: `client_pem`; `server_hostname`: `server_name` |
//! | `MQTTClient(config)` | `Client::new(config)` |
//! | `await client.connect(clean)` | `client.connect(clean).await`: an `Err` says what went wrong |
//! | `await client.publish(topic, msg, retain, qos)` | `client.publish(topic, msg).retain(retain).qos(qos).await`, QoS 2 too |
//! | `oneshot=True` | `.oneshot(true)`: one contiguous write; large payloads go by `publish_stream` |
//! | `await client.subscribe(topic, qos)` | the same: it returns what the server granted |
//! | `await client.broker_up()` | the same |
//! | `client.up`, `client.down` (events to await and clear) | `client.up().await`, `client.down().await`: nothing to clear, `down` says why |
//! | `async for topic, msg, retained in client.queue` | `while let Some(message) = client.queue().next().await` |
//! | `client.set_cb_on_event('up', cb, udata, new_task)` | `client.set_cb_on_event(event::Up, cb)`, with `.udata(data)` and `.new_task()` |
//! | `client.dprint`, `DEBUG` | feature `tracing`, or `defmt` on a device |
//!
//! ```no_run
//! use mqtt_as_tokio::{Client, Config, DownReason, QoS};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Config::new("broker.example").client_id("pump-7"))?;
//! client.connect(false).await?; // A session that outlives the link, and with it the subscription.
//! client.subscribe("cmd", QoS::AtLeastOnce).await?;
//! loop {
//!     tokio::select! {
//!         Some(message) = async { client.queue().next().await } => println!("{}", message.topic()),
//!         reason = client.down() => {
//!             println!("down: {reason:?}");
//!             if matches!(reason, None | Some(DownReason::Disconnected)) {
//!                 break;
//!             }
//!             let session = client.connect(false).await?;
//!             if !session.has_subscriptions() {
//!                 client.subscribe("cmd", QoS::AtLeastOnce).await?; // The server has lost it.
//!             }
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A call that is cancelled no longer corrupts the stream, a full queue no longer loses acknowledged
//! messages, a closed broker is noticed at once, and with TLS the server is always verified.
