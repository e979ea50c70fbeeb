//! What the programs of this workspace share: the works, and how they are asked for.
//!
//! A program is called with `HOST:PORT WORK COUNT`, does the work COUNT times against the stub
//! (`tests/examples/stub.rs`), and panics if it could not. The works are
//!
//! * `publish-QOS`: from one task; at QoS 1 and 2 with [`WINDOW`] in flight, each of them counted when its
//!   acknowledgement has come,
//! * `publish-0-tasks`: from 16 tasks on one client; `publish-1-tasks`: from [`WINDOW`] tasks, each of which
//!   awaits its own acknowledgement,
//! * `publish-16k`: payloads of 16 KiB at QoS 0,
//! * `receive-QOS`, `receive-16k`, `receive-1m`: the same in the other direction,
//! * `round-trip`: messages at QoS 0 that come back, one in flight,
//! * `connect`: connects and disconnects, one after the other,
//! * `idle`: that many connected clients; the process ends while they live.

/// 20 bytes.
pub const TOPIC: &str = "figures/topic/20byte";
/// What is published to it, the stub sends back.
pub const ECHO: &str = "echo/topic/of/20byte";
/// What is published where the work does not say otherwise.
pub const PAYLOAD: &[u8] = &[b'x'; 64];
/// A large payload.
pub const LARGE: &[u8] = &[b'x'; 16 << 10];
/// Messages in flight at QoS 1 and 2.
pub const WINDOW: usize = 100;
/// Tasks that publish at QoS 0.
pub const TASKS: usize = 16;
/// The client identifier that makes the stub acknowledge every [`WINDOW`] messages.
pub const CLIENT_ID: &str = "acks/100/order";

/// What a program is asked to do.
pub struct Asked {
    /// Where the stub is.
    pub host: String,
    /// Where the stub is.
    pub port: u16,
    /// One of the works.
    pub work: String,
    /// How often.
    pub count: usize,
}

/// Reads the arguments.
pub fn asked() -> Asked {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, work, count] = &arguments[..] else { panic!("load HOST:PORT WORK COUNT") };
    let (host, port) = server.rsplit_once(':').expect("HOST:PORT");
    Asked {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        work: work.clone(),
        count: count.parse().expect("a number"),
    }
}

/// The filter that makes the stub send messages of so many bytes.
pub fn send(count: usize, len: usize) -> String {
    format!("send/{count}/{len}")
}
