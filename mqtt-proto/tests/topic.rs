//! Topic names and topic filters, as sections 4.7 and 4.8.2 describe them.

use mqtt_as_proto::{TopicError, TopicFilter, TopicName};

fn name(name: &str) -> TopicName<'_> {
    TopicName::new(name).unwrap()
}

fn matches(filter: &str, topic: &str) -> bool {
    TopicFilter::new(filter).unwrap().matches(name(topic))
}

#[test]
fn a_name_keeps_the_bytes_it_was_made_from() {
    for topic in ["a", "/", "//", " ", "Accounts payable", "$SYS/uptime", "a/ä/水/😀", "$share/g/x"]
    {
        assert_eq!(name(topic).as_str(), topic);
        assert_eq!(name(topic).as_bytes(), topic.as_bytes());
        assert_eq!(name(topic).to_string(), topic);
        assert_eq!(TopicName::from_bytes(topic.as_bytes()), TopicName::try_from(topic));
        assert!(!name(topic).is_empty());
    }
    assert_eq!(format!("{:?}", name("a/b")), "TopicName(\"a/b\")");
}

// 3.1.1 [MQTT-4.7.3-1]
// 5.0 [MQTT-4.7.3-1]
#[test]
fn an_empty_topic_is_refused() {
    assert_eq!(TopicName::new(""), Err(TopicError::Empty));
    assert_eq!(TopicFilter::new(""), Err(TopicError::Empty));
}

// 3.1.1 [MQTT-4.7.3-3]
// 5.0 [MQTT-4.7.3-3]
#[test]
fn a_topic_has_at_most_65535_bytes() {
    let longest = "t".repeat(65_535);
    assert!(TopicName::new(&longest).is_ok());
    assert!(TopicFilter::new(&longest).is_ok());
    let longer = "t".repeat(65_536);
    assert_eq!(TopicName::new(&longer), Err(TopicError::TooLong));
    assert_eq!(TopicFilter::new(&longer), Err(TopicError::TooLong));
}

/// [MQTT-4.7.3-2] [MQTT-4.7.0-1] [MQTT-1.5.4-1]: whatever the length, and wherever the byte is.
// 3.1.1 [MQTT-1.5.3-1] [MQTT-4.7.1-1] [MQTT-4.7.3-2]
// 5.0 [MQTT-1.5.4-1] [MQTT-3.3.2-14] [MQTT-4.7.0-1] [MQTT-4.7.3-2]
#[test]
fn one_bad_byte_is_found_at_any_place() {
    for filler in [b'a', b'/', 0x7f, 0x01, b'"', b'$', b'*', b',', b'\'', b'('] {
        for len in 1..=40 {
            let mut topic = vec![filler; len];
            assert!(TopicName::from_bytes(&topic).is_ok(), "{topic:?}");
            for at in 0..len {
                for (bad, error) in [
                    (0, TopicError::Nul),
                    (b'+', TopicError::WildcardInName),
                    (b'#', TopicError::WildcardInName),
                    (0x80, TopicError::NotUtf8),
                    (0xff, TopicError::NotUtf8),
                ] {
                    topic[at] = bad;
                    assert_eq!(TopicName::from_bytes(&topic), Err(error), "{topic:?}");
                }
                topic[at] = filler;
            }
        }
    }
}

/// The byte-wise rules, written plainly, judge every pair of bytes in the same way.
#[test]
fn every_pair_of_bytes_is_judged_by_the_rules() {
    for first in 0..=255 {
        for second in 0..=255 {
            let topic = [b'a', first, second, b'b', b'c', b'd', b'e', b'f', b'g'];
            let text = std::str::from_utf8(&topic);
            let right = text.is_ok_and(|text| !text.contains(['\0', '+', '#']));
            assert_eq!(TopicName::from_bytes(&topic).is_ok(), right, "{topic:?}");
        }
    }
}

#[test]
fn bad_bytes_are_found_beside_other_characters_too() {
    assert_eq!(TopicName::new("ä\0"), Err(TopicError::Nul));
    assert_eq!(TopicName::new("ä/+"), Err(TopicError::WildcardInName));
    assert_eq!(TopicFilter::new("ä\0"), Err(TopicError::Nul));
    assert_eq!(TopicFilter::new("ä+"), Err(TopicError::MisplacedWildcard));
    assert!(TopicFilter::new("ä/+/#").is_ok());
    // A surrogate code point [MQTT-1.5.4-1].
    assert_eq!(TopicFilter::from_bytes(b"\xed\xa0\x80"), Err(TopicError::NotUtf8));
}

// 3.1.1 [MQTT-1.5.3-3]
// 5.0 [MQTT-1.5.4-3]
#[test]
fn a_byte_order_mark_is_a_character() {
    assert_eq!(name("\u{feff}a").as_bytes(), b"\xef\xbb\xbfa");
    assert!(!matches("a", "\u{feff}a"));
}

// 3.1.1 [MQTT-4.7.1-2]
// 5.0 [MQTT-4.7.1-1]
#[test]
fn the_multi_level_wildcard_is_alone_and_last() {
    for filter in ["#", "/#", "sport/#", "sport/tennis/player1/#"] {
        assert!(TopicFilter::new(filter).is_ok(), "{filter}");
    }
    for filter in ["sport#", "sport/tennis#", "#sport", "##", "#/", "sport/tennis/#/ranking"] {
        assert_eq!(TopicFilter::new(filter), Err(TopicError::MisplacedWildcard), "{filter}");
    }
}

