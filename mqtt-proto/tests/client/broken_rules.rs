//! What a server may not do, as a table: `broken_rules.tsv` has the rule, when it is broken, the bytes
//! that do, and the code that a 5.0 server is told. The rules are those of the standards' text that
//! have no number, and those that have one and that a client can see broken.

use mqtt_as_proto::client::ConnectionError;
use mqtt_as_proto::packet::{Connect, Packet};
use mqtt_as_proto::{Properties, Property, Version};

use crate::peer::{Peer, ack, incoming};

const TABLE: &str = include_str!("broken_rules.tsv");

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// CONNECT is out.
    Connecting,
    Connected,
    /// CONNECT is out, with the authentication method `M`.
    Begun,
    /// CONNACK came, with that method.
    Authenticated,
    /// The QoS 1 message 1 is out.
    Published1,
    /// The QoS 2 message 1 is out.
    Published2,
    /// The PUBREL 1 is out.
    Released,
    /// The SUBSCRIBE 1 is out, with one filter.
    Subscribed,
    /// The UNSUBSCRIBE 1 is out, with one filter.
    Unsubscribed,
    /// The server's QoS 2 message 1 was taken, and the PUBREC 1 is out.
    Received,
    /// Four messages are here and not acknowledged, which is our Receive Maximum, of a client that
    /// tells servers at once.
    Full,
}

impl State {
    const ALL: [(&'static str, Self); 11] = [
        ("connecting", Self::Connecting),
        ("connected", Self::Connected),
        ("begun", Self::Begun),
        ("authenticated", Self::Authenticated),
        ("published 1", Self::Published1),
        ("published 2", Self::Published2),
        ("released", Self::Released),
        ("subscribed", Self::Subscribed),
        ("unsubscribed", Self::Unsubscribed),
        ("received", Self::Received),
        ("full", Self::Full),
    ];

    fn named(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|state| state.0 == name);
        found.unwrap_or_else(|| panic!("no state is called {name}")).1
    }

    /// A client that is there.
    pub(crate) fn peer(self, version: Version) -> Peer {
        self.begun(version, &[])
    }

    /// The same, where the client has declined problem information.
    pub(crate) fn declined(self) -> Peer {
        self.begun(Version::V5, &[Property::RequestProblemInformation(false)])
    }

