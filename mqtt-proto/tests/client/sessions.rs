//! Connect, disconnect, and whose session it is.

use mqtt_as_proto::client::{Config, ConnectionError, Input, OperationError, Violation, Warning};
use mqtt_as_proto::error::EncodeError;
use mqtt_as_proto::packet::{ConnAck, Connect, Packet, PacketType, Will};
use mqtt_as_proto::property::MaximumQoS;
use mqtt_as_proto::{Event, Properties, Property, QoS, ReasonCode, Version};

use crate::adopting::adopted;
use crate::peer::{BOTH, Peer, ack, config, connack, disconnect, dup, encode, incoming, topic};

/// What CONNECT says, for that clean start and those properties.
fn connect_line(version: Version, clean_start: bool, list: &[Property<'_>]) -> Vec<String> {
    let mut peer = Peer::new(version);
    let properties = Properties::new(list);
    let connect = Connect { clean_start, client_id: "c", properties, ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    peer.sent()
}

// Decision [connect-clean]
#[test]
fn connect_clean_has_expiry_0_unless_set() {
    assert_eq!(connect_line(Version::V311, true, &[]), ["CONNECT clean"]);
    assert_eq!(connect_line(Version::V5, true, &[]), ["CONNECT clean"]);
    let set = [Property::SessionExpiryInterval(7)];
    assert_eq!(connect_line(Version::V5, true, &set), ["CONNECT clean expiry 7"]);
}

// Decision [connect-clean]
#[test]
fn connect_unclean_keeps_the_session_for_ever_unless_set() {
    assert_eq!(connect_line(Version::V311, false, &[]), ["CONNECT kept"]);
    assert_eq!(connect_line(Version::V5, false, &[]), ["CONNECT kept expiry 4294967295"]);
    let set = [Property::SessionExpiryInterval(7)];
    assert_eq!(connect_line(Version::V5, false, &set), ["CONNECT kept expiry 7"]);
}

// Decision [connect-clean]
#[test]
fn an_explicit_expiry_of_0_with_an_unclean_start_warns() {
    let mut peer = Peer::new(Version::V5);
    let zero = [Property::SessionExpiryInterval(0)];
    let connect = Connect { properties: Properties::new(&zero), ..Connect::default() };
    let warning = peer.client.connect(&connect, peer.now);
    assert_eq!(warning, Ok(Some(Warning::SessionExpiresAtOnce)));
    assert_eq!(Peer::new(Version::V5).begin(false), None);
}

#[test]
fn what_the_client_takes_is_announced() {
    let mut peer = Peer::new(Version::V5);
    let connect = Connect { client_id: "c", ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    // Expiry, Maximum Packet Size 1024, Receive Maximum 4, and memory for four topic aliases.
    let announced = b"\x11\xff\xff\xff\xff\x27\0\0\x04\0\x21\0\x04\x22\0\x04";
    let bytes = peer.raw();
    assert!(bytes.windows(announced.len()).any(|window| window == announced), "{bytes:02x?}");
}

// 5.0 [MQTT-3.2.2-3] [MQTT-3.2.2-4]
// Decision [adopt]
#[test]
fn a_session_not_known_here_ends_connect_by_the_letter_of_5() {
    let mut peer = Peer::with(Config { adopt_session: false, ..config(Version::V5) });
    peer.begin(false);
    let error = peer.try_send(&connack(true, &[])).unwrap_err();
    assert_eq!(error, ConnectionError::SessionUnknown);
    assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
    assert!(!peer.client.is_connected());
    // A clean start helps.
    peer.lose();
    peer.begin(true);
    assert_eq!(peer.accept(false, &[]), ["connected"]);
}

// 3.1.1 [MQTT-3.2.2-2]
// Decision [adopt]
#[test]
fn a_session_not_known_here_is_adopted_in_3_and_told() {
    let mut peer = Peer::new(Version::V311);
    assert_eq!(peer.connect(true, &[]), ["connected adopted"]);
    assert_eq!(peer.reconnect(true), ["connected resumed"]);
    let refuse = Config { adopt_session: false, ..config(Version::V311) };
    let mut peer = Peer::with(refuse);
    peer.begin(false);
    let error = peer.try_send(&connack(true, &[])).unwrap_err();
    assert_eq!(error, ConnectionError::SessionUnknown);
    assert!(peer.sent().is_empty());
}

#[test]
fn a_server_that_never_clears_is_noticed() {
    let mut peer = adopted(Version::V5, &[]);
    peer.publish(2, "x", 1);
    peer.sent();
    assert!(peer.advance(60_000).is_err());
}

// 3.1.1 [MQTT-3.1.2-6] [MQTT-3.1.4-3] [MQTT-3.2.2-1]
// 5.0 [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2]
#[test]
fn session_present_after_clean_start_is_an_offence() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.lose();
        peer.begin(true);
        let error = peer.try_send(&connack(true, &[])).unwrap_err();
        assert_eq!(error, ConnectionError::Violation(Violation::SessionPresent));
        let told: &[&str] = if version == Version::V5 { &["DISCONNECT 0x82"] } else { &[] };
        assert_eq!(peer.sent(), told);
    }
}

// 5.0 [MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-3.2.2-3]
#[test]
fn a_session_that_ended_with_its_connection_is_not_known_any_more() {
    let mut peer = Peer::with(Config { adopt_session: false, ..config(Version::V5) });
    peer.begin(true);
    peer.accept(false, &[]);
    peer.lose();
    peer.begin(false);
    let error = peer.try_send(&connack(true, &[])).unwrap_err();
    assert_eq!(error, ConnectionError::SessionUnknown);
    // CONNACK's Session Expiry wins.
    let mut peer = Peer::new(Version::V5);
    peer.begin(true);
    peer.accept(false, &[Property::SessionExpiryInterval(60)]);
    peer.lose();
    assert_eq!(peer.connect(true, &[]), ["connected resumed"]);
    peer.lose();
    peer.connect(true, &[Property::SessionExpiryInterval(0)]);
    assert!(peer.client.session_expires());
}

// 3.1.1 [MQTT-3.1.2-6]
#[test]
fn a_clean_start_without_an_answer_may_have_ended_the_session() {
    let mut peer = Peer::connected(Version::V311);
    peer.message(incoming(2, 1, "t", "old"));
    peer.take();
    peer.publish(2, "mine", 1);
    peer.sent();
    peer.lose();
    peer.begin(true);
    peer.lose();
    // What the server holds now is not what is known here.
    let events = peer.connect(true, &[]);
    assert_eq!(events, ["connected adopted", "ended 1 Unknown { received: false }"]);
    assert_eq!(peer.message(dup(incoming(2, 1, "t", "new"))), ["message q2 t new"]);
}

/// Connects to a server that has a session; whether it is told that an earlier CONNECT was not
/// answered.
fn resumes_unanswered(peer: &mut Peer) -> bool {
    peer.begin(false);
    let (mut told, input) = (None, encode(&connack(true, &[]), peer.version));
    let tell = &mut |event: Event<'_>| {
        if let Event::Connected(connected) = event {
            told = Some(connected.unanswered);
        }
    };
    peer.client.handle_bytes(Input::new(&input), peer.now, tell).unwrap();
    told.unwrap()
}

