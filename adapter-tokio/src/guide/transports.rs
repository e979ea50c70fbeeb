//! To the broker: TLS, WebSocket, proxies, unix sockets and URLs.
//!
//! The settings say what lies between the socket and MQTT. All of it can be combined, as secure
//! WebSocket with a client certificate through a proxy, and has one time-out for the whole
//! ([`connect_timeout`](crate::Config::connect_timeout)). Addresses of both families are raced (RFC
//! 8305): a dead IPv6 route costs 250 ms.
//!
#![cfg_attr(
    all(feature = "tls", feature = "websocket", feature = "url"),
    doc = r##"
```no_run
use std::fs;
use mqtt_as_tokio::{Client, Config, Proxy, Tls};

# fn run() -> Result<(), Box<dyn std::error::Error>> {
let tls = Tls::new()
    .ca_pem(fs::read("ca.pem")?)
    .client_pem(fs::read("pump-7.pem")?, fs::read("pump-7.key")?);
let by_tls = Config::new("broker.example").tls(tls); // port 8883
let through_a_proxy = Config::url("wss://pump:secret@broker.example/mqtt")? // port 443
    .proxy(Proxy::http("proxy.factory:3128").user("pump", "secret"));
let on_this_machine = Config::unix("/run/mosquitto.sock");
# let _ = (by_tls, through_a_proxy, on_this_machine);
# Ok(())
# }
```
"##
)]
//!
//! | URL | transport | port |
//! |---|---|--:|
//! | `mqtt://host` | TCP | 1883 |
//! | `mqtts://host` | TLS | 8883 |
//! | `ws://host/path` | WebSocket | 80 |
//! | `wss://host/path` | secure WebSocket | 443 |
//! | `unix:///path` | a unix socket | |
//!
//! User and password may stand before the host (`mqtt://user:secret@host`), percent-encoded where
//! they have to be.
//!
//! # Whom TLS trusts
//!
//! | the broker's certificate is from | feature | setting |
//! |---|---|---|
//! | a public authority, and the machine is kept up to date | `platform-roots` | `Tls::new()` |
//! | a public authority, and the machine has no roots (a container) | `webpki-roots` | `Tls::new()` |
//! | an authority of your own | `tls` | `Tls::new().ca_pem(pem)` |
//! | whatever your rustls `ClientConfig` believes | `tls` | `Tls::with_config(Arc::new(config))` |
//!
//! # When it fails
//!
//! An error names the step that failed (name, address, proxy, TLS, WebSocket, CONNACK), says in the
//! library's own words why, and what to do: `the TLS handshake failed: invalid peer certificate:
//! UnknownIssuer: … give its CA (ca_pem)`. What can be known before, as a key that is none, is an error
//! of `Client::new`. [`is_retryable`](crate::ConnectError::is_retryable) says whether trying again,
//! with nothing changed, can help:
//!
//! | what is wrong | error | `is_retryable` |
//! |---|---|---|
//! | the server's certificate is not trusted, for another name, or revoked | `Unreachable(Step::Tls, _)` | no |
//! | it has expired, or is not valid yet | `Unreachable(Step::Tls, _)` | yes: it may be renewed, the clock set |
//! | the server wants a client certificate, or does not take that one | `Lost(Transport(_))` with TLS 1.3, else `Unreachable(Step::Tls, _)` | no |
//! | there is no TLS on that port, the peer is gone or silent | `Unreachable(Step::Tls, _)`, `TimedOut(Step::Tls)` | yes |
//! | a proxy, or a WebSocket server, refuses | `Unreachable(Step::Proxy, _)`, `Unreachable(Step::WebSocket, _)` | yes |
//!
//! A [policy](super::reconnecting) treats a certificate that is not trusted or not taken as it treats
//! bad credentials: it waits for [`refused_delay`](crate::Reconnect::refused_delay).
//!
//! The `source` of the error is that of rustls; `Tls::with_config` takes an `Arc` of a `ClientConfig`
//! of rustls 0.23.