// 3.1.1 [MQTT-4.7.1-3]
// 5.0 [MQTT-4.7.1-2]
#[test]
fn the_single_level_wildcard_fills_its_level() {
    for filter in ["+", "/+", "+/", "+/+", "+/tennis/#", "sport/+/player1"] {
        assert!(TopicFilter::new(filter).is_ok(), "{filter}");
    }
    for filter in ["sport+", "+sport", "++", "sport/+a/b", "a+/b", "+#", "#+", "a/+#"] {
        assert_eq!(TopicFilter::new(filter), Err(TopicError::MisplacedWildcard), "{filter}");
    }
}

// 3.1.1 [MQTT-4.7.1-2]
// 5.0 [MQTT-4.7.1-1]
#[test]
fn the_multi_level_wildcard_matches_the_parent_and_all_below() {
    assert!(matches("sport/tennis/player1/#", "sport/tennis/player1"));
    assert!(matches("sport/tennis/player1/#", "sport/tennis/player1/ranking"));
    assert!(matches("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"));
    assert!(matches("sport/#", "sport"));
    assert!(matches("sport/#", "sport/"));
    assert!(!matches("sport/#", "sports"));
    assert!(!matches("sport/#", "/sport"));
    assert!(matches("#", "sport/tennis"));
    assert!(matches("#", "/"));
}

// 3.1.1 [MQTT-4.7.1-3]
// 5.0 [MQTT-4.7.1-2]
#[test]
fn the_single_level_wildcard_matches_one_level() {
    assert!(matches("sport/tennis/+", "sport/tennis/player1"));
    assert!(!matches("sport/tennis/+", "sport/tennis/player1/ranking"));
    assert!(!matches("sport/+", "sport"));
    assert!(matches("sport/+", "sport/"));
    assert!(matches("+/+", "/finance"));
    assert!(matches("/+", "/finance"));
    assert!(!matches("+", "/finance"));
    assert!(matches("+/tennis/#", "sport/tennis"));
    assert!(matches("a/+/c/#", "a//c/d/e"));
}

// 3.1.1 [MQTT-4.7.2-1]
// 5.0 [MQTT-4.7.2-1]
#[test]
fn a_leading_wildcard_does_not_match_a_system_topic() {
    assert!(!matches("#", "$SYS/uptime"));
    assert!(!matches("+/monitor/Clients", "$SYS/monitor/Clients"));
    assert!(!matches("$share/g/#", "$SYS/uptime"));
    assert!(matches("$SYS/#", "$SYS/uptime"));
    assert!(matches("$SYS/monitor/+", "$SYS/monitor/Clients"));
    assert!(matches("$share/g/$SYS/#", "$SYS/uptime"));
    assert!(matches("a/#", "a/$b"));
}

// 3.1.1 [MQTT-4.7.3-4]
// 5.0 [MQTT-4.7.3-4]
#[test]
fn nothing_is_normalised() {
    assert!(matches("ACCOUNTS", "ACCOUNTS"));
    assert!(!matches("ACCOUNTS", "Accounts"));
    assert!(!matches("/finance", "finance"));
    assert!(!matches("a//b", "a/b"));
    assert!(!matches("a/", "a"));
    assert!(!matches("\u{e9}", "e\u{301}"));
}

// 5.0 [MQTT-4.8.2-1]
#[test]
fn a_shared_subscription_has_a_share_name_and_a_filter() {
    let shared = TopicFilter::new("$share/consumer1/sport/tennis/+").unwrap();
    assert_eq!(shared.share_name(), Some("consumer1"));
    assert_eq!(shared.without_share(), TopicFilter::new("sport/tennis/+").unwrap());
    assert_eq!(shared.as_str(), "$share/consumer1/sport/tennis/+");
    assert!(shared.matches(name("sport/tennis/player1")));
    assert!(!shared.matches(name("$share/consumer1/sport/tennis/player1")));
    let slash = TopicFilter::new("$share/consumer1//finance").unwrap();
    assert_eq!(slash.without_share().as_str(), "/finance");
    assert!(TopicFilter::new("$share/g//").is_ok());
}

// 5.0 [MQTT-4.8.2-2]
#[test]
fn a_filter_that_only_looks_shared_is_not() {
    for filter in ["$share", "$shared/g/a", "a/$share/g", "$SHARE/g/a", "/$share/g/a"] {
        let filter = TopicFilter::new(filter).unwrap();
        assert_eq!(filter.share_name(), None, "{filter}");
        assert_eq!(filter.without_share(), filter);
    }
}

// 5.0 [MQTT-4.8.2-1] [MQTT-4.8.2-2]
#[test]
fn an_ill_formed_shared_subscription_is_refused() {
    for filter in ["$share/", "$share//", "$share//a", "$share/+/a", "$share/g#/a", "$share/#"] {
        assert_eq!(TopicFilter::new(filter), Err(TopicError::ShareName), "{filter}");
    }
    for filter in ["$share/g", "$share/g/"] {
        assert_eq!(TopicFilter::new(filter), Err(TopicError::ShareFilter), "{filter}");
    }
    assert_eq!(TopicFilter::new("$share/g/a#"), Err(TopicError::MisplacedWildcard));
}

#[test]
fn a_filter_tells_whether_it_has_wildcards() {
    for (filter, wild) in [("a", false), ("a/+", true), ("#", true), ("$share/g/a", false)] {
        assert_eq!(TopicFilter::new(filter).unwrap().has_wildcard(), wild, "{filter}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let told = |topic| TopicFilter::new(topic).unwrap_err().to_string();
    assert_eq!(told(""), "the topic is empty: it needs at least one character");
    assert!(told("a+").contains("'+' must fill a whole level"));
    assert!(told("$share/g").contains("$share/name/filter"));
    assert!(told(&"t".repeat(70_000)).contains("65535 bytes"));
}
