//! Guides: pages about a task, where the other pages are about a name.
//!
//! They are written for tokio. Under smol and embassy the calls are the same; what differs there
//! (how the driver is started, where memory comes from) is said where it does.
//!
//! | to do | page |
//! |---|---|
//! | find a call | [`calls`] |
//! | find a setting | [`settings`] |
//! | reach a broker through TLS, WebSocket, a proxy | [`transports`] |
//! | stay connected for years | [`reconnecting`] |
//! | restart the program, or lose the session | [`sessions`] |
//! | acknowledge when the work is done | [`manual_acks`] |
//! | be slower than what comes, or faster than what leaves | [`back_pressure`] |
//! | send and take more than fits memory | [`large_payloads`] |
//! | publish for years, and end in order | [`publisher`] |
//! | work on messages for years | [`consumer`] |
//! | ask another client, and answer | [`request_response`] |
//! | wake up, publish, sleep | [`low_power`] |
//! | test a program without a network | [`testing`] |
//! | come from another client | [`from_mqtt_as`], [`from_rumqttc`], [`from_paho`], [`from_embedded`] |
//! | look a word up | [`glossary`] |
//!
//! On a device: [sizing memory](https://docs.rs/mqtt-as-embassy/latest/mqtt_as_embassy/guide/memory/). Thirteen whole programs, each
//! below 40 lines: [examples](https://github.com/mqtt-as/mqtt-as-rs/tree/main/adapter-tokio/examples#readme).

pub mod back_pressure;
pub mod calls;
pub mod consumer;
pub mod from_embedded;
pub mod from_mqtt_as;
pub mod from_paho;
pub mod from_rumqttc;
pub mod glossary;
pub mod large_payloads;
pub mod low_power;
pub mod manual_acks;
pub mod publisher;
pub mod reconnecting;
pub mod request_response;
pub mod sessions;
pub mod settings;
pub mod testing;
pub mod transports;
