//! `disconnect` and its options: what DISCONNECT says, and what may not be asked for.

use std::sync::mpsc;

use futures_lite::future::zip;
use mqtt_as_proto::EncodeError;
use mqtt_as_proto::packet::{Carrier, Packet, PacketType};
use mqtt_as_tests::script::Script;

use super::story::{
    MS, accept, both, client, config, connected, in_3_1_1, in_5_0, peer, published,
};
use crate::runtime::adapter::{
    DisconnectError, DownReason, Limit, OperationError, Property, PublishError, QoS, ReasonCode,
    Version,
};
use crate::runtime::within;

/// The DISCONNECT that has to come: its reason, session expiry, reason string.
fn farewell(script: &mut Script) -> (ReasonCode, Option<u32>, Option<String>) {
    let said = script.expect_packet(PacketType::Disconnect, |packet| {
        let Packet::Disconnect(disconnect) = packet else { unreachable!("it was looked at") };
        let said = disconnect.properties;
        let words = said.reason_string().map(str::to_owned);
        (disconnect.reason, said.session_expiry_interval(), words)
    });
    script.close(); // As a server does: else the client waits for that.
    said
}

#[test]
fn disconnect_says_what_it_was_told_to_say() {
    const WORDS: [Property<'static>; 2] =
        [Property::UserProperty(("battery", "3.1 V")), Property::ReasonString("battery low")];
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(farewell(script), (ReasonCode::SUCCESS, None, None));
            script.welcome();
            assert_eq!(farewell(script), (ReasonCode::UNSPECIFIED_ERROR, None, None));
            script.welcome();
            assert_eq!(farewell(script), (ReasonCode::SUCCESS, Some(7200), None));
            accept(script, false, &[]);
            assert_eq!(published(script).2, "first");
            let words = Some("battery low".to_owned());
            assert_eq!(farewell(script), (ReasonCode::DISCONNECT_WITH_WILL, Some(0), words));
            script.welcome();
            assert_eq!(farewell(script), (ReasonCode::SUCCESS, None, None));
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("an end");
        within(client.connect(true)).await.expect("a connection");
        let because = client.disconnect().reason(ReasonCode::UNSPECIFIED_ERROR);
        within(because).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        within(client.disconnect().session_expiry(7200)).await.expect("an end");
        within(client.connect(false)).await.expect("a connection");
        client.publish("a", "first").try_publish().expect("room");
        let all = client.disconnect().with_will().session_expiry(0).properties(&WORDS);
        within(all).await.expect("an end");
        assert_eq!(within(client.down()).await, Some(DownReason::Disconnected));
        within(client.connect(true)).await.expect("a connection");
        within(client.disconnect()).await.expect("nothing is said twice");
        server.end().await;
    });
}

/// The message that waits is not kept for a session that is given up.
#[test]
fn a_session_that_is_given_up_at_disconnect_ends_what_waits() {
    in_5_0(async {
        let server = peer(|script| {
            accept(script, false, &[]);
            assert_eq!(published(script).1, 1);
            assert_eq!(farewell(script), (ReasonCode::SUCCESS, Some(0), None));
        });
        let client = client(config(Version::V5, server.port));
        within(client.connect(false)).await.expect("a connection");
        let sent = client.publish("a", "b").qos(QoS::AtLeastOnce).send();
        let receipt = within(sent).await.expect("room");
        within(client.disconnect().session_expiry(0)).await.expect("an end");
        assert_eq!(within(receipt).await, Err(PublishError::Unknown { received: false }));
        server.end().await;
    });
}

/// The standard does not allow it (3.14.2.2.2): the connection stands as if nothing was asked for.
// Decision [expiry-from-0]
#[test]
fn a_session_without_expiry_cannot_be_kept_at_disconnect() {
    in_5_0(async {
        let server = peer(|script| {
            script.welcome();
            assert_eq!(published(script).2, "still here");
            assert_eq!(farewell(script), (ReasonCode::SUCCESS, Some(0), None));
        });
        let client = connected(config(Version::V5, server.port)).await;
        let refused = DisconnectError::Invalid(OperationError::SessionExpiry);
        assert_eq!(within(client.disconnect().session_expiry(60)).await, Err(refused));
        const KEEP: [Property<'static>; 1] = [Property::SessionExpiryInterval(60)];
        assert_eq!(within(client.disconnect().properties(&KEEP)).await, Err(refused));
        assert!(client.is_connected());
        within(client.publish("a", "still here")).await.expect("its way out");
        within(client.disconnect().session_expiry(0)).await.expect("an end");
        server.end().await;
    });
}

// 5.0 [MQTT-3.14.2-3]
#[test]
fn what_disconnect_may_not_say_is_refused_here() {
    const MISPLACED: [Property<'static>; 1] = [Property::TopicAliasMaximum(1)];
    const LONG: [Property<'static>; 1] = [Property::ReasonString("too long for that server")];
    in_5_0(async {
        let server = peer(|script| {
            let most = std::num::NonZeroU32::new(20).expect("not 0");
            accept(script, false, &[Property::MaximumPacketSize(most)]);
            assert_eq!(farewell(script), (ReasonCode::SUCCESS, None, None));
        });
        let client = connected(config(Version::V5, server.port)).await;
        let no_reason = client.disconnect().reason(ReasonCode::GRANTED_QOS_1);
        let error = EncodeError::ReasonCode(PacketType::Disconnect, 1);
        assert_eq!(within(no_reason).await, Err(DisconnectError::Invalid(error.into())));
        let error = EncodeError::MisplacedProperty(Carrier::Packet(PacketType::Disconnect), 0x22);
        let misplaced = within(client.disconnect().properties(&MISPLACED)).await;
        assert_eq!(misplaced, Err(DisconnectError::Invalid(error.into())));
        let long = within(client.disconnect().properties(&LONG)).await;
        assert_eq!(long, Err(DisconnectError::Invalid(Limit::MaximumPacketSize.into())));
        within(client.disconnect()).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn version_3_1_1_has_no_properties_of_disconnect() {
    in_3_1_1(async {
        let server = peer(|script| {
            script.welcome();
            script.expect(PacketType::Disconnect);
        });
        let client = connected(config(Version::V311, server.port)).await;
        let refused = DisconnectError::Invalid(EncodeError::PropertiesNeedV5.into());
        assert_eq!(within(client.disconnect().session_expiry(0)).await, Err(refused));
        within(client.disconnect().reason(ReasonCode::UNSPECIFIED_ERROR)).await.expect("an end");
        server.end().await;
    });
}

#[test]
fn options_of_disconnect_want_a_connection_too() {
    both(async |version| {
        let client = client(config(version, 1));
        let options = || client.disconnect().session_expiry(5).reason(ReasonCode::GRANTED_QOS_1);
        assert_eq!(within(options()).await, Err(DisconnectError::NotConnected));
    });
}

/// DISCONNECT waits behind what the server does not read, and the link breaks.
#[test]
fn disconnect_says_that_it_was_not_sent() {
    both(async |version| {
        let (tell, told) = mpsc::channel();
        let server = peer(move |script| {
            script.welcome();
            told.recv().expect("a program that disconnects");
            script.reset();
        });
        let client = connected(config(version, server.port)).await;
        let payload = "x".repeat(1000);
        let publish = || client.publish("a", payload.as_str()).timeout(200 * MS);
        while within(publish()).await.is_ok() {}
        let breaks = async { tell.send(()).expect("a peer") };
        let (ended, ()) = within(zip(client.disconnect(), breaks)).await;
        assert_eq!(ended, Err(DisconnectError::Unsent));
        server.end().await;
    });
}
