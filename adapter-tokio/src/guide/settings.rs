//! All settings: one method of [`Config`](crate::Config) per key.
//!
//! Keys of the ancestor, `mqtt_as`, keep their names: the first column has them.
//!
//! | key | method | default |
//! |---|---|---|
//! | `client_id` | `client_id(id)` | empty: the server chooses |
//! | `server`, `port` | `new(server)`, `port(n)`; or `Config::url("mqtts://user:secret@host:port")` | –, 1883 (TLS 8883, WebSocket 80, both 443) |
//! | `user`, `password` | `user(name, password)`; each alone: `user_name`, `password` | none |
//! | `keepalive` | `keepalive(time)` | 60 s |
//! | `ping_interval` | `ping_interval(time)` | the keep-alive |
//! | `ssl` | `tls(Tls::new())`, or a URL with `mqtts` or `wss` | no TLS |
//! | `ssl_params` | `cadata`: `Tls::ca_pem(pem)`; `cert`, `key`: `client_pem(certificate, key)`; `server_hostname`: `server_name(name)`; and `alpn(&[…])`, `with_config(rustls)`. The server is always verified: there is no `CERT_NONE` | the roots of the feature chosen |
//! | `response_time` | `response_time(time)`; and apart from it `connect_timeout`, `ping_timeout`, `write_timeout` | 10 s each |
//! | `max_repubs` | `max_repubs(n)`: acknowledgements missed in a row before the link is declared down | 4 |
//! | `clean_init` | `clean_init(bool)`: the first `connect(false)` begins a new session | false |
//! | `clean` | the argument of `connect` | |
//! | `will` | `will(Will::new(topic, payload).qos().retain().delay())` | none |
//! | `queue_len` | `queue_len(n)`, `queue_bytes(n)`, `overflow(Wait or DropOldest)`: a full queue stops reading, or QoS 0 messages are dropped | 1,024, 16 MiB, wait |
//! | | `websocket(WebSocket::new().path("/mqtt").header(name, value))`: MQTT over WebSocket, secure with `tls` | no |
//! | | `proxy(Proxy::socks5(server))` or `Proxy::http(server)`, with `.user(name, password)`: the server, whatever it speaks, through a proxy | none |
//! | | `Config::unix(path)` instead of `new`: a unix socket | |
//! | | `version(V5 or V311)` | 5.0 |
//! | | `session_expiry(seconds)` | 0 after `connect(true)`, else never |
//! | | `receive_maximum(n)`, `maximum_packet_size(n)`: messages that wait to be taken, and how large they may be | 64, 4 MiB |
//! | | `largest_stream(n)`: larger messages, up to so many bytes, come piece by piece | 0: none do |
//! | | `send_window(n)`: 3.1.1, QoS 1 and 2 messages unacknowledged at a time | 20 |
//! | | `manual_ack(bool)` | false: acknowledged when taken |
//! | | `while_down(Queue or Refuse)`: a publish without a connection | queue |
//! | | `adopt_session(bool)`: a session on the server that this client knows nothing of | true |
//! | | `strict(bool)`: a server that sends more than Receive Maximum at once is told so, and the connection ends | false |
//! | | `reconnect(policy)`: a lost link is opened again by itself; `Reconnect` says when, where, and with what | the program does it |
//! | | `republish(bool)`: QoS 1 of unknown fate when the session is lost | true |
//! | | `topic_alias_maximum(n)`, `topic_aliases(n)`: aliases taken, and used | 16, 0 |
//! | | `close_if_too_large(bool)`: 3.1.1, instead of skipping the message | false |
//! | | `outbox(n)`, `in_flight(n)`, `store(n)`: bytes to write; messages that are unacknowledged or wait for a connection, and their bytes (a reading of 100 bytes in a second for nine hours) | 64 KiB, 65,535, 4 MiB |
//!
//! A policy of reconnecting has settings of its own: [`Reconnect`](crate::Reconnect). What can change
//! while the client lives is in [`reconfigure`](crate::Client::reconfigure).
//!
//! ```
//! use std::time::Duration;
//! use mqtt_as_tokio::{Config, QoS, Version, Will};
//!
//! let config = Config::new("broker.example")
//!     .client_id("pump-7")
//!     .version(Version::V311)
//!     .keepalive(Duration::from_secs(30))
//!     .will(Will::new("plant/7/state", "lost").qos(QoS::AtLeastOnce).retain(true));
//! # let _ = config;
//! ```
