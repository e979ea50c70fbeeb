//! Messages that come piece by piece, and those who take them, pass over them, or go away.

use mqtt_as_proto::client::{
    Acknowledged, Config, ConnectionError, Consumer, Look, ManualAck, Stop,
};
use mqtt_as_proto::{ReasonCode, Version};

use crate::peer::{BOTH, dup, incoming};
use crate::stream_in::{Reader, assert_goes_on, front, large, streaming, tight, wide};

#[test]
fn while_its_window_is_full_nothing_is_read_and_its_reader_has_the_response_time() {
    for qos in 0..=2 {
        let mut peer = tight(streaming(Version::V5));
        peer.send_bytes(&large(Version::V5, qos, 5)).unwrap();
        assert_eq!(peer.read_on(), Ok(Some(Stop::Take)));
        let unread = peer.unread();
        assert!(unread > 2000 && peer.client.is_full());
        peer.client.ping();
        assert!(peer.client.is_full(), "the answer lies behind it");
        let mut reader = Reader::begin(&mut peer);
        assert!(peer.client.is_stream_open());
        peer.advance(499).unwrap();
        assert_eq!(reader.look(&mut peer, 1), Look::Bytes(1));
        assert!(!peer.client.is_full());
        peer.read().unwrap();
        assert_eq!(peer.unread(), unread - 1);
        peer.advance(499).unwrap();
        match qos {
            0 => peer.advance(1).unwrap(),
            _ => assert_eq!(peer.advance(1), Err(ConnectionError::StreamNotTaken)),
        }
        assert_eq!(peer.events().last().unwrap(), "readable");
        assert_eq!(reader.look(&mut peer, 1), Look::Late);
        assert_eq!(peer.client.leave_stream_in(reader.key, true), None);
        assert_eq!(peer.client.held_bytes().1, 0);
        if qos == 0 {
            assert_eq!(peer.client.counts().discards, 1);
            peer.read().unwrap();
            assert_goes_on(&mut peer);
        } else {
            assert_eq!(peer.sent(), ["DISCONNECT 0x00"]);
        }
    }
}

#[test]
fn taken_up_by_nobody_it_comes_again_and_callbacks_do_not_take_it() {
    let mut peer = tight(streaming(Version::V311));
    peer.send_bytes(&large(Version::V311, 2, 5)).unwrap();
    assert_eq!(peer.advance(500), Err(ConnectionError::StreamNotTaken));
    assert_eq!(peer.client.held_bytes().1, 0);

    for qos in 0..=2 {
        // Those that take whole ones come when it is there, go away, or were there before.
        for order in 0..3 {
            let mut peer = tight(streaming(Version::V5));
            if order == 0 {
                peer.client.activate(Consumer::Callbacks);
            }
            if order != 1 {
                peer.client.deactivate(Consumer::Queue);
            }
            if order == 2 {
                peer.client.activate(Consumer::Callbacks);
            }
            peer.send_bytes(&large(Version::V5, qos, 5)).unwrap();
            if order == 1 {
                peer.client.activate(Consumer::Callbacks);
                peer.client.deactivate(Consumer::Queue);
            }
            peer.read().unwrap();
            assert_eq!((peer.unread(), peer.client.counts().too_large), (0, 1));
            assert_eq!(peer.sent().len(), usize::from(qos != 0), "it is acknowledged");
            assert!(peer.client.next(Consumer::Callbacks).is_none());
            peer.message(incoming(0, 0, "t", "after"));
            assert!(peer.client.next(Consumer::Callbacks).is_some());
        }
    }
}

#[test]
fn what_waits_for_nobody_is_not_kept_for_callbacks() {
    let mut peer = wide(streaming(Version::V5));
    peer.client.deactivate(Consumer::Queue);
    peer.send_bytes(&large(Version::V5, 1, 5)).unwrap();
    peer.message(incoming(1, 6, "t", "after"));
    assert!(peer.sent().is_empty());
    peer.client.activate(Consumer::Callbacks);
    assert_eq!(peer.sent(), ["PUBACK #5"]);
    let token = peer.client.begin(Consumer::Callbacks).unwrap();
    peer.client.finish(Consumer::Callbacks, token);
    assert_eq!(peer.sent(), ["PUBACK #6"]);
}

#[test]
fn whoever_wants_whole_messages_passes_over_it() {
    for mut peer in [tight(streaming(Version::V5)), wide(streaming(Version::V5))] {
        peer.send_bytes(&large(Version::V5, 2, 5)).unwrap();
        peer.client.pass_streams();
        assert!(peer.client.next(Consumer::Queue).is_none());
        peer.read().unwrap();
        assert_eq!(peer.sent(), ["PUBREC #5"]);
        assert_eq!(peer.client.counts().too_large, 1);
        assert_goes_on(&mut peer);
    }
}