/// The server may have begun the session for it that it says is present: one without a subscription.
#[test]
fn a_connect_without_an_answer_may_have_begun_the_session() {
    for version in BOTH {
        let mut peer = Peer::with(Config { adopt_session: false, ..config(version) });
        peer.begin(false);
        peer.lose();
        // Nothing of this one left: it changes nothing.
        peer.stuck = true;
        peer.begin(false);
        peer.lose();
        assert!(resumes_unanswered(&mut peer), "and it is no session of another client");
        peer.lose();
        assert!(!resumes_unanswered(&mut peer), "the last one was answered");
    }
}

#[test]
fn a_connect_that_did_not_leave_or_was_refused_has_begun_no_session() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.lose();
        peer.stuck = true;
        peer.begin(false);
        peer.lose();
        assert!(!resumes_unanswered(&mut peer));
        peer.lose();
        peer.begin(false);
        let reason = ReasonCode::SERVER_UNAVAILABLE;
        peer.send(&Packet::ConnAck(ConnAck { reason, ..ConnAck::default() }));
        peer.lose();
        assert!(!resumes_unanswered(&mut peer));
    }
}

// 3.1.1 [MQTT-3.2.2-5]
#[test]
fn a_refused_clean_start_leaves_the_session_alone() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.publish(1, "mine", 1);
        peer.sent();
        peer.lose();
        peer.begin(true);
        let reason = ReasonCode::SERVER_UNAVAILABLE;
        let refusal = Packet::ConnAck(ConnAck { reason, ..ConnAck::default() });
        assert_eq!(peer.send(&refusal), ["refused 0x88"]);
        assert!(peer.client.is_closing());
        assert!(peer.sent().is_empty());
        assert_eq!(peer.reconnect(true), ["connected resumed"]);
        assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t mine"]);
    }
}

#[test]
fn connect_on_a_live_link_is_for_the_caller_to_resolve() {
    let mut peer = Peer::connected(Version::V5);
    let error = peer.client.connect(&Connect::default(), peer.now);
    assert_eq!(error, Err(OperationError::AlreadyConnected));
}

