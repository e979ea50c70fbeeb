//! Where a client may stand when a packet comes.

use mqtt_as_proto::client::Tag;
use mqtt_as_proto::packet::{Auth, Connect, Packet};
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{Peer, ack, config, connack, incoming};
use crate::stream_in::{large, streaming};
use crate::stream_out::{TAG, open};

pub(crate) struct State {
    pub(crate) name: &'static str,
    /// What the table calls it together with others.
    pub(crate) group: &'static str,
    /// A client that stands there.
    pub(crate) reach: fn(Version) -> Peer,
    /// Ends what it is in the middle of.
    pub(crate) settle: fn(&mut Peer),
    pub(crate) only_5: bool,
    /// The connection stands, and takes messages.
    pub(crate) is_open: bool,
    /// Nothing is read any more.
    pub(crate) is_over: bool,
    /// A packet of ours is half out.
    pub(crate) is_half_out: bool,
}

impl State {
    /// The connection stands.
    const fn open(group: &'static str, name: &'static str, reach: fn(Version) -> Peer) -> Self {
        let settle = |_: &mut Peer| {};
        let (only_5, is_over, is_half_out) = (false, false, false);
        Self { name, group, reach, settle, only_5, is_open: true, is_over, is_half_out }
    }

    /// CONNECT is out.
    const fn early(name: &'static str, reach: fn(Version) -> Peer) -> Self {
        Self { is_open: false, ..Self::open("early", name, reach) }
    }

    /// There is no connection, or it is ending.
    const fn over(name: &'static str, reach: fn(Version) -> Peer) -> Self {
        Self { is_over: true, is_open: false, ..Self::open("over", name, reach) }
    }

    /// Bytes that come are of a payload.
    const fn payload(name: &'static str, reach: fn(Version) -> Peer) -> Self {
        Self { is_open: false, ..Self::open("payload", name, reach) }
    }

    const fn in_5(self) -> Self {
        Self { only_5: true, ..self }
    }
}

pub(crate) const STATES: &[State] = &[
    State::over("down", Peer::new),
    // CONNECT is out: of a new session, of one with the QoS 1 message 1 on its way, with a method;
    // and the server has asked for a step of authentication.
    State::early("connecting", connecting),
    State::early("resuming", |version| {
        let mut peer = sent(version, 1);
        peer.lose();
        peer.begin(false);
        peer
    }),
    State::early("begun", |_| begun()).in_5(),
    State::early("asked", |_| stepped(begun())).in_5(),
    // Nothing is under way; PINGREQ is out.
    State::open("idle", "connected", Peer::connected),
    State::open("idle", "pinging", |version| {
        let mut peer = Peer::connected(version);
        peer.client.ping();
        flushed(peer)
    }),
    // The message 1 of ours: PUBLISH is out, or PUBREL; the same on a connection before this one,
    // and it has still to be sent again, or was; the program has given it up.
    State::open("ours", "sent 1", |version| sent(version, 1)),
    State::open("ours", "sent 2", |version| sent(version, 2)),
    State::open("ours", "released", released),
    State::open("ours", "to resend 1", |version| resumed(sent(version, 1))),
    State::open("ours", "to resend 2", |version| resumed(sent(version, 2))),
    State::open("ours", "to release", |version| resumed(released(version))),
    State::open("ours", "resent 1", |version| flushed(resumed(sent(version, 1)))),
    State::open("ours", "resent 2", |version| flushed(resumed(sent(version, 2)))),
    State::open("ours", "released again", |version| flushed(resumed(released(version)))),
    State::open("ours", "given up 1", |version| given_up(sent(version, 1))),
    State::open("ours", "given up 2", |version| given_up(sent(version, 2))),
    State::open("ours", "given up released", |version| given_up(released(version))),
    // The request 1 is out, with one filter.
    State::open("requests", "subscribed", subscribed),
    State::open("requests", "unsubscribed", unsubscribed),
    // The server's message 1: it came and is not acknowledged; PUBREC has still to leave, or is out;
    // the same on a connection before this one.
    State::open("theirs", "held 1", |version| came(version, 1)),
    State::open("theirs", "held 2", |version| came(version, 2)),
    State::open("theirs", "to record", taken),
    State::open("theirs", "recorded", |version| flushed(taken(version))),
    State::open("theirs", "held 1 before", |version| resumed(came(version, 1))),
    State::open("theirs", "held 2 before", |version| resumed(came(version, 2))),
    State::open("theirs", "recorded before", |version| resumed(flushed(taken(version)))),
    // CONNECT had a method; AUTH of ours is out; and the server has answered with a step.
    State::open("methods", "authenticated", |_| authenticated()).in_5(),
    State::open("methods", "reauthenticating", |_| reauthenticating()).in_5(),
    State::open("methods", "asked again", |_| stepped(reauthenticating())).in_5(),
    // A message comes piece by piece, and is read, or passed over.
    State::payload("half in", |version| half_in(Peer::connected_with(streaming(version)))),
    State::payload("passed over", passed_over),
    // The message 1 of ours, at QoS 1, leaves piece by piece.
    State {
        settle: |peer| _ = peer.client.write_stream(TAG, b"67890", peer.now),
        is_half_out: true,
        ..State::open("half out", "half out", half_out)
    },
    // The program has ended the connection: DISCONNECT has to leave, or has left.
    State::over("ending", ending),
    State::over("ended", |version| flushed(ending(version))),
];

