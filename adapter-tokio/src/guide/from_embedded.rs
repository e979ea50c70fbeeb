//! Coming from rust-mqtt or minimq, on a microcontroller.
//!
//! Under embassy the client is a handle and a runner: any number of tasks publish and receive at the
//! same time through one connection. Memory is one static of the program's.
//!
//! | rust-mqtt 0.6 | minimq 0.13 | here |
//! |---|---|---|
//! | `Client::new(&mut buffer)` | `Session::new(ConfigBuilder::new(Buffers::new(rx, tx)))` | `mqtt_as_embassy::new(stack, RESOURCES.take(), config)`: handle and runner |
//! | a buffer provider, counts as const parameters | a buffer in, a buffer out | `Resources<RX, TX, OUT, IN, CALLS>`: bytes, and calls that wait at once |
//! | `connect(transport, options, id)` | `session.connect(io)` | `connect(clean).await`; the runner opens the socket |
//! | `publish(options, message)` | `conn.publish(Publication::new(topic, payload))` | `publish(topic, payload).qos(qos).retain(retain).await`: resolves at the acknowledgement |
//! | `poll()`, then match the event | `conn.recv()`, `conn.poll()` | `queue().next_into(&mut buffer).await`, while other tasks publish |
//! | `ping()` | in `poll` | the runner's work |
//! | `republish`, `rerelease` after a reconnect | by itself on the next `connect` | by itself on the next `connect` |
//! | a payload has to fit the buffer | the same | `publish_stream`, `next_stream`: any length, both ways |
//! | 5.0 only | 5.0 only | 3.1.1 and 5.0 |
//! | reconnecting is the program's | reconnecting is the program's | a loop, or `Config::reconnect(&POLICY)` |
//!
//! The calls are those of this crate, but for what a heap is needed for: owned messages (`next`,
//! receivers), requests. The crate `mqtt-as-embassy` has the whole example. What is larger here is the
//! code: see the table of sizes in the repository before you choose for 64 KB of flash.
