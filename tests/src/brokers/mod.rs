//! Real brokers of different make, started, killed, stopped and brought back in the same words.
//!
//! mosquitto is installed by `.ci/run`; the others only where a long run wants them. Each listens on
//! 127.0.0.1 only, keeps what it has to in a directory of its own, and is gone when it is dropped.

mod ejabberd;
mod erlang;
pub mod rabbitmq;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::mosquitto::{Mosquitto, Options};
use crate::process::wait_until;
use ejabberd::Ejabberd;
use rabbitmq::RabbitMq;

/// How long a broker may take until it answers: those on Erlang take their time.
const BOUND: Duration = Duration::from_secs(90);

/// Whose broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Eclipse mosquitto, with its database saved at every change.
    Mosquitto,
    /// ejabberd's `mod_mqtt`, which keeps sessions in memory.
    Ejabberd,
    /// RabbitMQ's MQTT plug-in: 3.1.1 only, QoS 2 is none.
    RabbitMq,
}

impl Make {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mosquitto, Self::Ejabberd, Self::RabbitMq];

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|make| make.name() == name)
    }

    /// Its name in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mosquitto => "mosquitto",
            Self::Ejabberd => "ejabberd",
            Self::RabbitMq => "rabbitmq",
        }
    }

    /// Whether it can be started here.
    #[must_use]
    pub fn is_installed(self) -> bool {
        match self {
            Self::Mosquitto => Mosquitto::available(),
            Self::Ejabberd => ejabberd::program().is_some(),
            Self::RabbitMq => rabbitmq::is_installed(),
        }
    }
}

/// A running broker. It dies, by its pid, when this is dropped.
#[derive(Debug)]
pub enum Broker {
    /// Of that make.
    Mosquitto(Mosquitto),
    /// Of that make.
    Ejabberd(Ejabberd),
    /// Of that make.
    RabbitMq(RabbitMq),
}

impl Broker {
    /// Starts one, and waits until it has answered a CONNECT.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(make: Make) -> Self {
        match make {
            Make::Mosquitto => {
                let options = Options::new().persistence().line("max_queued_messages 0");
                Self::Mosquitto(Mosquitto::start(options))
            }
            Make::Ejabberd => Self::Ejabberd(Ejabberd::start()),
            Make::RabbitMq => Self::RabbitMq(RabbitMq::start()),
        }
    }

    /// Where it listens, over restarts too.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        match self {
            Self::Mosquitto(broker) => broker.addr(),
            Self::Ejabberd(broker) => broker.addr(),
            Self::RabbitMq(broker) => broker.addr(),
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.kill(),
            Self::Ejabberd(broker) => broker.kill(),
            Self::RabbitMq(broker) => broker.kill(),
        }
    }

    /// SIGTERM, where it saves what it has at that; else as [`kill`](Self::kill).
    pub fn stop(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.stop(),
            Self::Ejabberd(_) | Self::RabbitMq(_) => self.kill(),
        }
    }

    /// Kills it if it runs, and starts it with what it has kept.
    ///
    /// # Panics
    ///
    /// If it does not start again.
    pub fn restart(&mut self) {
        match self {
            Self::Mosquitto(broker) => broker.restart(),
            Self::Ejabberd(broker) => broker.restart(),
            Self::RabbitMq(broker) => broker.restart(),
        }
    }

    /// SIGSTOP: the kernel still accepts connections and bytes for it, but nobody answers.
    pub fn pause(&self) {
        match self {
            Self::Mosquitto(broker) => broker.pause(),
            Self::Ejabberd(broker) => broker.pause(),
            Self::RabbitMq(broker) => broker.pause(),
        }
    }

    /// SIGCONT.
    pub fn resume(&self) {
        match self {
            Self::Mosquitto(broker) => broker.resume(),
            Self::Ejabberd(broker) => broker.resume(),
            Self::RabbitMq(broker) => broker.resume(),
        }
    }
}

/// Waits until a 3.1.1 CONNECT is accepted there: brokers on Erlang listen before they work.
fn answers(addr: SocketAddr) -> bool {
    wait_until(BOUND, || accepts(addr).is_ok_and(|accepted| accepted))
}

fn accepts(addr: SocketAddr) -> std::io::Result<bool> {
    let second = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&addr, second)?;
    stream.set_read_timeout(Some(2 * second))?;
    // CONNECT: clean session, user name and password, keep-alive 10 s, client id "probe".
    let mut connect = vec![0x10, 31, 0, 4, b'M', b'Q', b'T', b'T', 4, 0xC2, 0, 10];
    for text in ["probe", "guest", "guest"] {
        connect.extend([0, 5]);
        connect.extend(text.bytes());
    }
    stream.write_all(&connect)?;
    let mut connack = [0; 4];
    stream.read_exact(&mut connack)?;
    stream.write_all(&[0xE0, 0])?; // DISCONNECT
    Ok(connack[0] == 0x20 && connack[3] == 0)
}