/// What is out where a packet of ours is half out.
pub(crate) fn half(version: Version) -> Vec<u8> {
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let len = 15 + properties.len() as u8;
    [&[0x32, len, 0, 1, b't', 0, 1], properties, b"12345"].concat()
}

fn flushed(mut peer: Peer) -> Peer {
    peer.sent();
    peer
}

fn connecting(version: Version) -> Peer {
    let mut peer = Peer::new(version);
    peer.begin(false);
    peer
}

fn sent(version: Version, qos: u8) -> Peer {
    let mut peer = Peer::connected(version);
    peer.publish(qos, "x", 1);
    flushed(peer)
}

fn released(version: Version) -> Peer {
    let mut peer = sent(version, 2);
    peer.send(&Packet::PubRec(ack(1)));
    flushed(peer)
}

/// The next connection stands; nothing has left on it.
fn resumed(mut peer: Peer) -> Peer {
    peer.reconnect(true);
    peer
}

fn given_up(mut peer: Peer) -> Peer {
    assert!(peer.give_up(1));
    flushed(peer)
}

fn came(version: Version, qos: u8) -> Peer {
    let mut peer = Peer::connected(version);
    peer.message(incoming(qos, 1, "t", "x"));
    peer
}

fn taken(version: Version) -> Peer {
    let mut peer = came(version, 2);
    peer.take();
    peer
}

const METHOD: [Property<'static>; 1] = [Property::AuthenticationMethod("M")];

fn step(reason: ReasonCode) -> Packet<'static> {
    Packet::Auth(Auth { reason, properties: Properties::new(&METHOD) })
}

fn begun() -> Peer {
    let mut peer = Peer::with(config(Version::V5));
    let connect =
        Connect { client_id: "c", properties: Properties::new(&METHOD), ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    flushed(peer)
}

fn authenticated() -> Peer {
    let mut peer = begun();
    peer.send(&connack(false, &METHOD));
    peer
}

fn reauthenticating() -> Peer {
    let mut peer = authenticated();
    let properties = Properties::new(&METHOD);
    peer.client.authenticate(ReasonCode::RE_AUTHENTICATE, properties).unwrap();
    flushed(peer)
}

/// The server asks for a step.
fn stepped(mut peer: Peer) -> Peer {
    peer.send(&step(ReasonCode::CONTINUE_AUTHENTICATION));
    peer
}

/// The head of a large message came, and the first bytes of its payload.
fn half_in(mut peer: Peer) -> Peer {
    peer.deaf = true;
    peer.send_bytes(&large(peer.version, 1, 1)[..500]).unwrap();
    peer
}

/// 3.1.1 may have messages that are too large, 5.0 has such that nobody reads.
fn passed_over(version: Version) -> Peer {
    let mut peer = match version {
        Version::V311 => Peer::connected(version),
        Version::V5 => Peer::connected_with(streaming(version)),
    };
    peer.client.pass_streams();
    half_in(peer)
}

fn half_out(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    open(&mut peer, 1, 10).unwrap();
    peer.client.write_stream(TAG, b"12345", peer.now).unwrap();
    peer.write(usize::MAX);
    peer
}

fn subscribed(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    peer.subscribe("a", 1).unwrap();
    flushed(peer)
}

fn unsubscribed(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    let filter = "a".try_into().unwrap();
    peer.client.unsubscribe(&[filter], Properties::NONE, Tag(1)).unwrap();
    flushed(peer)
}

fn ending(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
    peer
}
