//! Enhanced authentication (4.12), at connect and later.

use mqtt_as_proto::client::{ConnectionError, OperationError, Violation, Waiting};
use mqtt_as_proto::packet::{Auth, Connect, Packet, PacketType};
use mqtt_as_proto::{Properties, Property, ReasonCode, Version};

use crate::peer::{Peer, ack, incoming};

const METHOD: [Property<'static>; 2] =
    [Property::AuthenticationMethod("M"), Property::AuthenticationData(b"data")];
const OTHER: [Property<'static>; 1] = [Property::AuthenticationMethod("N")];

fn auth(reason: ReasonCode, list: &'static [Property<'static>]) -> Packet<'static> {
    Packet::Auth(Auth { reason, properties: Properties::new(list) })
}

/// CONNECT with a method.
fn begun() -> Peer {
    let mut peer = Peer::new(Version::V5);
    let properties = Properties::new(&METHOD);
    let connect = Connect { properties, ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    peer.sent();
    peer
}

fn authenticated() -> Peer {
    let mut peer = begun();
    peer.accept(false, &METHOD);
    peer
}

fn answer(peer: &mut Peer, reason: ReasonCode) -> Result<(), OperationError> {
    peer.client.authenticate(reason, Properties::new(&METHOD))
}

// 5.0 [MQTT-4.12.0-3]
#[test]
fn steps_until_connack() {
    let mut peer = begun();
    for _ in 0..3 {
        let step = auth(ReasonCode::CONTINUE_AUTHENTICATION, &METHOD);
        assert_eq!(peer.send(&step), ["auth 0x18"]);
        answer(&mut peer, ReasonCode::CONTINUE_AUTHENTICATION).unwrap();
        assert_eq!(peer.sent(), ["AUTH 0x18"]);
    }
    assert_eq!(peer.accept(false, &METHOD), ["connected"]);
}

// 5.0 [MQTT-4.12.0-2]
// Decision [auth]
#[test]
fn every_step_and_connack_share_the_connect_timeout() {
    let mut peer = begun();
    for _ in 0..3 {
        peer.advance(3_000).unwrap();
        peer.send(&auth(ReasonCode::CONTINUE_AUTHENTICATION, &METHOD));
    }
    assert_eq!(peer.advance(1_000), Err(ConnectionError::TimedOut(Waiting::ConnAck)));
}

// 5.0 [MQTT-4.12.0-5]
#[test]
fn connack_has_the_method_of_connect() {
    for list in [&OTHER[..], &[]] {
        let mut peer = begun();
        let error = peer.try_send(&crate::peer::connack(false, list)).unwrap_err();
        assert_eq!(error, ConnectionError::Violation(Violation::AuthenticationMethod));
        assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
    }
    let mut peer = Peer::new(Version::V5);
    peer.begin(false);
    peer.try_send(&crate::peer::connack(false, &METHOD)).unwrap_err();
}

// 5.0 [MQTT-3.15.2-1] [MQTT-4.12.0-2] [MQTT-4.12.0-6]
// Decision [auth]
#[test]
fn auth_of_another_method_without_one_or_unasked_is_0x82() {
    let rows: [(ReasonCode, &[Property<'_>]); 5] = [
        (ReasonCode::CONTINUE_AUTHENTICATION, &OTHER),
        (ReasonCode::CONTINUE_AUTHENTICATION, &[]),
        (ReasonCode::RE_AUTHENTICATE, &METHOD),
        (ReasonCode::SUCCESS, &METHOD),
        (ReasonCode::SUCCESS, &[]),
    ];
    for (reason, list) in rows {
        for mut peer in [begun(), authenticated()] {
            peer.try_send(&auth(reason, list)).unwrap_err();
            assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
        }
    }
    // Once connected, a step is unasked too.
    let mut peer = authenticated();
    let step = auth(ReasonCode::CONTINUE_AUTHENTICATION, &METHOD);
    let error = peer.try_send(&step).unwrap_err();
    let violation = Violation::Unexpected(PacketType::Auth);
    assert_eq!(error, ConnectionError::Violation(violation));
    // And where CONNECT had no method, any.
    let mut peer = Peer::connected(Version::V5);
    peer.try_send(&step).unwrap_err();
    assert_eq!(peer.sent(), ["DISCONNECT 0x82"]);
}

// 5.0 [MQTT-4.12.1-1]
// Decision [auth]
#[test]
fn normal_traffic_goes_on_during_re_authentication() {
    let mut peer = authenticated();
    answer(&mut peer, ReasonCode::RE_AUTHENTICATE).unwrap();
    peer.publish(1, "x", 1);
    assert_eq!(peer.sent(), ["AUTH 0x19", "PUBLISH q1 #1 t x"]);
    assert_eq!(peer.message(incoming(0, 0, "t", "y")), ["message q0 t y"]);
    assert_eq!(peer.send(&Packet::PubAck(ack(1))), ["published 1 0x00"]);
    let step = auth(ReasonCode::CONTINUE_AUTHENTICATION, &METHOD);
    assert_eq!(peer.send(&step), ["auth 0x18"]);
    answer(&mut peer, ReasonCode::CONTINUE_AUTHENTICATION).unwrap();
    assert_eq!(peer.send(&auth(ReasonCode::SUCCESS, &METHOD)), ["auth 0x00"]);
    assert_eq!(peer.sent(), ["AUTH 0x18"]);
    // Over: a further one may begin.
    answer(&mut peer, ReasonCode::RE_AUTHENTICATE).unwrap();
}

// Decision [auth]
#[test]
fn a_second_re_authentication_at_once_is_a_local_error() {
    let mut peer = authenticated();
    answer(&mut peer, ReasonCode::RE_AUTHENTICATE).unwrap();
    peer.sent();
    let error = answer(&mut peer, ReasonCode::RE_AUTHENTICATE).unwrap_err();
    assert_eq!(error, OperationError::Authentication);
    assert!(peer.sent().is_empty());
}

// 5.0 [MQTT-3.15.2-1] [MQTT-4.12.0-5] [MQTT-4.12.0-7] [MQTT-4.12.1-1]
#[test]
fn authentication_that_is_not_possible_is_a_local_error() {
    let refused = Err(OperationError::Authentication);
    // Without a method in CONNECT, with another one, before the end of the first, out of turn.
    assert_eq!(answer(&mut Peer::connected(Version::V5), ReasonCode::RE_AUTHENTICATE), refused);
    let mut peer = authenticated();
    let properties = Properties::new(&OTHER);
    assert_eq!(peer.client.authenticate(ReasonCode::RE_AUTHENTICATE, properties), refused);
    assert_eq!(answer(&mut peer, ReasonCode::CONTINUE_AUTHENTICATION), refused);
    assert_eq!(answer(&mut begun(), ReasonCode::RE_AUTHENTICATE), refused);
    let refused = Err(OperationError::NotConnected);
    assert_eq!(answer(&mut Peer::new(Version::V5), ReasonCode::RE_AUTHENTICATE), refused);
    assert!(peer.sent().is_empty());
}

// 5.0 [MQTT-3.1.2-29]
#[test]
fn reason_text_in_auth_despite_request_problem_information_0_is_0x82() {
    let mut peer = Peer::new(Version::V5);
    let list = [Property::AuthenticationMethod("M"), Property::RequestProblemInformation(false)];
    let connect = Connect { properties: Properties::new(&list), ..Connect::default() };
    peer.client.connect(&connect, peer.now).unwrap();
    peer.sent();
    const TOLD: [Property<'static>; 2] =
        [Property::AuthenticationMethod("M"), Property::ReasonString("why")];
    let step = auth(ReasonCode::CONTINUE_AUTHENTICATION, &TOLD);
    let error = peer.try_send(&step).unwrap_err();
    let violation = Violation::ProblemInformation(PacketType::Auth);
    assert_eq!(error, ConnectionError::Violation(violation));
}
