//! The other client of the process, whose server acknowledges what it publishes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mqtt_as_tokio::{Client, Config, QoS, Version};

use crate::within;

#[derive(Debug)]
pub(crate) struct Other {
    client: Client,
    acknowledged: Arc<AtomicUsize>,
}

impl Other {
    pub(crate) async fn connect() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        let port = listener.local_addr().expect("an address").port();
        thread::spawn(move || serve(&listener.accept().expect("a connection").0));
        let config = Config::new("127.0.0.1").port(port).version(Version::V311).client_id("other");
        let client = Client::new(config).expect("settings");
        within(client.connect(true)).await.expect("a connection");
        let other = Self { client, acknowledged: Arc::default() };
        other.publish().await;
        other
    }

    /// Publishes a message, and waits for its acknowledgement.
    pub(crate) async fn publish(&self) {
        let publish = self.client.publish("other", "x").qos(QoS::AtLeastOnce);
        publish.await.expect("an acknowledgement");
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// How many acknowledgements there were.
    pub(crate) fn acknowledged(&self) -> Arc<AtomicUsize> {
        self.acknowledged.clone()
    }
}

/// Acknowledges what comes, until the client goes away.
fn serve(stream: &TcpStream) {
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let (mut packet, mut to) = ([0; 4096], stream);
    while let Ok(first) = read_packet(stream, &mut packet) {
        let answered = match first >> 4 {
            1 => to.write_all(&[0x20, 2, 0, 0]),
            3 => to.write_all(&[0x40, 2, packet[7], packet[8]]), // Behind the topic "other".
            12 => to.write_all(&[0xd0, 0]),
            _ => return,
        };
        if answered.is_err() {
            return;
        }
    }
}

/// Reads a packet; gives its first byte, and the others behind its length.
pub(crate) fn read_packet(mut stream: &TcpStream, packet: &mut [u8]) -> io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    let (first, mut len, mut shift) = (byte[0], 0, 0);
    loop {
        stream.read_exact(&mut byte)?;
        len |= usize::from(byte[0] & 0x7f) << shift;
        shift += 7;
        if byte[0] < 0x80 {
            break;
        }
    }
    stream.read_exact(&mut packet[..len])?;
    Ok(first)
}