// 5.0 [MQTT-3.14.4-1]
// Decision [disconnect-flushes]
#[test]
fn disconnect_sends_what_was_accepted_as_far_as_the_server_takes_it() {
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[Property::ReceiveMaximum(1.try_into().unwrap())]);
    peer.message(incoming(1, 9, "t", "x"));
    peer.take();
    peer.publish(1, "a", 1);
    peer.publish(1, "b", 2);
    peer.publish(0, "zero", 3);
    peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
    let sent = peer.sent();
    assert_eq!(sent, ["PUBACK #9", "PUBLISH q1 #1 t a", "PUBLISH q0 t zero", "DISCONNECT 0x00"]);
    assert!(peer.client.is_closing());
    // Nothing after it is sent or read [MQTT-3.14.4-1].
    assert!(peer.send(&Packet::PubAck(ack(1))).is_empty());
    assert!(peer.sent().is_empty());
    assert_eq!(
        peer.client.disconnect(ReasonCode::SUCCESS, None),
        Err(OperationError::NotConnected)
    );
    peer.reconnect(true);
    assert_eq!(peer.sent(), ["PUBLISH dup q1 #1 t a", "PUBLISH q1 #2 t b"]);
}

// Decision [with-will]
#[test]
fn disconnect_with_will() {
    for version in BOTH {
        let mut peer = Peer::connected(version);
        peer.client.disconnect(ReasonCode::DISCONNECT_WITH_WILL, None).unwrap();
        let told: &[&str] = if version == Version::V5 { &["DISCONNECT 0x04"] } else { &[] };
        assert_eq!(peer.sent(), told);
        assert!(peer.client.is_closing());
    }
}

#[test]
fn disconnect_before_connack() {
    for version in BOTH {
        let mut peer = Peer::new(version);
        peer.begin(false);
        peer.publish(1, "waits", 1);
        peer.client.disconnect(ReasonCode::SUCCESS, None).unwrap();
        assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
    }
}

// Decision [expiry-from-0]
#[test]
fn the_expiry_may_be_lowered_and_raised_at_disconnect_but_not_from_0() {
    let mut peer = Peer::connected(Version::V5);
    peer.client.disconnect(ReasonCode::SUCCESS, Some(0)).unwrap();
    assert_eq!(peer.sent(), ["DISCONNECT 0x00 expiry 0"]);
    // 0 in CONNACK is the server's word: CONNECT's was not 0.
    peer.lose();
    peer.begin(true);
    peer.accept(false, &[Property::SessionExpiryInterval(30)]);
    let raised = peer.client.disconnect(ReasonCode::SUCCESS, Some(60));
    assert_eq!(raised, Err(OperationError::SessionExpiry));
    assert!(peer.client.is_connected());
    peer.client.disconnect(ReasonCode::SUCCESS, Some(0)).unwrap();
    let mut peer = Peer::new(Version::V5);
    peer.connect(false, &[Property::SessionExpiryInterval(0)]);
    peer.client.disconnect(ReasonCode::SUCCESS, Some(60)).unwrap();
    assert_eq!(peer.sent(), ["DISCONNECT 0x00 expiry 60"]);
}

// 5.0 [MQTT-3.14.2-1]
#[test]
fn a_disconnect_that_cannot_be_said_is_refused() {
    let mut peer = Peer::connected(Version::V5);
    let error = peer.client.disconnect(ReasonCode::GRANTED_QOS_1, None).unwrap_err();
    let invalid = EncodeError::ReasonCode(PacketType::Disconnect, 1);
    assert_eq!(error, OperationError::Invalid(invalid));
    assert!(peer.client.is_connected());
    let mut peer = Peer::connected(Version::V311);
    let error = peer.client.disconnect(ReasonCode::SUCCESS, Some(5)).unwrap_err();
    assert_eq!(error, OperationError::Invalid(EncodeError::PropertiesNeedV5));
}

// 5.0 [MQTT-3.1.4-3] [MQTT-3.14.4-2]
#[test]
fn the_servers_disconnect_tells_why() {
    let mut peer = Peer::connected(Version::V5);
    assert_eq!(peer.send(&disconnect(0x8e)), ["disconnected 0x8e"]);
    assert!(peer.client.is_closing());
    assert!(peer.sent().is_empty());
}

/// What an earlier CONNACK said is history: a will that the server does not take is refused by it.
// 5.0 [MQTT-3.2.2-12]
// Decision [history]
#[test]
fn a_will_above_a_limit_of_the_last_connection_is_for_the_server_to_refuse() {
    let mut peer = Peer::new(Version::V5);
    let limits =
        [Property::MaximumQoS(MaximumQoS(QoS::AtMostOnce)), Property::RetainAvailable(false)];
    peer.connect(false, &limits);
    peer.lose();
    let will = Will {
        topic: topic("gone"),
        payload: b"",
        qos: QoS::AtLeastOnce,
        retain: true,
        properties: Properties::NONE,
    };
    let connect = Connect { will: Some(will), ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    let reason = ReasonCode::from_u8(0x9b);
    let refusal = Packet::ConnAck(ConnAck { reason, ..ConnAck::default() });
    assert_eq!(peer.send(&refusal), ["refused 0x9b"]);
}