// Decision [held-until-taken]
#[test]
fn its_acknowledgement_leaves_in_its_turn() {
    let mut peer = wide(streaming(Version::V5));
    peer.send_bytes(&large(Version::V5, 1, 5)).unwrap();
    peer.message(incoming(1, 6, "t", "after"));
    let reader = Reader::begin(&mut peer);
    let token = peer.client.begin(Consumer::Queue).unwrap();
    peer.client.finish(Consumer::Queue, token);
    assert!(peer.sent().is_empty());
    peer.client.finish_stream(reader.key);
    assert_eq!(peer.sent(), ["PUBACK #5", "PUBACK #6"]);
}

#[test]
fn its_rest_may_be_skipped() {
    for version in BOTH {
        for qos in 0..=2 {
            let mut peer = tight(streaming(version));
            let bytes = large(version, qos, 5);
            peer.send_bytes(&bytes[..100]).unwrap();
            let mut reader = Reader::begin(&mut peer);
            let _ = reader.look(&mut peer, 10);
            peer.client.finish_stream(reader.key);
            assert!(!peer.client.is_stream_open());
            peer.send_bytes(&bytes[100..]).unwrap();
            assert_eq!(peer.sent().len(), usize::from(qos != 0));
            assert_goes_on(&mut peer);
        }
    }
}

#[test]
fn behind_one_that_is_left_half_way_all_come_again_in_order() {
    for version in BOTH {
        for lost in [false, true] {
            let mut peer = wide(streaming(version));
            peer.send_bytes(&large(version, 2, 5)).unwrap();
            peer.message(incoming(2, 6, "t", "after"));
            if lost {
                peer.reconnect(true);
            }
            let mut reader = Reader::begin(&mut peer);
            assert_eq!(reader.look(&mut peer, 10), Look::Bytes(10));
            peer.client.leave_stream_in(reader.key, true);
            assert!(peer.client.next(Consumer::Queue).is_none(), "it would come before");
            peer.reconnect(true);
            peer.send_bytes(&large(version, 2, 5)).unwrap();
            peer.message(dup(incoming(2, 6, "t", "after")));
            let mut again = Reader::begin(&mut peer);
            again.read_all(&mut peer, 1000);
            peer.client.finish_stream(again.key);
            peer.deaf = false;
            assert_eq!(peer.message(incoming(0, 0, "t", "zero")).len(), 2);
        }
    }
}

#[test]
fn left_half_way_it_ends_the_connection_and_comes_again() {
    for version in BOTH {
        for len in [100, usize::MAX] {
            let mut peer = wide(streaming(version));
            let bytes = large(version, 2, 5);
            peer.send_bytes(&bytes[..len.min(bytes.len())]).unwrap();
            let mut reader = Reader::begin(&mut peer);
            assert_eq!(reader.look(&mut peer, 10), Look::Bytes(10));
            if len > 100 {
                peer.message(incoming(1, 6, "t", "after"));
                let token = peer.client.begin(Consumer::Queue).unwrap();
                peer.client.finish(Consumer::Queue, token);
            }
            let error = Some(ConnectionError::StreamNotTaken);
            assert_eq!(peer.client.leave_stream_in(reader.key, true), error);
            // What comes before the driver looks at the time: it comes again behind the other one.
            if len > 100 {
                assert!(peer.message(incoming(2, 7, "t", "behind")).is_empty());
                assert_eq!(
                    peer.client.next(Consumer::Queue).map(|stored| stored.payload_len()),
                    None
                );
            }
            assert_eq!(peer.advance(0).err(), error);
            assert_eq!(peer.sent(), ["DISCONNECT 0x00"], "what is behind it waits for it");
            peer.reconnect(true);
            peer.send_bytes(&bytes).unwrap();
            let mut reader = Reader::begin(&mut peer);
            reader.read_all(&mut peer, 1000);
            peer.client.finish_stream(reader.key);
            assert_eq!(peer.sent(), ["PUBREC #5"]);
        }
    }
    let mut peer = tight(streaming(Version::V5));
    peer.send_bytes(&large(Version::V5, 0, 0)).unwrap();
    let mut reader = Reader::begin(&mut peer);
    let _ = reader.look(&mut peer, 10);
    assert_eq!(peer.client.leave_stream_in(reader.key, true), None);
    assert_eq!(peer.client.counts().discards, 1);
    peer.read().unwrap();
    assert_goes_on(&mut peer);
}

