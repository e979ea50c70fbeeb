//! Guides: pages about a task, where the other pages are about a name.
//!
//! [`memory`] is about devices alone. The others are written for tokio, but the calls are the same here:
//! [they are pages of `mqtt-as-tokio`](https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/).
//!
//! | to do | page |
//! |---|---|
//! | choose the numbers of [`Resources`](crate::Resources) | [`memory`] |
//! | stay connected for years | [`reconnecting`][r] |
//! | restart the program, or lose the session | [`sessions`][s] |
//! | acknowledge when the work is done | [`manual_acks`][m] |
//! | be slower than what comes, or faster than what leaves | [`back_pressure`][b] |
//! | send and take more than fits memory | [`large_payloads`][l] |
//! | wake up, publish, sleep | [`low_power`][p] |
//! | answer another client | [`request_response`][q] |
//! | find a setting | [`settings`][g] |
//! | come from rust-mqtt or minimq | [`from_embedded`][e] |
//! | look a word up | [`glossary`][w] |
//!
//! [r]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/reconnecting/
//! [s]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/sessions/
//! [m]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/manual_acks/
//! [b]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/back_pressure/
//! [l]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/large_payloads/
//! [p]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/low_power/
//! [q]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/request_response/
//! [g]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/settings/
//! [e]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/from_embedded/
//! [w]: https://docs.rs/mqtt-as-tokio/latest/mqtt_as_tokio/guide/glossary/

pub mod memory;