    fn begun(self, version: Version, list: &[Property<'_>]) -> Peer {
        let strict = self == Self::Full;
        let config = mqtt_as_proto::Config { strict, ..crate::peer::config(version) };
        let mut peer = Peer::with(config);
        let authenticates = matches!(self, Self::Begun | Self::Authenticated);
        let method = [Property::AuthenticationMethod("M")];
        let list = [list, if authenticates { &method } else { &[] }].concat();
        let connect =
            Connect { client_id: "c", properties: Properties::new(&list), ..Connect::default() };
        peer.client.connect(&connect, peer.now).unwrap();
        peer.sent();
        if !matches!(self, Self::Connecting | Self::Begun) {
            peer.accept(false, if authenticates { &method } else { &[] });
        }
        self.reach(&mut peer);
        peer.sent();
        peer
    }

    /// What has to happen once the connection stands.
    pub(crate) fn reach(self, peer: &mut Peer) {
        match self {
            Self::Connecting | Self::Begun | Self::Connected | Self::Authenticated => {}
            Self::Published1 => drop(peer.publish(1, "x", 1)),
            Self::Published2 | Self::Released => drop(peer.publish(2, "x", 1)),
            Self::Subscribed => drop(peer.subscribe("a", 1)),
            Self::Unsubscribed => {
                let (filter, tag) = ("a".try_into().unwrap(), mqtt_as_proto::client::Tag(1));
                peer.client.unsubscribe(&[filter], Properties::NONE, tag).unwrap();
            }
            Self::Received => {
                peer.message(incoming(2, 1, "t", "x"));
                peer.take();
            }
            Self::Full => (1..=4).for_each(|id| drop(peer.message(incoming(1, id, "t", "x")))),
        }
        peer.sent();
        if self == Self::Released {
            peer.send(&Packet::PubRec(ack(1)));
        }
    }
}

/// Those bytes end the connection, and a 5.0 server is told why.
pub(crate) fn ends(version: Version, state: State, bytes: &[u8], code: u8, rule: &str) {
    let mut peer = state.peer(version);
    let error: ConnectionError = peer.send_bytes(bytes).err().unwrap_or_else(|| {
        panic!("{rule}: nothing was found wrong with {bytes:02x?} in {version:?}")
    });
    let told = match version {
        Version::V5 => vec![format!("DISCONNECT {code:#04x}")],
        Version::V311 => vec![],
    };
    assert_eq!(peer.sent(), told, "{rule}: {error}");
    assert!(peer.client.is_closing(), "{rule}");
    assert!(!peer.client.is_connected(), "{rule}");
    // The session is there, and the next connection does not suffer from it.
    peer.lose();
    peer.begin(true);
    assert!(peer.accept(false, &[]).iter().any(|line| line == "connected"), "{rule}");
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |pair| u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{pair} is no byte"));
    text.split_whitespace().map(byte).collect()
}

// 3.1.1 [MQTT-1.5.3-1] [MQTT-1.5.3-2] [MQTT-2.3.1-1] [MQTT-2.3.1-4] [MQTT-2.3.1-6] [MQTT-2.3.1-7]
//   [MQTT-3.2.0-1] [MQTT-3.2.2-4] [MQTT-3.3.1-2] [MQTT-3.3.1-4] [MQTT-3.3.2-1] [MQTT-3.3.2-2]
//   [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.9.3-2] [MQTT-3.10.4-4] [MQTT-4.7.1-1] [MQTT-4.7.3-2]
//   [MQTT-4.8.0-1]
// 5.0 [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.5-1] [MQTT-1.5.7-1] [MQTT-2.2.1-4] [MQTT-2.2.1-5]
//   [MQTT-2.2.1-6] [MQTT-3.1.2-24] [MQTT-3.1.2-26] [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.2.2-1]
//   [MQTT-3.2.2-6] [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.3.1-2] [MQTT-3.3.1-4] [MQTT-3.3.2-1]
//   [MQTT-3.3.2-2] [MQTT-3.3.2-8] [MQTT-3.3.2-11] [MQTT-3.3.2-13] [MQTT-3.3.2-14] [MQTT-3.3.2-19]
//   [MQTT-3.3.4-9] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-6] [MQTT-3.9.2-1] [MQTT-3.9.2-2]
//   [MQTT-3.9.3-2] [MQTT-3.10.4-5] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.11.3-2] [MQTT-3.14.0-1]
//   [MQTT-3.14.2-2] [MQTT-4.7.0-1] [MQTT-4.7.3-2] [MQTT-4.12.0-5] [MQTT-4.12.0-6] [MQTT-4.13.1-1]
//   [MQTT-4.13.2-1]
// Decision [wrong-kind] [rules-without-number]
#[test]
fn each_is_found_and_told() {
    let mut rows = 0;
    for row in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [versions, rule, state, what, bytes, code] = columns[..] else {
            panic!("not six columns: {row}")
        };
        let (state, bytes, rule) = (State::named(state), hex(bytes), format!("{rule} {what}"));
        let code = u8::from_str_radix(code.trim_start_matches("0x"), 16).unwrap_or(0);
        if versions != "5.0" {
            ends(Version::V311, state, &bytes, code, &rule);
        }
        if versions != "3.1.1" {
            assert!(code >= 0x80, "{rule}: a 5.0 server is told a code");
            ends(Version::V5, state, &bytes, code, &rule);
        }
        rows += 1;
    }
    assert!(rows > 100, "{rows} rows");
}