#[test]
fn left_unread_or_whole_it_stays_at_the_front() {
    for qos in 0..=2 {
        let mut peer = wide(streaming(Version::V5));
        peer.send_bytes(&large(Version::V5, qos, 5)).unwrap();
        peer.message(incoming(qos, 6, "big", "0123456789"));
        let reader = Reader::begin(&mut peer);
        assert_eq!(front(&mut peer).unwrap(), format!("message q{qos} big 10"));
        assert_eq!(peer.client.leave_stream_in(reader.key, false), None);
        assert_eq!(front(&mut peer).unwrap(), format!("stream q{qos} big 3000"));
        let mut reader = Reader::begin(&mut peer);
        reader.read_all(&mut peer, 999);
        peer.client.finish_stream(reader.key);
        let mut whole = Reader::begin(&mut peer);
        assert_eq!(whole.look(&mut peer, 3), Look::Bytes(3));
        assert_eq!(peer.client.leave_stream_in(whole.key, true), None);
        let mut whole = Reader::begin(&mut peer);
        whole.read_all(&mut peer, 3);
        peer.client.finish_stream(whole.key);
        assert_eq!((front(&mut peer), peer.sent().len()), (None, 2 * usize::from(qos != 0)));
    }
}

#[test]
fn whole_messages_of_several_readers_are_kept_apart() {
    let mut peer = wide(streaming(Version::V5));
    for (qos, id) in [(0, 0), (1, 6), (0, 0)] {
        peer.message(incoming(qos, id, "big", "0123456789"));
    }
    let mut readers = [(); 3].map(|()| Reader::begin(&mut peer));
    assert!(peer.client.stream_token(readers[0].key).is_none());
    assert!(peer.client.stream_token(readers[1].key).is_some());
    for reader in &mut readers {
        reader.read_all(&mut peer, 4);
    }
    peer.client.finish_stream(readers[0].key);
    assert!(peer.sent().is_empty());
    assert_eq!(readers[0].look(&mut peer, 4), Look::Lost, "it is over");
    peer.client.finish_stream(readers[1].key);
    assert_eq!(peer.sent(), ["PUBACK #6"]);
    assert_eq!(readers[2].look(&mut peer, 4), Look::Bytes(0));
}

// Decision [manual-ack]
#[test]
fn by_hand_it_is_acknowledged_when_it_is_finished_or_later() {
    for early in [false, true] {
        let mut peer = tight(Config { manual_ack: Some(ManualAck::ALL), ..streaming(Version::V5) });
        peer.send_bytes(&large(Version::V5, 1, 5)).unwrap();
        let mut reader = Reader::begin(&mut peer);
        let token = peer.client.stream_token(reader.key).unwrap();
        let refused = ReasonCode::QUOTA_EXCEEDED;
        if early {
            assert_eq!(peer.client.acknowledge(token, refused), Acknowledged::Queued);
        }
        reader.read_all(&mut peer, 100);
        assert!(peer.sent().is_empty());
        peer.client.finish_stream(reader.key);
        if !early {
            assert!(peer.sent().is_empty());
            assert_eq!(peer.client.acknowledge(token, refused), Acknowledged::Queued);
        }
        assert_eq!(peer.sent(), ["PUBACK #5 0x97"]);
        assert_eq!(peer.client.acknowledge(token, refused), Acknowledged::Stale);
    }
}

#[cfg(feature = "bytes")]
#[test]
fn whole_messages_held_by_reference_are_read_as_well() {
    use mqtt_as_proto::Packet;
    use mqtt_as_proto::client::Input;

    use crate::peer::encode;
    use crate::stream_in::payload;

    let settings = Config { maximum_packet_size: 8 * 1024, ..streaming(Version::V5) };
    let mut peer = wide(settings);
    let bytes = encode(&Packet::Publish(incoming(1, 5, "big", &payload(5000))), Version::V5);
    let bytes = bytes::Bytes::from(bytes);
    let now = peer.now;
    let input = Input::shared(&bytes);
    let handled = peer.with_events(|client, tell| client.handle_bytes(input, now, tell)).unwrap();
    assert!(handled.messages && peer.client.next(Consumer::Queue).unwrap().shared().is_some());
    let mut reader = Reader::begin(&mut peer);
    reader.read_all(&mut peer, 999);
    peer.client.finish_stream(reader.key);
    assert_eq!(peer.sent(), ["PUBACK #5"]);
    assert!(peer.client.take_released().is_some());
}
