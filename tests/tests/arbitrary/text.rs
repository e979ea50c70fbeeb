//! Strings, bytes and topics. They are never freed: packets borrow what they say, and a test is short.

use mqtt_as_proto::{PacketId, TopicFilter, TopicName};
use proptest::collection::vec;
use proptest::prelude::*;

fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Any characters but U+0000; at times the most bytes that there may be, or about 128.
pub(crate) fn text() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        200 => "[^\\x00]{0,12}".prop_map(kept),
        20 => (120_usize..135).prop_map(|len| kept("ä".repeat(len / 2) + &"x".repeat(len % 2))),
        1 => Just(()).prop_map(|()| kept("x".repeat(65_535))),
    ]
}

pub(crate) fn bytes() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![
        200 => vec(any::<u8>(), 0..16),
        20 => vec(any::<u8>(), 120..135),
        1 => Just(vec![0; 65_535]),
    ]
    .prop_map(|bytes| &*bytes.leak())
}

/// A payload may be longer: its packet has a length of up to three bytes.
pub(crate) fn payload() -> impl Strategy<Value = &'static [u8]> {
    let long = (16_000_usize..17_000).prop_map(|len| &*vec![7; len].leak());
    prop_oneof![20 => bytes(), 1 => long]
}

pub(crate) fn name() -> impl Strategy<Value = TopicName<'static>> {
    "[^\\x00+#]{1,20}".prop_map(|text| TopicName::new(kept(text)).expect("a topic name"))
}

/// Of levels, some of them wildcards, and perhaps a shared one.
pub(crate) fn filter() -> impl Strategy<Value = TopicFilter<'static>> {
    let level = prop_oneof![3 => "[^\\x00+#/]{0,5}", 1 => Just("+".to_owned())];
    let last = prop_oneof![Just(""), Just("/#"), Just("/+")];
    let share = prop_oneof![3 => Just(""), 1 => Just("$share/group/")];
    (share, "[a-z]{1,3}", vec(level, 0..4), last).prop_map(|(share, first, levels, last)| {
        let levels: String = levels.iter().map(|level| format!("/{level}")).collect();
        let filter = kept(format!("{share}{first}{levels}{last}"));
        TopicFilter::new(filter).expect("a topic filter")
    })
}

pub(crate) fn id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).expect("not 0"))
}
